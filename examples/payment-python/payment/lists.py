"""Lists in pages, and query parameters, of which an unknown one is a mistake."""

import base64
import hashlib
import json
import urllib.parse

from payment import ids, intent
from payment.http import Answer, Request
from payment.refusal import Refusal

SEAL = 12


def parameters(request: Request, **readers) -> dict:
    """The query's parameters, each read by its own function, which returns `None` for what it cannot be."""
    given = urllib.parse.parse_qsl(request.query, keep_blank_values=True)
    read = dict.fromkeys(readers)
    for name, value in given:
        if name not in readers:
            raise _amiss(name, "unknown_parameter", "There is no such parameter here")
        if read[name] is not None:
            raise _amiss(name, "duplicate_parameter", "This parameter is there twice")
        read[name] = readers[name](value)
        if read[name] is None:
            raise _amiss(name, "invalid_value", "It cannot be that")
    return read


def _amiss(name, fault, detail):
    return Refusal("invalid_parameter", detail, f"/{name}", fault)


def missing(name: str) -> Refusal:
    """That a parameter is required."""
    return _amiss(name, "missing_parameter", "This parameter is required")


def limit(text: str) -> int | None:
    """1 to 100."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= 100 else None


def status(text: str) -> str | None:
    """A status of an intent."""
    return text if text in intent.STATUSES else None


def intent_id(text: str) -> str | None:
    """The id of an intent."""
    return ids.read("pi", text)


class Pages:
    """A list's part that is asked for: `scope` names the route and every filter."""

    def __init__(self, scope: str, asked: dict):
        self.scope, self.limit = scope, asked["limit"] or 25
        self.after = None if asked["after"] is None else self._open(asked["after"])

    def answer(self, rows, view) -> Answer:
        """The page. One row more than the limit was asked for, to see whether there is more."""
        shown, more = rows[: self.limit], len(rows) > self.limit
        page = {"data": [view(row) for row in shown], "hasMore": more}
        if more:
            page["nextCursor"] = self._seal(json.dumps(shown[-1]["id"]).encode())
        return Answer.json(200, page)

    def _digest(self, position: bytes) -> bytes:
        # Not a secret: a position may be known, it must only not be mistaken for that of another list.
        return hashlib.sha256(f"{self.scope}\n".encode() + position).digest()[:SEAL]

    def _seal(self, position: bytes) -> str:
        return base64.urlsafe_b64encode(self._digest(position) + position).decode().rstrip("=")

    def _open(self, cursor: str) -> str:
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
            if len(cursor) <= 512 and sealed[:SEAL] == self._digest(sealed[SEAL:]):
                return json.loads(sealed[SEAL:])
        except ValueError:
            pass
        raise Refusal("invalid_cursor", "The cursor was not given out by this list with these filters")
