"""Contract calls, served: `POST /rpc/payments.v1/pay`. docs/contracts.md describes them to the byte."""

import base64
import json
import logging
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from payment import ids, intent, moments, shapes, signature
from payment.http import Answer, Request
from payment.refusal import Refusal

# Whom each method is for; those that are not listed are for everybody who knows the secret.
CALLERS = {"pay": "order", "resolve": "order", "cancel": "order", "payments": "gateway"}
# What the contract's error has words for. Everything else is ours to look into.
TYPED = {
    "unknown_provider",
    "invalid_token",
    "invalid_amount",
    "key_reused",
    "not_found",
    "unknown_source",
    "failed",
}
MOST_ORDERS = 100
MOST_EVENTS = 1000

log = logging.getLogger("payment")


class Failure(Exception):
    """A call that brings no answer: the body of docs/contracts.md, and its status."""

    def __init__(self, status: int, reason: str, maybe_executed=False):
        super().__init__(reason)
        self.status = status
        self.body = {"reason": reason, "maybeExecuted": maybe_executed, "retryAfterMs": None}


class Call(NamedTuple):
    """What travelled with a call."""

    caller: str
    give_up_at: float


class Rpc:
    """The contracts that are served here, `payments.v1` and `events.v1`, by their released descriptors."""

    def __init__(self, secret: bytes, contracts: Path, store, payments):
        self.store, self.payments = store, payments
        self._verifier = signature.Verifier(secret)
        names = ("payments.v1", "events.v1")
        self._descriptors = {name: json.loads((contracts / f"{name}.json").read_text()) for name in names}
        self._methods = {
            "payments.v1": {
                "pay": self._pay,
                "resolve": lambda call, request: payments.resolve(request["key"]),
                "cancel": lambda call, request: payments.end(request["key"], refund=True),
                "payments": self._payments,
            },
            "events.v1": {"read": self._read, "progress": self._progress},
        }

    def describe(self, contract: str) -> Answer:
        """What has to be matched to call a contract here."""
        descriptor = self._descriptors.get(contract)
        return Answer.json(200, descriptor) if descriptor else Answer(404)

    def serve(self, request: Request, contract: str, method: str) -> Answer:
        """Carries a call out. Its answer is 200, its refusal 422, and a failure anything else."""
        try:
            call = self._admit(request, contract, method)
            return Answer.json(200, self._carry_out(call, contract, method, request.body))
        except Refusal as refusal:
            if refusal.code in TYPED:
                return Answer.json(422, {"code": refusal.code, **refusal.more})
            log.exception("a call could not be looked after")
            return Answer.json(422, {"code": "failed", **Failure(422, "internal", True).body})
        except Failure as failure:
            log.warning("%s is turned away: %s", request.path, failure)
            return Answer.json(failure.status, failure.body)
        except Exception:
            log.exception("a call broke")
            return Answer.json(500, Failure(500, "internal", True).body)

    def _admit(self, request: Request, contract: str, method: str) -> Call:
        head = [request.header(f"cleave-{name}") for name in ("caller", "deadline-ms", "principal", "signature")]
        if None in head or not _readable(head[1], head[2]):
            raise Failure(400, "incompatible")
        caller, deadline, principal, shown = head
        try:
            claim = signature.Claim(caller, request.path, deadline, principal)
            self._verifier.verify(claim, shown, request.body)
        except signature.Replayed:
            # Something on the way has doubled the call. The first of the two may well have been carried out.
            raise Failure(409, "unreachable", True) from None
        except signature.Refusal as refusal:
            log.warning("%s: %s", request.path, refusal)
            raise Failure(401, "incompatible") from None
        served = contract in self._methods
        if not served or (contract == "payments.v1" and CALLERS.get(method, caller) != caller):
            raise Failure(403, "incompatible")
        if int(deadline) == 0:
            raise Failure(400, "deadline_exceeded")
        return Call(caller, time.monotonic() + int(deadline) / 1000)

    def _carry_out(self, call: Call, contract: str, method: str, body: bytes) -> dict:
        descriptor = self._descriptors[contract]
        described = next((one for one in descriptor["methods"] if one["name"] == method), None)
        if described is None:
            raise Failure(400, "incompatible")
        try:
            request = shapes.parse(body)
            shapes.Shapes(descriptor["schemas"]).check(described["request"], request)
        except (shapes.Unreadable, shapes.Misshapen) as error:
            log.warning("a request of %s cannot be read: %s", method, error)
            raise Failure(400, "incompatible") from None
        if "key" in request:
            request["key"] = str(uuid.UUID(request["key"]))
        return self._methods[contract][method](call, request)

    def _pay(self, _: Call, request: dict) -> dict:
        return self.payments.pay(request)

    def _payments(self, _: Call, request: dict) -> dict:
        if len(request["orderIds"]) > MOST_ORDERS:
            raise Refusal("failed", "too many at once", **Failure(422, "incompatible").body)
        found = self.payments.of_orders(request["orderIds"])
        return {"payments": [summary(one) for one in found]}

    def _read(self, call: Call, request: dict) -> dict:
        """The log after a position, waiting a while for news when there is none."""
        own(request["source"])
        # Half of the caller's patience at the most, so that an answer without news arrives, too.
        wait = min(request["waitMs"] / 1000, (call.give_up_at - time.monotonic()) / 2)
        self.store.wait_for_event(request["after"], max(wait, 0))
        rows = self.store.all(
            "SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?",
            request["after"],
            min(max(request["limit"], 1), MOST_EVENTS),
        )
        return {"events": [cloud_event(row) for row in rows]}

    def _progress(self, _: Call, request: dict) -> dict:
        """How far we have read the log of another: it is kept until we have."""
        own(request["reader"])
        sql = "SELECT listener, position FROM cursors WHERE source = ? ORDER BY listener"
        return {"cursors": [dict(row) for row in self.store.all(sql, request["source"])]}


def own(module: str):
    """Refuses the logs of others."""
    if module != "payment":
        raise Refusal("unknown_source", f"this process does not keep the log of `{module}`", module=module)


def summary(known) -> dict:
    """A payment as other modules see it."""
    amounts = {name: intent.money(known, known[name]) for name in ("authorized", "captured", "refunded")}
    return {
        "id": ids.show("pi", known["id"]),
        "orderId": known["order_id"],
        "status": known["status"],
        "amount": intent.money(known, known["amount_minor"]),
        **amounts,
    }


def cloud_event(row) -> dict:
    """An event as it travels: CloudEvents 1.0, with its place in the log."""
    return {
        "specversion": "1.0",
        "id": row["id"],
        "source": "/payment",
        "type": row["type"],
        "subject": row["subject"],
        "time": moments.show(row["occurred_at"]),
        "datacontenttype": "application/json",
        "data": json.loads(row["data"]),
        "position": row["position"],
    }


def _readable(deadline: str, principal: str) -> bool:
    try:
        who = json.loads(base64.b64decode(principal + "=" * (-len(principal) % 4), altchars="-_", validate=True))
    except ValueError:
        return False
    number = deadline.isascii() and deadline.isdigit() and int(deadline) < 2**53
    return number and isinstance(who, dict) and who.get("kind") in ("anonymous", "customer", "staff", "module")
