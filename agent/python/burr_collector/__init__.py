"""Record Burr applications through burr's collector: CollectorTrackingClient in place of Burr's LocalTrackingClient.

    from burr_collector import CollectorTrackingClient

<<<<<<< HEAD
    ApplicationBuilder()….with_tracker(CollectorTrackingClient("my_project")).build()

In a notebook, `%load_ext burr_collector` brings `%burr_ui`.
=======
    builder.with_tracker(CollectorTrackingClient(project="my_project"))

The clients, and with them Burr and libburr, are loaded when they are first asked for: the command `burr-collector` needs
neither.
>>>>>>> fc59f42c4e1a2dd8111f1b024afe4e73283a4fde
"""

from __future__ import annotations

<<<<<<< HEAD
import importlib
from typing import TYPE_CHECKING, Any

from burr_collector._version import __version__
=======
from typing import TYPE_CHECKING, Any

from burr_collector._version import __version__
from burr_collector.errors import DroppedRecordsError, LibraryError, StoreError, UnserializableError
>>>>>>> fc59f42c4e1a2dd8111f1b024afe4e73283a4fde

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from burr_collector.client import AsyncCollectorTrackingClient, CollectorTrackingClient
<<<<<<< HEAD
    from burr_collector.errors import DroppedRecordsError, LibraryError, StoreError, UnserializableError
=======
>>>>>>> fc59f42c4e1a2dd8111f1b024afe4e73283a4fde

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
    """Burr and libburr are loaded with the first use of a client: the command `burr-collector` needs neither."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    home = "client" if name.endswith("TrackingClient") else "errors"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def load_ipython_extension(ipython: InteractiveShell) -> None:
<<<<<<< HEAD
    """What `%load_ext burr_collector` calls."""
    importlib.import_module(f"{__name__}.notebook").load_ipython_extension(ipython)
=======
    """What `%load_ext burr_collector` calls: %burr_ui is there from then on."""
    from burr_collector import notebook

    notebook.load_ipython_extension(ipython)
>>>>>>> fc59f42c4e1a2dd8111f1b024afe4e73283a4fde
