"""Checks JSON against the part of JSON Schema that collector/src/api/openapi.json uses.

A keyword that is not known here is an error, so that nothing in the document goes unchecked for want of a check.
"""

import datetime
import re

NOTES = {"description", "default", "title"}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


class Mismatch(Exception):
    pass


def equal(a, b):
    return type(a) is type(b) and a == b


class Validator:
    def __init__(self, document):
        self.document = document

    def resolve(self, value):
        """What a reference, or none, stands for."""
        while "$ref" in value:
            path = value["$ref"]
            if not path.startswith("#/"):
                raise Mismatch(f"a reference to elsewhere: {path}")
            value = self.document
            for part in path[2:].split("/"):
                if part not in value:
                    raise Mismatch(f"a reference to nothing: {path}")
                value = value[part]
        return value

    def check(self, schema, value, at="$"):
        """Raises Mismatch, which says where."""
        for keyword, argument in schema.items():
            if keyword in NOTES or keyword == "required" and not isinstance(value, dict):
                continue
            method = getattr(self, "_" + keyword.lstrip("$").lower(), None)
            if not method:
                raise Mismatch(f"{at}: the keyword {keyword} is not known")
            method(argument, value, at, schema)

    def _ref(self, _, value, at, schema):
        self.check(self.resolve({"$ref": schema["$ref"]}), value, at)

    def _type(self, types, value, at, _):
        types = [types] if isinstance(types, str) else types
        if not any(TYPES[name](value) for name in types):
            raise Mismatch(f"{at}: {value!r} is none of {types}")

    def _const(self, wanted, value, at, _):
        if not equal(value, wanted):
            raise Mismatch(f"{at}: {value!r} is not {wanted!r}")

    def _enum(self, wanted, value, at, _):
        if not any(equal(value, one) for one in wanted):
            raise Mismatch(f"{at}: {value!r} is none of {wanted}")

    def _minimum(self, low, value, at, _):
        if TYPES["number"](value) and value < low:
            raise Mismatch(f"{at}: {value} is less than {low}")

    def _maximum(self, high, value, at, _):
        if TYPES["number"](value) and value > high:
            raise Mismatch(f"{at}: {value} is more than {high}")

    def _maxlength(self, high, value, at, _):
        if isinstance(value, str) and len(value) > high:
            raise Mismatch(f"{at}: longer than {high}")

    def _pattern(self, pattern, value, at, _):
        if isinstance(value, str) and not re.search(pattern, value):
            raise Mismatch(f"{at}: {value!r} does not match {pattern}")

    def _format(self, name, value, at, _):
        if name != "date-time":
            raise Mismatch(f"{at}: the format {name} is not known")
        if isinstance(value, str):
            try:
                datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
            except ValueError as error:
                raise Mismatch(f"{at}: {value!r} is no time") from error

    def _required(self, names, value, at, _):
        for name in names:
            if name not in value:
                raise Mismatch(f"{at}: {name} is missing")

    def _properties(self, properties, value, at, _):
        if isinstance(value, dict):
            for name in properties.keys() & value.keys():
                self.check(properties[name], value[name], f"{at}.{name}")

    def _additionalproperties(self, allowed, value, at, schema):
        if isinstance(value, dict) and allowed is False:
            unknown = value.keys() - schema.get("properties", {}).keys()
            if unknown:
                raise Mismatch(f"{at}: {sorted(unknown)} are not documented")

    def _items(self, schema, value, at, _):
        if isinstance(value, list):
            for i, one in enumerate(value):
                self.check(schema, one, f"{at}[{i}]")

    def _fits(self, schemas, value, at):
        reasons = []
        for schema in schemas:
            try:
                self.check(schema, value, at)
            except Mismatch as error:
                reasons.append(str(error))
        return len(schemas) - len(reasons), reasons

    def _anyof(self, schemas, value, at, _):
        count, reasons = self._fits(schemas, value, at)
        if not count:
            raise Mismatch(f"{at}: none of these: " + "; ".join(reasons))

    def _oneof(self, schemas, value, at, _):
        count, reasons = self._fits(schemas, value, at)
        if count != 1:
            raise Mismatch(f"{at}: {count} of these: " + "; ".join(reasons))
