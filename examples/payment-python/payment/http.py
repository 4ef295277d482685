"""Requests and answers, and the one shape in which the shop says no: problem details after RFC 9457."""

import json
from dataclasses import dataclass, field
from email.message import Message

from payment.refusal import Refusal

STATUSES = {
    "bad_request": 400,
    "body_not_expected": 400,
    "idempotency_key_required": 400,
    "invalid_cursor": 400,
    "invalid_idempotency_key": 400,
    "invalid_parameter": 400,
    "invalid_signature": 400,
    "malformed_json": 400,
    "authentication_required": 401,
    "invalid_token": 401,
    "permission_missing": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "capture_exceeds_authorized": 409,
    "idempotency_in_progress": 409,
    "invalid_transition": 409,
    "nothing_waits": 409,
    "refund_exceeds_captured": 409,
    "refused_by_provider": 409,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "card_data_not_allowed": 422,
    "idempotency_key_reused": 422,
    "invalid_body": 422,
    "invalid_payment": 422,
    "invalid_refund": 422,
    "internal": 500,
    "module_unavailable": 503,
}
WORTH_REPEATING = ("idempotency_in_progress", "module_unavailable")


@dataclass
class Request:
    """A request, read to its end."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes
    id: str

    def header(self, name: str) -> str | None:
        """A header, unless it is missing or there twice."""
        values = self.headers.get_all(name, [])
        return values[0] if len(values) == 1 else None


@dataclass
class Answer:
    """An answer, in a form that can be kept and given again byte for byte."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @classmethod
    def json(cls, status: int, value, *headers: tuple[str, str], kind="application/json"):
        """An answer in JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, [("content-type", kind), *headers], body)

    def to_text(self) -> str:
        """As it is kept."""
        return json.dumps([self.status, self.headers, self.body.decode()])

    @classmethod
    def from_text(cls, text: str):
        """As it was kept."""
        status, headers, body = json.loads(text)
        return cls(status, [(name, value) for name, value in headers], body.encode())


def problem(request: Request, refusal: Refusal) -> Answer:
    """The refusal of a request."""
    status = STATUSES[refusal.code]
    said = {
        "type": f"/problems#{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": refusal.detail,
        "instance": request.path,
        "code": refusal.code,
        "requestId": request.id,
        "retryable": refusal.code in WORTH_REPEATING,
        **refusal.more,
    }
    if refusal.pointer is not None:
        said["errors"] = [{"pointer": refusal.pointer, "code": refusal.fault, "detail": refusal.detail}]
    headers = []
    if status == 401:
        headers.append(("www-authenticate", 'Bearer realm="cleave"'))
    if refusal.code in WORTH_REPEATING:
        headers.append(("retry-after", "1"))
    if refusal.code == "method_not_allowed":
        headers.append(("allow", refusal.more["allow"]))
    return Answer.json(status, said, *headers, kind="application/problem+json")
