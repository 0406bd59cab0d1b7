"""libburr by ctypes: where the shared library is, and what its headers (burr/*.h) declare.

A record call takes well under a microsecond, so it is made with the interpreter's lock held: giving the lock back
would let another thread take it, for 5 ms at a time. What may wait (for a disk, for room in an outage) gives it back.
So each record call is here in both ways, as `RecordCall.now` and `RecordCall.patient`.
"""

import ctypes
import functools
import os
import pathlib
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, List, NamedTuple, Optional

from burr_collector.errors import LibraryError

SONAME = "libburr.so.0"
OLDEST = "0.1.0"

# burr/status.h
OK = 0
EINVAL = -1
ENOTFOUND = -2
EEXIST = -6
EPERM = -8
ELATER = -9
EDROPPED = -10
ETIMEOUT = -11

NO_SEQUENCE_ID = -1
LAST_STEP = -1
STEP_COMPLETED = 0

# wire/limits.h: RECORD_BYTES_MAX
RECORD_BYTES_MAX = 16 << 20


class Error(ctypes.Structure):
    """burr_error"""

    _fields_ = [("code", c_int), ("message", ctypes.c_char * 512)]

    @property
    def text(self) -> str:
        message: bytes = self.message
        return message.decode("utf-8", "replace")


class TrackerOptions(ctypes.Structure):
    """burr_tracker_options"""

    _fields_ = [
        ("size", c_size_t),
        ("project", c_char_p),
        ("store", c_char_p),
        ("wait_ms", c_uint32),
        ("queue_bytes", c_uint64),
    ]


class TrackerStats(ctypes.Structure):
    """burr_tracker_stats"""

    _fields_ = [
        ("size", c_size_t),
        ("record_count", c_uint64),
        ("stored_count", c_uint64),
        ("waiting_count", c_uint64),
        ("waiting_bytes", c_uint64),
        ("dropped_count", c_uint64),
        ("invalid_count", c_uint64),
        ("route", c_int),
        ("store", ctypes.c_char * 512),
        ("trouble", ctypes.c_char * 256),
    ]


class Pointer(ctypes.Structure):
    """burr_pointer"""

    _fields_ = [("app_id", c_char_p), ("sequence_id", c_int64), ("partition_key", c_char_p)]


class ActionInfo(ctypes.Structure):
    """burr_action_info"""

    _fields_ = [(name, c_char_p) for name in ("name", "reads", "writes", "inputs", "code")]


class TransitionInfo(ctypes.Structure):
    """burr_transition_info"""

    _fields_ = [(name, c_char_p) for name in ("from_", "to", "condition")]


class AppInfo(ctypes.Structure):
    """burr_app_info"""

    _fields_ = [
        ("size", c_size_t),
        ("app_id", c_char_p),
        ("partition_key", c_char_p),
        ("entrypoint", c_char_p),
        ("actions", POINTER(ActionInfo)),
        ("action_count", c_size_t),
        ("transitions", POINTER(TransitionInfo)),
        ("transition_count", c_size_t),
        ("initial_state_json", c_char_p),
        ("parent", POINTER(Pointer)),
        ("spawning_parent", POINTER(Pointer)),
        ("name_separators", c_char_p),
    ]


class ViaRejected(ctypes.Structure):
    """burr_via_rejected"""

    _fields_ = [(name, c_char_p) for name in ("to", "condition", "values_json")]


class Via(ctypes.Structure):
    """burr_via"""

    _fields_ = [
        ("from_", c_char_p),
        ("condition", c_char_p),
        ("values_json", c_char_p),
        ("rejected", POINTER(ViaRejected)),
        ("rejected_count", c_size_t),
    ]


class Tag(ctypes.Structure):
    """burr_tag"""

    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Loaded(ctypes.Structure):
    """burr_loaded"""

    _fields_ = [
        ("app_id", c_char_p),
        ("partition_key", c_char_p),
        ("sequence_id", c_int64),
        ("position", c_char_p),
        ("state_json", c_char_p),
        ("created_at", c_char_p),
        ("status", c_int),
    ]


class AppItem(ctypes.Structure):
    """burr_app_item"""

    _fields_ = [
        ("app_id", c_char_p),
        ("partition_key", c_char_p),
        ("first_written", c_char_p),
        ("last_written", c_char_p),
        ("step_count", c_int64),
    ]


class RecordCall(NamedTuple):
    """One of libburr's record calls."""

    now: Any  # holds the interpreter's lock: for a call that does not wait
    patient: Any  # gives it back


class Library:
    """libburr's calls that the package makes.

    Arrays and structs that are only read are `c_void_p`, which is quicker to convert. Those that give something for
    freeing take `c_void_p` for it, as ctypes would turn a `char *` into bytes and lose
    the pointer.
    """

    def __init__(self, path: str) -> None:
        self._patient = ctypes.CDLL(path)
        self._now = ctypes.PyDLL(path)
        self.version: str = self._function("burr_version", [], c_char_p)().decode()
        error = POINTER(Error)
        self.tracker_open = self._function(
            "burr_tracker_open", [POINTER(TrackerOptions), POINTER(c_void_p), error], c_int
        )
        self.tracker_flush = self._function("burr_tracker_flush", [c_void_p, c_uint32, error], c_int)
        self.tracker_get_stats = self._function("burr_tracker_get_stats", [c_void_p, POINTER(TrackerStats)], None)
        self.create_app = self._function(
            "burr_tracker_create_app", [c_void_p, POINTER(AppInfo), POINTER(c_void_p), error], c_int
        )
        self.close_app = self._function("burr_tracker_close_app", [c_void_p], None)
        self.would_wait = self._function("burr_tracker_would_wait", [c_void_p, c_size_t], c_bool, self._now)
        self.begin_step = self._record_call(
            "burr_tracker_begin_step", [c_int64, c_char_p, c_char_p, c_void_p]
        )
        self.end_step = self._record_call("burr_tracker_end_step", [c_int64, c_char_p, c_char_p, c_char_p, c_char_p])
        self.begin_span = self._record_call(
            "burr_tracker_begin_span", [c_int64, c_char_p, c_char_p, c_char_p, c_void_p, c_size_t]
        )
        self.end_span = self._record_call("burr_tracker_end_span", [c_int64, c_char_p])
        self.log_attribute = self._record_call(
            "burr_tracker_log_attribute", [c_int64, c_char_p, c_char_p, c_char_p, c_void_p, c_size_t]
        )
        self.begin_stream = self._record_call("burr_tracker_begin_stream", [c_int64])
        self.first_item = self._record_call("burr_tracker_first_item", [c_int64])
        self.end_stream = self._record_call("burr_tracker_end_stream", [c_int64, c_int64])
        names = [c_char_p, c_char_p, c_char_p]
        self.load = self._function("burr_load", [*names, c_char_p, c_int64, POINTER(POINTER(Loaded)), error], c_int)
        self.load_state = self._function(
            "burr_load_state", [*names, c_int64, POINTER(c_void_p), POINTER(c_void_p), error], c_int
        )
        self.list_apps = self._function(
            "burr_list_apps", [*names[:2], POINTER(POINTER(AppItem)), POINTER(c_size_t), error], c_int
        )
        self.list_steps = self._function(
            "burr_list_steps", [*names, POINTER(c_void_p), POINTER(c_size_t), error], c_int
        )
        self.free = self._function("burr_free", [c_void_p], None)

    def _function(self, name: str, argtypes: List[Any], restype: Any, library: Optional[ctypes.CDLL] = None) -> Any:
        function = getattr(library or self._patient, name)
        function.argtypes = argtypes
        function.restype = restype
        return function

    def _record_call(self, name: str, argtypes: List[Any]) -> RecordCall:
        argtypes = [c_void_p, *argtypes]
        return RecordCall(self._function(name, argtypes, c_int, self._now), self._function(name, argtypes, c_int))


def candidates() -> List[str]:
    """Where the library is looked for, in this order: BURR_LIBRARY alone where it is set, else beside the package
    (where a wheel has it), in the build folders of the tree that the package lies in, then where the system's loader
    looks."""
    named = os.environ.get("BURR_LIBRARY")
    if named:
        return [named]
    package = pathlib.Path(__file__).resolve().parent
    found = [package / "lib" / SONAME]
    if (package.parents[1] / "include" / "burr" / "tracker.h").exists():
        found += [package.parents[2] / "build" / kind / "lib" / SONAME for kind in ("release", "dev")]
    return [*map(str, found), SONAME]


def _open(path: str) -> Library:
    try:
        return Library(path)
    except AttributeError as missing:  # a function of ours that it does not have
        raise LibraryError(
            f"libburr at {path} is older than this package needs ({OLDEST}; {missing}): install burr's current one, or "
            f"remove it and reinstall the package, whose wheel brings its own"
        ) from None


@functools.lru_cache(None)
def get() -> Library:
    """libburr, loaded once. Raises LibraryError."""
    tried = []
    for path in candidates():
        try:
            return _open(path)
        except OSError as error:
            tried.append(f"{path}: {error}")
    raise LibraryError(
        "libburr, which records and loads runs, cannot be loaded. Install burr (its library is libburr.so.0), or say "
        "where the library lies in the environment variable BURR_LIBRARY. Looked at " + "; ".join(tried)
    )
