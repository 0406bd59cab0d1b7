"""Redaction: what is not to leave the process is taken out before it is written.

Either by key patterns: the value of each key that fits one, at any depth of state, inputs, results and attributes,
becomes MARK. Or by a callable, which is given each key with its value and returns what is to be written instead. A key
is one of a mapping, an object's attribute, a named tuple's field, or the first of a pair ("authorization", "Bearer …").

A secret also shows in texts. In what Burr stores of an object that it does not know, its repr: what the object holds
is looked through, and what is taken out of it is taken out of its text, too. In an exception's traceback, and in the
actions' source: the texts that were taken out are remembered, the latest few hundred of the process, and are taken out
of those.
"""

import collections
import fnmatch
import functools
import itertools
import os
import re
import threading
import types
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Pattern, Set, Tuple, Union

from pydantic_core import to_jsonable_python

MARK = "[redacted]"

SECRET_LEN_MIN = 4  # what is shorter stands in any text by chance
SECRETS_MAX = 256
NODES_MAX = 1 << 14  # of what an object holds; beyond it is a connection or its like, with half the program behind it

Redact = Union[str, "Pattern[str]", Iterable[Union[str, "Pattern[str]"]], Callable[[str, Any], Any]]

_SERIES = (list, tuple, set, frozenset, collections.deque, collections.abc.ValuesView, collections.abc.ItemsView)
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_LEAVES = (type(None), bool, str, bytes, bytearray, int, float, complex, *_CODE)


def _decider(redact: Redact) -> Callable[[str, Any], Any]:
    if callable(redact):
        return redact
    given: Iterable[Union[str, "Pattern[str]"]] = [redact] if isinstance(redact, (str, re.Pattern)) else redact
    patterns = [
        re.compile(fnmatch.translate(pattern), re.IGNORECASE) if isinstance(pattern, str) else pattern
        for pattern in given
    ]
    return lambda key, value: MARK if any(pattern.search(key) for pattern in patterns) else value


def _attributes(value: Any) -> Iterator[Tuple[Any, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{kind.__name__.lstrip('_')}{name}"
            if name != "__dict__" and hasattr(value, name):
                yield name, getattr(value, name)


def _members(value: Any) -> Iterator[Tuple[Any, Any]]:
    """What a value holds, with its key, which is None where it has none."""
    if isinstance(value, _LEAVES):
        return
    if isinstance(value, Mapping):
        yield from ((None, key) for key in value)
        yield from value.items()
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value)
    elif isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        yield value
    elif isinstance(value, _SERIES):
        yield from ((None, member) for member in value)
    elif isinstance(value, functools.partial):
        yield from ((None, value.args), *value.keywords.items())
    elif isinstance(value, BaseException):
        yield None, value.args
    yield from _attributes(value)


def _everything_in(value: Any) -> Iterator[Tuple[Any, Any]]:
    """What a value holds, and what that holds. Raises ValueError where it comes to no end."""
    seen = {id(value): value}  # kept, as an id is that of another when its value is gone
    rest = [value]
    count = 0
    while rest:
        for key, member in _members(rest.pop()):
            count += 1
            if count > NODES_MAX:
                raise ValueError("it holds too much to be looked through for what is redacted")
            yield key, member
            if id(member) not in seen:
                seen[id(member)] = member
                rest.append(member)


def _forms(value: Any) -> Set[str]:
    """How a value may stand in a text, by itself or in a repr."""
    if value is None or isinstance(value, (bool, *_CODE)):
        return set()
    if isinstance(value, str):
        return {str(value), repr(str(value))[1:-1]}
    if isinstance(value, (bytes, bytearray)):
        return {repr(bytes(value))[2:-1], value.decode("utf-8", "replace")}
    if isinstance(value, (Mapping, *_SERIES)):  # its members do
        return set()
    try:
        return {str(value), repr(value)}
    except Exception:  # it stands in no text
        return set()


def _texts(value: Any, members_max: Optional[int] = None) -> Set[str]:
    """The texts of a value that is taken out, or of the first so many of its members."""
    texts = _forms(value)
    for _, member in itertools.islice(_everything_in(value), members_max):
        texts |= _forms(member)
    return texts - {""}


def _without(text: str, secrets: Iterable[str]) -> str:
    """All at once, the longest first: so none is looked for in another's mark."""
    found = sorted([secret for secret in secrets if secret in text], key=len, reverse=True)
    patterns = [
        re.escape(secret) if len(secret) >= SECRET_LEN_MIN else rf"(?<!\w){re.escape(secret)}(?!\w)"
        for secret in found
    ]
    return re.sub("|".join(patterns), MARK, text) if patterns else text


_lock = threading.Lock()
_remembered: "collections.OrderedDict[str, None]" = collections.OrderedDict()  # under _lock


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork_in_child)


def _remember(texts: Set[str]) -> None:
    """For the texts of all clients: an exception of a sub-application, which has a copy of its parent's client, is the
    parent's as well."""
    with _lock:
        for text in texts:
            if len(text) >= SECRET_LEN_MIN:
                _remembered[text] = None
                _remembered.move_to_end(text)
        while len(_remembered) > SECRETS_MAX:
            _remembered.popitem(last=False)


class Redactor:
    """What a client's option `redact` says.

    redact  patterns of keys, in a shell's manner ("*password*", upper and lower case alike) or compiled (searched
            in the key); or a callable (key, value) -> value, which is also asked about ("exception", its text).

    Threads: any.
    """

    def __init__(self, redact: Redact) -> None:
        self._decide = _decider(redact)
        self._is_callable = callable(redact)

    def tree(self, key: Any, value: Any, serialize: Callable[[Any], Any]) -> Any:
        """The value as a tree of plain ones, without what is not to be seen.

        serialize  makes a tree of what is not plain
        """
        return self._members(self._decided(key, value), serialize)

    def text(self, text: str) -> str:
        """A text without what was taken out until now."""
        with _lock:
            secrets = list(_remembered)
        return _without(text, secrets)

    def exception(self, text: str) -> str:
        """An exception's text, without what is not to be seen."""
        return self.text(str(self._decide("exception", text)) if self._is_callable else text)

    def _members(self, value: Any, serialize: Callable[[Any], Any]) -> Any:
        if isinstance(value, dict):
            return {key: self.tree(key, member, serialize) for key, member in value.items()}
        if isinstance(value, list):
            return [self._members(member, serialize) for member in value]
        if value is None or isinstance(value, (str, int, float)):
            return value
        tree = serialize(value)
        if not isinstance(tree, str):
            return self._without_secrets(to_jsonable_python(tree), self._secrets_in(value))
        if tree == object.__repr__(value):  # which shows nothing of what it holds
            return tree
        return self._without_secrets(tree, self._secrets_in(value))

    def _without_secrets(self, tree: Any, secrets: Set[str]) -> Any:
        """What became of a value that is not plain: its texts may be reprs."""
        if isinstance(tree, dict):
            return {key: self._without_secrets(self._decided(key, member), secrets) for key, member in tree.items()}
        if isinstance(tree, list):
            return [self._without_secrets(member, secrets) for member in tree]
        return self.text(_without(tree, secrets)) if isinstance(tree, str) else tree

    def _decided(self, key: Any, value: Any) -> Any:
        decided = self._decide(str(key), value)
        if decided is not value:
            _remember(_texts(value, SECRETS_MAX))
        return decided

    def _secrets_in(self, value: Any) -> Set[str]:
        """The texts of what is to be taken out of what a value holds."""
        secrets: Set[str] = set()
        for key, member in _everything_in(value):
            if key is not None and self._decide(str(key), member) is not member:
                secrets |= _texts(member)
        _remember(secrets)
        return secrets
