"""What was recorded: states to look at or to go on from, and the runs there are. Any process finds what any other has
recorded as soon as its call has returned."""

import ctypes
import json
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from burr_collector import _library
from burr_collector.tracker import encode, raise_for


class LoadedStep(NamedTuple):
    """A finished step. The state is as it was stored: not deserialized, without keys that begin with "__"."""

    partition_key: Optional[str]
    sequence_id: int
    position: str
    state: Dict[str, Any]
    created_at: str
    is_completed: bool


def _text(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode()


def load(
    store: Optional[bytes], project: str, app_id: str, partition_key: Optional[str], sequence_id: int
) -> Optional[LoadedStep]:
    """The step that has this sequence id, or the last finished one (LAST_STEP). None: there is no such application or
    step, or the application is another partition's. Raises OSError, ValueError."""
    library, loaded, error = _library.get(), ctypes.POINTER(_library.Loaded)(), _library.Error()
    status = library.load(
        store,
        encode(project),
        encode(app_id),
        None if partition_key is None else encode(partition_key),
        sequence_id,
        ctypes.byref(loaded),
        ctypes.byref(error),
    )
    if status == _library.ENOTFOUND:
        return None
    if status != _library.OK:
        raise_for(status, error)
    try:
        step = loaded.contents
        return LoadedStep(
            _text(step.partition_key),
            step.sequence_id,
            step.position.decode(),
            json.loads(step.state_json),
            step.created_at.decode(),
            step.status == _library.STEP_COMPLETED,
        )
    finally:
        library.free(loaded)


def load_state(store: Optional[bytes], project: str, app_id: str, sequence_id: int) -> Tuple[Dict[str, Any], str]:
    """The state after a step, with "__SEQUENCE_ID", and the step's action. Raises ValueError (there is no such
    application or step), OSError."""
    library, error = _library.get(), _library.Error()
    state, entry_point = ctypes.c_void_p(), ctypes.c_void_p()
    status = library.load_state(
        store,
        encode(project),
        encode(app_id),
        sequence_id,
        ctypes.byref(state),
        ctypes.byref(entry_point),
        ctypes.byref(error),
    )
    if status == _library.ENOTFOUND:
        raise ValueError(error.text)
    if status != _library.OK:
        raise_for(status, error)
    try:
        return json.loads(_string_at(state)), _string_at(entry_point).decode()
    finally:
        library.free(state)
        library.free(entry_point)


def _string_at(pointer: ctypes.c_void_p) -> bytes:
    assert pointer.value is not None
    return ctypes.string_at(pointer.value)


def list_apps(store: Optional[bytes], project: str) -> List[Tuple[str, Optional[str]]]:
    """The project's applications, (app_id, partition key), the one that recorded last first. Raises OSError."""
    library, error = _library.get(), _library.Error()
    items, count = ctypes.POINTER(_library.AppItem)(), ctypes.c_size_t()
    status = library.list_apps(
        store, encode(project), ctypes.byref(items), ctypes.byref(count), ctypes.byref(error)
    )
    if status == _library.ENOTFOUND:
        return []
    if status != _library.OK:
        raise_for(status, error)
    try:
        return [(items[i].app_id.decode(), _text(items[i].partition_key)) for i in range(count.value)]
    finally:
        library.free(items)


def has_steps(store: Optional[bytes], project: str, app_id: str) -> bool:
    """Whether the application has recorded a step. Raises OSError."""
    library, error = _library.get(), _library.Error()
    items, count = ctypes.c_void_p(), ctypes.c_size_t()
    status = library.list_steps(
        store, encode(project), encode(app_id), ctypes.byref(items), ctypes.byref(count), ctypes.byref(error)
    )
    if status in (_library.ENOTFOUND, _library.EINVAL):
        return False
    if status != _library.OK:
        raise_for(status, error)
    library.free(items)
    return count.value > 0
