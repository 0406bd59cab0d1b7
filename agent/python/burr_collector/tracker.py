"""The process's way into stores: libburr's trackers, one for each store and project, and the applications in them.

Trackers are never closed: they cost little, several clients share one (each sub-application has a copy of its parent's
client), and the library stores what is left when the process ends.

A record that might have to wait (burr_tracker_would_wait) is made where waiting harms nobody: by the calling thread
without the interpreter's lock, or, where the calling thread runs an event loop, by the tracker's waiting thread. While
that has records of an application, the application's next ones go behind them, so that their order stays.

What is in that line is in memory only, where a kill takes it. So an event loop, too, waits for the moments that a busy
store takes, as it does with Burr's own client, which writes to the disk; but not in an outage, which shows in its
having waited in vain.
"""

import asyncio
import concurrent.futures
import ctypes
import functools
import itertools
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from burr_collector import _library
from burr_collector.errors import DroppedRecordsError, StoreError

if TYPE_CHECKING:
    from concurrent.futures import Future

logger = logging.getLogger("burr_collector")

# Records that the waiting thread keeps, of all applications of a tracker: libburr bounds the time they wait.
LINE_BYTES_MAX = 64 << 20
# That an event loop waits for a store that is busy, before it takes that for an outage: when a collector does not
# answer, libburr makes room in the overflow after 100 ms.
BUSY_WAIT_S = 0.25
BUSY_LOOK_S = 0.0001
BUSY_AGAIN_S = 10.0  # after it has waited in vain
LOCKED_BYTES_MAX = 120 << 10  # of a record that is made with the interpreter's lock held: larger ones go to files
CREATE_WAIT_S = 0.05  # that an event loop waits to hear what came of making an application
WARN_EVERY_S = 60.0


def is_in_event_loop() -> bool:
    """Whether the calling thread runs an asyncio event loop, which an outage must not keep waiting."""
    return asyncio._get_running_loop() is not None


def raise_for(status: int, error: "_library.Error") -> None:
    """What a failed call of the library becomes in Python."""
    if status in (_library.EINVAL, _library.EEXIST):
        raise ValueError(error.text)
    if status == _library.EPERM:
        raise PermissionError(error.text)
    if status == _library.ENOTFOUND:
        raise FileNotFoundError(error.text)
    raise StoreError(error.text)


def encode(text: str) -> bytes:
    """A text for libburr: half of a surrogate pair and NUL become escapes, in letters."""
    encoded = text.encode("utf-8", "backslashreplace")
    return encoded.replace(b"\0", b"\\x00") if b"\0" in encoded else encoded


encode_name = functools.lru_cache(4096)(encode)  # for what comes again and again


class WaitingLine:
    """Records that wait in a thread of their own, in the order they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: Optional[concurrent.futures.ThreadPoolExecutor] = None
        self.apps: "Dict[TrackedApp, int]" = {}  # how many of each wait
        self._bytes = 0
        self._stands_still = False  # it was waited for in vain, and nothing has left it since

    def add(self, app: "TrackedApp", size: int, function: Any, *args: Any) -> "Optional[Future[Any]]":
        """None: there is no room for it in the line."""
        with self._lock:
            if self._bytes + size > LINE_BYTES_MAX and self._bytes:
                return None
            if self._executor is None:
                self._executor = concurrent.futures.ThreadPoolExecutor(1, "burr-collector")
            try:
                waiting = self._executor.submit(self._run, app, size, function, args)
            except RuntimeError:  # the interpreter is shutting down
                return None
            self.apps[app] = self.apps.get(app, 0) + 1
            self._bytes += size
            return waiting

    def _run(self, app: "TrackedApp", size: int, function: Any, args: Tuple[Any, ...]) -> Any:
        try:
            return function(*args)
        finally:
            with self._lock:
                self._bytes -= size
                left = self.apps.pop(app) - 1
                if left:
                    self.apps[app] = left
                self._stands_still = False

    def let_go_before(self, app: "TrackedApp") -> None:
        """Wait a moment for what is in the line of this application, if the line moves."""
        if app in self.apps and not self._stands_still:
            try:
                self.drain(BUSY_WAIT_S)
            except TimeoutError:
                self._stands_still = True

    def drain(self, timeout_s: float) -> None:
        """Wait for what is in the line now. Raises TimeoutError."""
        with self._lock:
            last = self._executor.submit(int) if self._executor is not None and self.apps else None
        if last is not None:
            try:
                last.result(timeout_s)
            except concurrent.futures.TimeoutError:
                raise TimeoutError("records wait for room in the store") from None


class Tracker:
    """A tracker of libburr's. Threads: any."""

    def __init__(self, store: Optional[bytes], project: str, wait_ms: int, queue_bytes: int) -> None:
        self.library = _library.get()
        self.line = WaitingLine()
        self._dropped_count = 0  # of those that did not come as far as libburr
        self._dropped_told = 0  # by flush
        self._warned_at = -WARN_EVERY_S
        self.busy_again_at = 0.0  # when an event loop may wait for the store again, by time.monotonic
        self._pointer = ctypes.c_void_p()
        error = _library.Error()
        options = _library.TrackerOptions(
            ctypes.sizeof(_library.TrackerOptions), project.encode(), store, wait_ms, queue_bytes
        )
        status = self.library.tracker_open(ctypes.byref(options), ctypes.byref(self._pointer), ctypes.byref(error))
        if status != _library.OK:
            raise_for(status, error)

    def create_app(self, info: "_library.AppInfo") -> Optional[int]:
        """The handle of the application that info describes, which is made or gone on with. None: tracking is disabled.
        Raises ValueError (names, another partition key), OSError."""
        pointer, error = ctypes.c_void_p(), _library.Error()
        status = self.library.create_app(
            self._pointer, ctypes.byref(info), ctypes.byref(pointer), ctypes.byref(error)
        )
        if status not in (_library.OK, _library.ELATER):
            raise_for(status, error)
        return pointer.value

    def count_dropped(self) -> None:
        """A record that did not come as far as libburr."""
        self._dropped_count += 1
        self.tell(_library.EDROPPED)

    def tell(self, status: int) -> None:
        """Say, now and then, that records are lost or endangered; how many, flush tells."""
        now = time.monotonic()
        if now - self._warned_at < WARN_EVERY_S:
            return
        self._warned_at = now
        stats = self.stats()
        trouble = stats.trouble.decode("utf-8", "replace") or "no room"
        if status == _library.ELATER:
            logger.warning("records are kept in memory only: %s", trouble)
        else:
            logger.warning("records were dropped (%d until now): %s", stats.dropped_count, trouble)

    def stats(self) -> "_library.TrackerStats":
        """libburr's counts, with what was dropped before it came there."""
        stats = _library.TrackerStats(size=ctypes.sizeof(_library.TrackerStats))
        self.library.tracker_get_stats(self._pointer, ctypes.byref(stats))
        stats.dropped_count += self._dropped_count
        return stats

    def flush(self, timeout_s: float) -> None:
        """Wait until all that was recorded is stored. Raises TimeoutError, DroppedRecordsError."""
        until = time.monotonic() + timeout_s
        self.line.drain(timeout_s)
        error = _library.Error()
        left_ms = max(0, int((until - time.monotonic()) * 1000))
        status = self.library.tracker_flush(self._pointer, left_ms, ctypes.byref(error))
        if status == _library.ETIMEOUT:
            raise TimeoutError(error.text)
        if status != _library.OK:
            raise DroppedRecordsError(error.text)
        dropped, self._dropped_told = self._dropped_count - self._dropped_told, self._dropped_count
        if dropped:
            raise DroppedRecordsError(f"{dropped} records were dropped: too many waited for room")

    def after_fork_in_child(self) -> None:
        """The line's thread stayed with the parent, and so did what waits there. And the first record has to wait until
        it has made the child's spool, however long an event loop waits with it."""
        self.line = WaitingLine()
        self.busy_again_at = time.monotonic() + BUSY_AGAIN_S


class TrackedApp:
    """One application that is recorded. Closed with its last reference.

    transitions  from each action: to where, on which condition, in the order in which they are tried
    is_awaited   an event loop awaits what record gives, so nothing holds it up
    """

    __slots__ = (
        "library",
        "tracker",
        "pointer",
        "stream_counts",
        "vias",
        "_made_vias",
        "_transitions",
        "_is_awaited",
        "__weakref__",
    )

    def __init__(
        self, tracker: Tracker, transitions: Mapping[str, Sequence[Tuple[str, bytes]]], is_awaited: bool
    ) -> None:
        self.library = tracker.library
        self.tracker = tracker
        self.pointer: Optional[int] = None  # None: tracking is disabled, or it is still being made
        self.stream_counts: Dict[int, int] = {}  # items, by the sequence id of the step that streams
        self._transitions = transitions
        self._is_awaited = is_awaited
        self.vias: Dict[Tuple[Optional[str], str], Optional[int]] = {}  # what find_via has found
        self._made_vias: "List[Optional[_library.Via]]" = []  # which those addresses are of

    def __del__(self) -> None:
        if self.pointer is not None:
            self.library.close_app(self.pointer)

    def create(self, info: "_library.AppInfo") -> None:
        """Make the application that info describes, or go on with the one that is there. Raises ValueError (names,
        another partition key) and OSError; an event loop hears of them only if they are known soon, and later ones are
        logged."""
        if not is_in_event_loop():
            self._create(info)
            return
        making = self.tracker.line.add(self, 0, self._create, info)
        if making is None:
            raise StoreError("the interpreter is shutting down")
        try:
            making.result(CREATE_WAIT_S)
        except concurrent.futures.TimeoutError:
            making.add_done_callback(_log_failure)

    def _create(self, info: "_library.AppInfo") -> None:
        self.pointer = self.tracker.create_app(info)

    def record(self, call: "_library.RecordCall", size: int, *args: Any) -> "Optional[Future[None]]":
        """Make a record call.

        size  bytes of its texts, about

        None: it is made. A future: it waits in line, as the thread runs an event loop.
        """
        waiting = self.tracker.line.apps
        if (waiting and self in waiting) or self.library.would_wait(self.pointer, size):
            return self._record_patiently(call, size, args)
        make = call.now if size <= LOCKED_BYTES_MAX else call.patient
        status = make(self.pointer, *args)
        if status != _library.OK:
            self.tracker.tell(status)
        return None

    def _record_patiently(
        self, call: "_library.RecordCall", size: int, args: Tuple[Any, ...]
    ) -> "Optional[Future[None]]":
        line, in_loop = self.tracker.line, is_in_event_loop()
        if not (in_loop and self._is_awaited):
            line.let_go_before(self)
            if self not in line.apps and (not in_loop or self._has_room_soon(size)):
                self._call(call, args)
                return None
        waiting = line.add(self, size, self._call, call, args)
        if waiting is None:
            self.tracker.count_dropped()
            return None
        if in_loop:
            return waiting
        waiting.result()
        return None

    def _has_room_soon(self, size: int) -> bool:
        """Whether the record need not wait after all. Waits a moment for that."""
        until = time.monotonic() + BUSY_WAIT_S
        while self.library.would_wait(self.pointer, size):
            now = time.monotonic()
            if now < self.tracker.busy_again_at:
                return False
            if now >= until:
                self.tracker.busy_again_at = now + BUSY_AGAIN_S
                return False
            time.sleep(BUSY_LOOK_S)
        return True

    def _call(self, call: "_library.RecordCall", args: Tuple[Any, ...]) -> None:
        status = call.patient(self.pointer, *args)
        if status != _library.OK:
            self.tracker.tell(status)

    def find_via(self, prior: Optional[str], action: str) -> Optional[int]:
        """The address of the burr_via that says why the action comes after prior, for vias. None: it is not known, or
        the action is an entrypoint."""
        via = None if prior is None else _make_via(prior, action, self._transitions.get(prior, ()))
        self._made_vias.append(via)
        address = None if via is None else ctypes.addressof(via)
        self.vias[prior, action] = address
        return address


def _make_via(
    prior: str, action: str, transitions: Sequence[Tuple[str, bytes]]
) -> "Optional[_library.Via]":
    """Burr takes the first transition whose condition holds. So those before the first one that leads to the action
    did not; with several that lead there, which one held is not known."""
    conditions = [condition for to, condition in transitions if to == action]
    if not conditions:
        return None
    before = itertools.takewhile(lambda transition: transition[0] != action, transitions)
    rejected = [_library.ViaRejected(encode(to), condition) for to, condition in before]
    array = (_library.ViaRejected * len(rejected))(*rejected)
    return _library.Via(encode(prior), b" or ".join(conditions), None, array, len(rejected))


def _log_failure(made: "Future[Any]") -> None:
    if not made.cancelled() and made.exception() is not None:
        logger.error("an application is not recorded: %s", made.exception())


_lock = threading.Lock()
_trackers: Dict[Tuple[Any, ...], Tracker] = {}


def get_tracker(
    store: Optional[bytes], project: str, wait_ms: int, queue_bytes: int, stale: Optional[Tracker] = None
) -> Tracker:
    """The process's tracker for these, opened with the first call. Raises OSError, LibraryError.

    stale  one whose store is gone: not that one
    """
    key = (store, project, wait_ms, queue_bytes)
    with _lock:
        tracker = _trackers.get(key)
        if tracker is None or tracker is stale:
            tracker = _trackers[key] = Tracker(*key)
        return tracker


def find_tracker(store: Optional[bytes], project: str, wait_ms: int, queue_bytes: int) -> Optional[Tracker]:
    """The same, if it is open."""
    return _trackers.get((store, project, wait_ms, queue_bytes))


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it
    for tracker in _trackers.values():
        tracker.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
