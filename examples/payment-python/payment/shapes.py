"""Values, held against the JSON Schemas of a contract: what is read from a caller is read strictly, once, here."""

import json
import re
import uuid

RANGES = {"int64": (-(2**63), 2**63 - 1), "int32": (-(2**31), 2**32 - 1)}
DEEPEST = 32


class Misshapen(Exception):
    """A value that is not what it should be: where, as a JSON pointer, and why."""

    def __init__(self, pointer: str, code: str, detail: str):
        super().__init__(f"{pointer}: {detail}")
        self.pointer, self.code, self.detail = pointer, code, detail


class Unreadable(Exception):
    """Bytes that are no JSON."""


def parse(data: bytes):
    """One JSON value in UTF-8, without names that are there twice."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_distinct, parse_constant=_refuse)
        # An escape can name half a character, which nothing can store.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable("The body is not JSON in UTF-8") from error
    _shallow(value, DEEPEST)
    return value


def _distinct(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Misshapen(f"/{twice}", "duplicate_field", "This field is there twice")
    return members


def _refuse(word):
    raise ValueError(word)


def _shallow(value, left):
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inside and left == 0:
        raise Unreadable(f"The body is nested more than {DEEPEST} levels deep")
    for one in inside:
        _shallow(one, left - 1)


class Shapes:
    """The schemas of a contract, by name."""

    def __init__(self, schemas: dict):
        self.schemas = schemas

    def check(self, name: str, value, pointer=""):
        """Refuses a value that does not have the shape of this name."""
        self._check(self.schemas[name], value, pointer)

    def _check(self, schema, value, at):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        kinds = schema.get("type")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if value is None and "null" in kinds:
            return
        if not any(_is(kind, value) for kind in kinds):
            raise Misshapen(at, "wrong_type", f"Expected {kinds[0]}")
        if isinstance(value, dict):
            self._members(schema, value, at)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._check(schema["items"], item, f"{at}/{index}")
        elif isinstance(value, str):
            _text(schema, value, at)
        elif isinstance(value, int):
            low, high = RANGES[schema["format"]]
            if not max(low, schema.get("minimum", low)) <= value <= high:
                raise Misshapen(at, "invalid_value", "Expected a whole number in range")

    def _members(self, schema, value, at):
        known = schema.get("properties", {})
        for name, member in value.items():
            if name in known:
                self._check(known[name], member, f"{at}/{name}")
            elif schema.get("additionalProperties") is False:
                raise Misshapen(f"{at}/{name}", "unknown_field", "There is no such field here")
            # A field that a later version of the contract adds is passed over.
        for name in schema.get("required", []):
            if name not in value:
                raise Misshapen(f"{at}/{name}", "missing_field", "This field is required")


def _is(kind, value) -> bool:
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
    return False


def _text(schema, value, at):
    if "enum" in schema and value not in schema["enum"]:
        raise Misshapen(at, "invalid_value", f"Expected one of {', '.join(schema['enum'])}")
    if "pattern" in schema and not re.fullmatch(schema["pattern"].strip("^$"), value):
        raise Misshapen(at, "invalid_value", "It does not have the form of one")
    if schema.get("format") == "uuid":
        try:
            uuid.UUID(value)
        except ValueError:
            raise Misshapen(at, "invalid_value", "Expected a UUID") from None
