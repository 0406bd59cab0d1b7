"""Redaction: what is not to leave the process is taken out before it is written.

Either by key patterns: the value of each key that fits one, at any depth of state, inputs, results and attributes,
becomes MARK. Or by a callable, which is given each key with its value and returns what is to be written instead.

A secret also shows in texts: in the repr that Burr stores of an object it does not know, and in an exception's
traceback. So the texts that were taken out are remembered, the latest few hundred, and taken out of those as well.
"""

import collections
import fnmatch
import os
import re
import threading
from typing import Any, Callable, Iterable, List, Pattern, Tuple, Union

MARK = "[redacted]"

SECRET_LEN_MIN = 4  # what is shorter stands in any text by chance
SECRETS_MAX = 256

Redact = Union[str, "Pattern[str]", Iterable[Union[str, "Pattern[str]"]], Callable[[str, Any], Any]]


def _decider(redact: Redact) -> Callable[[str, Any], Any]:
    if callable(redact):
        return redact
    given: Iterable[Union[str, "Pattern[str]"]] = [redact] if isinstance(redact, (str, re.Pattern)) else redact
    patterns = [
        re.compile(fnmatch.translate(pattern), re.IGNORECASE) if isinstance(pattern, str) else pattern
        for pattern in given
    ]
    return lambda key, value: MARK if any(pattern.search(key) for pattern in patterns) else value


def _texts(value: Any) -> List[str]:
    """The texts in a value that is taken out."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for member in value for text in _texts(member)]
    return []


def _attributes(value: Any) -> List[Tuple[str, Any]]:
    try:
        return list(vars(value).items())
    except TypeError:  # it has none, or slots
        names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        return [(name, getattr(value, name)) for name in names if hasattr(value, name)]


_lock = threading.Lock()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork_in_child)


class Redactor:
    """What a client's option `redact` says.

    redact  patterns of keys, in a shell's manner ("*password*", upper and lower case alike) or compiled (searched
            in the key); or a callable (key, value) -> value, which is also asked about ("exception", its text).

    Threads: any.
    """

    def __init__(self, redact: Redact) -> None:
        self._decide = _decider(redact)
        self._is_callable = callable(redact)
        self._secrets: "collections.OrderedDict[str, None]" = collections.OrderedDict()  # under _lock

    def tree(self, key: Any, value: Any, serialize: Callable[[Any], Any]) -> Any:
        """The value as a tree of plain ones, without what is not to be seen.

        serialize  makes a tree of what is not plain
        """
        return self._members(self._decided(key, value), serialize)

    def text(self, text: str) -> str:
        """A text of the application's that may hold secrets: an exception's."""
        if self._is_callable:
            text = str(self._decide("exception", text))
        with _lock:
            secrets = sorted(self._secrets, key=len, reverse=True)
        for secret in secrets:
            text = text.replace(secret, MARK)
        return text

    def _members(self, value: Any, serialize: Callable[[Any], Any]) -> Any:
        if isinstance(value, dict):
            return {key: self.tree(key, member, serialize) for key, member in value.items()}
        if isinstance(value, list):
            return [self._members(member, serialize) for member in value]
        if isinstance(value, (tuple, set, frozenset)):  # Burr stores their repr
            return str(self._same_kind(value))
        if value is None or isinstance(value, (str, int, float)):
            return value
        tree = serialize(value)
        if isinstance(tree, str):
            return self._without_attributes(tree, value)
        return self._members(tree, lambda inner: inner)

    def _same_kind(self, value: Any) -> Any:
        """A container of the same kind, redacted but not serialized: for its repr."""
        if isinstance(value, dict):
            return {key: self._same_kind(self._decided(key, member)) for key, member in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            members = [self._same_kind(member) for member in value]
            return tuple(members) if isinstance(value, tuple) else type(value)(members)
        return value

    def _decided(self, key: Any, value: Any) -> Any:
        decided = self._decide(str(key), value)
        if decided is not value:
            self._remember(value)
        return decided

    def _without_attributes(self, text: str, value: Any) -> str:
        """The repr of an object, without the attributes that are taken out."""
        for name, attribute in _attributes(value):
            self._decided(name, attribute)
        return self.text(text)

    def _remember(self, value: Any) -> None:
        texts = [text for text in _texts(value) if len(text) >= SECRET_LEN_MIN]
        with _lock:
            for text in texts:
                self._secrets[text] = None
                self._secrets.move_to_end(text)
            while len(self._secrets) > SECRETS_MAX:
                self._secrets.popitem(last=False)
