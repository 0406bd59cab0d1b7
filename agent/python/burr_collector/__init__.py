"""Record Burr applications through burr's collector: CollectorTrackingClient in place of Burr's LocalTrackingClient.

    from burr_collector import CollectorTrackingClient

    ApplicationBuilder()….with_tracker(CollectorTrackingClient("my_project")).build()
"""

from burr_collector.client import AsyncCollectorTrackingClient, CollectorTrackingClient
from burr_collector.errors import DroppedRecordsError, LibraryError, StoreError, UnserializableError

__all__ = [
    "AsyncCollectorTrackingClient",
    "CollectorTrackingClient",
    "DroppedRecordsError",
    "LibraryError",
    "StoreError",
    "UnserializableError",
]
