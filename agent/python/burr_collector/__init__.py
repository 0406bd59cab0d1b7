"""Record Burr applications through burr's collector: CollectorTrackingClient in place of Burr's LocalTrackingClient.

    from burr_collector import CollectorTrackingClient

    builder.with_tracker(CollectorTrackingClient(project="my_project"))

The clients, and with them Burr and libburr, are loaded when they are first asked for: the command `burr-collector`
needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burr_collector._version import __version__
from burr_collector.errors import DroppedRecordsError, LibraryError, StoreError, UnserializableError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from burr_collector.client import AsyncCollectorTrackingClient, CollectorTrackingClient

__all__ = [
    "AsyncCollectorTrackingClient",
    "CollectorTrackingClient",
    "DroppedRecordsError",
    "LibraryError",
    "StoreError",
    "UnserializableError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from burr_collector import client

    return getattr(client, name)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """What `%load_ext burr_collector` calls: %burr_ui is there from then on."""
    from burr_collector import notebook

    notebook.load_ipython_extension(ipython)
