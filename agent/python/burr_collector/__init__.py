"""Record Burr applications through burr's collector: CollectorTrackingClient in place of Burr's LocalTrackingClient."""

from burr_collector.client import CollectorTrackingClient

__all__ = ["CollectorTrackingClient"]
