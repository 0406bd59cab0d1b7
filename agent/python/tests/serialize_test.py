"""Values that cannot be stored as they are: what is stored in their place, and which field an error names."""

import dataclasses
import json
import unittest

from burr.core import State, serde
from burr.core.state import FIELD_SERIALIZATION, register_field_serde
from burr_collector.errors import UnserializableError
from burr_collector.serialize import INVALID_KEY, OBJECT_BYTES_MAX, Serializer, is_plain


class Broken:
    def __str__(self):
        raise RuntimeError("no text of me")

    __repr__ = __str__


class Pickled:
    pass


@serde.serialize.register(Pickled)
def _serialize_pickled(value, **kwargs):
    return {serde.KEY: "test", "value": b"\x80\xff"}


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def endless():
    value = {}
    value["again"] = [value]
    return value


class Placeholders(unittest.TestCase):
    def setUp(self):
        self.serializer = Serializer({}, None, raises=False)
        self.strict = Serializer({}, None, raises=True)

    def state(self, serializer=None, **fields):
        written, _ = (serializer or self.serializer).step(State(fields), None)
        return json.loads(written)

    def assert_placeholder(self, value, error, text=""):
        """It stands in the place of its field alone, and says why; or the error names the field."""
        stored = self.state(before=1, bad=value, after="x")
        self.assertEqual((stored["before"], stored["after"]), (1, "x"))
        self.assertEqual(list(stored["bad"]), [INVALID_KEY])
        self.assertRegex(stored["bad"][INVALID_KEY]["error"], "^state bad: .*" + error)
        self.assertIn(text, stored["bad"][INVALID_KEY]["text"])
        with self.assertRaisesRegex(UnserializableError, "^state bad: .*" + error):
            self.state(self.strict, before=1, bad=value)

    def test_no_text(self):
        self.assert_placeholder(Broken(), "no text of me", "<Broken instance at 0x")

    def test_a_serializer_that_gives_bytes(self):
        self.assert_placeholder(Pickled(), "utf-8", "Pickled object")

    def test_a_value_that_holds_itself(self):
        self.assert_placeholder(endless(), "nested deeper", "{'again': [{'again': [{...}]}]}")

    def test_too_deep(self):
        self.assertEqual(self.state(deep=nested(100))["deep"], nested(100))
        self.assert_placeholder(nested(200), "nested deeper", "[[[[")

    def test_more_values_than_anybody_could_write(self):
        wide = [object()]
        for _ in range(60):  # 2 ** 60 values
            wide = [wide, wide]
        self.assert_placeholder(wide, "more than .* values", "[[[[...")

    def test_an_error_without_text(self):
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError("no text of the error")

        class Raises:
            def __str__(self):
                raise Mute

        self.assert_placeholder(Raises(), "Mute")

    def test_a_key_that_cannot_be_written(self):
        class Key:
            pass

        _, written = self.serializer.step(State({}), {Key(): 1, "a\udc80": 2, 3: 4})
        first, *others = json.loads(written).items()
        self.assertRegex(first[0], "Key object")
        self.assertEqual((first[1], others), (1, [("a\\udc80", 2), ("3", 4)]))
        with self.assertRaisesRegex(UnserializableError, "a key of the result: "):
            self.strict.step(State({}), {Key(): 1})

    def test_too_large(self):
        self.assert_placeholder("x" * (OBJECT_BYTES_MAX + 1), "bytes of JSON", "xxxx")

    def test_too_large_together(self):
        large = "x" * (OBJECT_BYTES_MAX // 2)
        stored = self.state(small="y", one=large, larger=large + "x", count=3)
        self.assertEqual(list(stored), ["small", "one", "larger", "count"])
        self.assertEqual((stored["small"], stored["one"], stored["count"]), ("y", large, 3))
        self.assertIn(INVALID_KEY, stored["larger"])

    def test_a_field_serializer_that_fails(self):
        def fail(value, **kwargs):
            raise KeyError("no")

        register_field_serde("bad", fail, fail)
        self.addCleanup(FIELD_SERIALIZATION.pop, "bad")
        self.assert_placeholder(1, "KeyError")

    def test_half_of_a_surrogate_pair(self):
        stored = self.state(text="a\udc80b", keys={"k\ud800": ["\udfff"]}, whole="🦒", **{"f\ud800": 1})
        expected = {"text": "a\\udc80b", "keys": {"k\\ud800": ["\\udfff"]}, "whole": "🦒", "f\\ud800": 1}
        self.assertEqual(stored, expected)
        with self.assertRaisesRegex(UnserializableError, "^state text: .*surrogates not allowed"):
            self.state(self.strict, text="a\udc80b")

    def test_a_result_that_is_no_object(self):
        _, written = self.serializer.step(State({}), [1, 2])
        self.assertEqual(json.loads(written), {"value": [1, 2]})
        _, written = self.serializer.step(State({}), Broken())
        self.assertIn(INVALID_KEY, json.loads(written))

    def test_an_attribute(self):
        self.assertRegex(self.serializer.value("attribute", "a", Broken()).decode(), "attribute a: RuntimeError")


class Plain(unittest.TestCase):
    def test_what_is(self):
        self.assertTrue(is_plain({"a": [1, 1.5, "x", None, True, {"b": []}], "c": {}}, []))

    def test_what_is_not(self):
        @dataclasses.dataclass
        class Point:
            x: int = 1

        class Text(str):
            pass

        for value in ((1,), {1}, b"x", Point(), Text("x"), 1j, [[(1,)]], {"a": {"b": (1,)}}):
            self.assertFalse(is_plain([value]), value)
        self.assertFalse(is_plain(nested(500)))
        self.assertFalse(is_plain(endless()))
        wide = [0]
        for _ in range(40):  # 2 ** 40 values
            wide = [wide, wide]
        self.assertFalse(is_plain(wide))

    def test_a_serializer_of_a_plain_type_is_used(self):
        burrs = serde.serialize.registry[int]
        serde.serialize.register(int)(lambda value, **kwargs: f"<{value}>")
        self.addCleanup(serde.serialize.register(int), burrs)
        serializer = Serializer({}, None, raises=False)
        self.assertEqual(json.loads(serializer.step(State({"a": [1]}), {"b": 2})[0]), {"a": ["<1>"]})


if __name__ == "__main__":
    unittest.main()
