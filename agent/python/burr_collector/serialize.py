"""Values of an application as JSON bytes, equal to what Burr's own client writes.

Burr turns a value into a tree of plain ones (burr.core.serde, State.serialize) and has pydantic write that. Most values
are such a tree already, and then the first pass would copy it, at several times the cost of the second. So it is left
out for what is plain (is_plain), and both are made field by field for the rest: a field that cannot be written is then
known by name and costs itself.
"""

import gc
import reprlib
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from burr.core import State, serde
from burr.core import state as burr_state
from pydantic_core import to_json

from burr_collector._library import RECORD_BYTES_MAX
from burr_collector.errors import UnserializableError
from burr_collector.redact import Redactor

# What libburr stores for a value that is no JSON, too (proto/DISK.md).
INVALID_KEY = "__burr_invalid"

# What an object may take in a record, which has names and times besides.
OBJECT_BYTES_MAX = RECORD_BYTES_MAX // 2 - (64 << 10)

# The text of a value that a placeholder keeps. It comes to an end, and does not fail, whatever the value is.
_TEXT = reprlib.Repr()
_TEXT.maxstring = _TEXT.maxother = 2000
_TEXT.maxlevel = 4

DEPTH_MAX = 120  # of nested containers; libburr and the collector take 128 with what is around
NODES_MAX = 1 << 20  # values of a tree: so many numbers fill half a record

_PLAIN = frozenset({str, int, float, bool, type(None), dict, list})
_CONTAINERS = frozenset({dict, list})
_REGISTERED = (str, int, float, bool, dict, list, object, type(None))


def _burrs_own_serializers() -> Tuple[Any, ...]:
    return tuple(map(serde.serialize.registry.get, _REGISTERED))


_BURRS_OWN = _burrs_own_serializers()


def is_plain(*containers: Any) -> bool:
    """Whether these dicts and lists are trees of nothing but exactly str, int, float, bool, None, dict and list, which
    Burr would leave as they are. False as well for what is too deep or too large to be recorded, as a tree that holds
    itself is.

    A level of the trees at a time, by what the garbage collector knows of containers: so the loop over a level's values
    runs in C, at 30 ns a value.
    """
    level: Sequence[Any] = containers
    count = 0
    for _ in range(DEPTH_MAX):
        values = gc.get_referents(*level)
        kinds = set(map(type, values))
        if not kinds <= _PLAIN:
            return False
        if kinds.isdisjoint(_CONTAINERS):
            return True
        count += len(values)
        if count > NODES_MAX:
            return False
        level = [value for value in values if type(value) in _CONTAINERS]
    return False


def _write(tree: Any) -> bytes:
    return to_json(tree, inf_nan_mode="null")


def without_surrogates(text: str) -> str:
    """Half of a surrogate pair is no text: it becomes its escape, in letters."""
    return text.encode("utf-8", "backslashreplace").decode()


def _repair(tree: Any) -> Any:
    """The tree with texts that can be written."""
    if isinstance(tree, str):
        return without_surrogates(tree)
    if isinstance(tree, dict):
        return {_repair(key) if isinstance(key, str) else key: _repair(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_repair(value) for value in tree]
    return tree


def _check_size(value: Any) -> None:
    """Raises ValueError for what has no end, or has so many values that Burr's serializers would not come to one."""
    level = [value]
    count = 0
    for _ in range(DEPTH_MAX):
        level = [
            member
            for container in level
            if isinstance(container, (dict, list, tuple))
            for member in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return
        count += len(level)
        if count > NODES_MAX:
            raise ValueError(f"more than {NODES_MAX} values")
    raise ValueError(f"nested deeper than {DEPTH_MAX}")


def _text_of_error(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # of its __str__
        return type(error).__name__


class Serializer:
    """One client's way from values to JSON.

    Threads: any; it holds nothing but its options.
    """

    def __init__(self, serde_kwargs: Mapping[str, Any], redactor: Optional[Redactor], raises: bool) -> None:
        self._serde_kwargs = serde_kwargs
        self._redactor = redactor
        self._raises = raises
        self._leaves_plain = False
        self.look_at_registry()

    def look_at_registry(self) -> None:
        """Whether somebody has registered serializers for one of the plain types, which is then a type like any other.
        Asked when an application is made: it would cost more than the rest of a small step."""
        self._leaves_plain = self._redactor is None and _burrs_own_serializers() == _BURRS_OWN

    def step(self, state: "State[Any]", result: Any) -> Tuple[bytes, Optional[bytes]]:
        """The whole state, as State.serialize gives it, and a step's result."""
        fields = state._state if type(state) is State else state.get_all()  # which copies it, a key at a time
        if burr_state.FIELD_SERIALIZATION and not burr_state.FIELD_SERIALIZATION.keys().isdisjoint(fields):
            return self._write_fields("state", fields, self._state_tree), self._object("result", result)
        if type(result) is dict and self._leaves_plain and is_plain(fields, result):
            try:
                written, written_result = to_json(fields, inf_nan_mode="null"), to_json(result, inf_nan_mode="null")
                if len(written) + len(written_result) <= OBJECT_BYTES_MAX:
                    return written, written_result
            except Exception:
                pass  # what it was, comes out field by field
        return self.fields("state", fields), self._object("result", result)

    def fields(self, of: str, fields: Dict[Any, Any]) -> bytes:
        """An object whose members are named in errors: inputs, a result."""
        if self._leaves_plain and is_plain(fields):
            try:
                written = to_json(fields, inf_nan_mode="null")
                if len(written) <= OBJECT_BYTES_MAX:
                    return written
            except Exception:
                pass  # as above
        return self._write_fields(of, fields, self._tree)

    def _object(self, of: str, value: Any) -> Optional[bytes]:
        """A value that has to be an object in the log, or None."""
        if value is None:
            return None
        if type(value) is dict:
            return self.fields(of, value)
        written = self.value(of, "", value)
        return written if written.startswith(b"{") else b'{"value":' + written + b"}"

    def value(self, of: str, name: str, value: Any) -> bytes:
        """One value: an attribute's."""
        return self._write_field(of, name, value, self._tree)

    def _tree(self, name: Any, value: Any) -> Any:
        if self._redactor is not None:
            _check_size(value)
            return self._redactor.tree(name, value, lambda inner: serde.serialize(inner, **self._serde_kwargs))
        if self._leaves_plain and is_plain([value]):
            return value
        _check_size(value)
        return serde.serialize(value, **self._serde_kwargs)

    def _state_tree(self, name: Any, value: Any) -> Any:
        if name not in burr_state.FIELD_SERIALIZATION:
            return self._tree(name, value)
        # By State itself, which knows what a field's serializer may give.
        tree = State({name: value}).serialize(**self._serde_kwargs)[name]
        return tree if self._redactor is None else self._redactor.tree(name, tree, lambda inner: inner)

    def _write_fields(self, of: str, fields: Dict[Any, Any], tree_of: Callable[[Any, Any], Any]) -> bytes:
        written = {key: self._write_field(of, key, value, tree_of) for key, value in fields.items()}
        excess = sum(map(len, written.values())) - OBJECT_BYTES_MAX
        for key in sorted(written, key=lambda key: -len(written[key])):
            if excess <= 0:
                break
            excess -= len(written[key])
            too_large = ValueError(f"{len(written[key])} bytes of JSON; a record takes {RECORD_BYTES_MAX}")
            written[key] = self._refuse(of, key, fields[key], too_large)
        return b"{" + b",".join([self._write_key(of, key) + value for key, value in written.items()]) + b"}"

    def _write_field(self, of: str, name: Any, value: Any, tree_of: Callable[[Any, Any], Any]) -> bytes:
        try:
            tree = tree_of(name, value)
            if not is_plain([tree]):
                _check_size(tree)  # a registered serializer may give what is not plain, as bytes
            written = self._write_text(tree)
            if len(written) > OBJECT_BYTES_MAX:
                raise ValueError(f"{len(written)} bytes of JSON; a record takes {RECORD_BYTES_MAX}")
            return written
        except Exception as error:
            return self._refuse(of, name, value, error)

    def _write_text(self, tree: Any) -> bytes:
        try:
            return _write(tree)
        except Exception:
            if self._raises:
                raise
            return _write(_repair(tree))

    def _write_key(self, of: str, key: Any) -> bytes:
        """As pydantic writes it, with its colon."""
        try:
            return _write({key: 0})[1:-2]
        except Exception as error:
            if self._raises:
                raise UnserializableError(f"a key of the {of}: {_text_of_error(error)}") from error
            return _write({without_surrogates(key if isinstance(key, str) else _TEXT.repr(key)): 0})[1:-2]

    def _refuse(self, of: str, name: Any, value: Any, error: Exception) -> bytes:
        """A value that cannot be written: an error that names it, or what stands in its place."""
        # With redaction, the texts of the value and of the error may hold what is not to be seen.
        why = type(error).__name__ if self._redactor is not None else _text_of_error(error)
        what = without_surrogates(f"{of} {name}: {why}" if name else f"{of}: {why}")
        if self._raises:
            raise UnserializableError(f"{what} (a {type(value).__qualname__})") from error
        text = type(value).__qualname__ if self._redactor is not None else _TEXT.repr(value)
        return _write({INVALID_KEY: {"error": what, "text": without_surrogates(text)}})
