"""What providers tell us: kept before they are thanked, applied afterwards, in whatever order it came.

Signed as in Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, on the raw bytes.
"""

import base64
import hmac
import json
import os
import time

from payment import attempts, ids, intent, moments, provider, shapes
from payment.refusal import Refusal

TOLERANCE = 300
# How long after a charge the test provider's webhook comes.
LATE = moments.seconds(1.2)

REPORT = shapes.Shapes(
    {
        "Report": {
            "type": "object",
            "additionalProperties": False,
            "required": ["type", "charge", "reference", "amount"],
            "properties": {
                "type": {
                    "type": "string",
                    "enum": ["charge.succeeded", "charge.declined", "dispute.opened", "dispute.won"],
                },
                "charge": {"type": "string"},
                "reference": {"type": "string"},
                "amount": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["amount", "currency"],
                    "properties": {
                        "amount": {"type": "integer", "format": "int64"},
                        "currency": {"type": "string"},
                    },
                },
            },
        }
    }
)


class Senseless(Exception):
    """It makes no sense here; somebody should look."""


def foretell(tx, attempt_id: str, token: str, amount: dict):
    """Lets the test provider send the webhooks that its magic tokens promise."""
    kinds = {
        "late_webhook": ["charge.succeeded"],
        "duplicate_webhook": ["charge.succeeded"] * 2,
        "dispute": ["dispute.opened"],
    }
    for kind in kinds.get(token, []):
        event = {"id": f"evt_{attempt_id}", "report": report(kind, attempt_id, amount)}
        tx.enqueue("webhook.send", event, moments.now() + LATE)


def report(kind: str, attempt_id: str, amount: dict) -> dict:
    """What the test provider says of one of its charges."""
    charge = ids.show("att", attempt_id)
    return {"type": kind, "charge": charge, "reference": provider.reference(attempt_id), "amount": amount}


class Webhooks:
    """The webhooks in this database, about these payments."""

    def __init__(self, store, payments):
        self.store, self.payments = store, payments
        made = base64.b64encode(os.urandom(32)).decode()
        with store.transaction() as tx:
            tx.run("INSERT INTO secrets (name, secret) VALUES ('test', ?) ON CONFLICT DO NOTHING", made)
        self._secret = base64.b64decode(store.one("SELECT secret FROM secrets WHERE name = 'test'")[0])

    def _sign(self, event_id: str, timestamp: str, body: bytes) -> str:
        mac = hmac.new(self._secret, f"{event_id}.{timestamp}.".encode() + body, "sha256")
        return f"v1,{base64.b64encode(mac.digest()).decode()}"

    def _is_genuine(self, event_id: str, timestamp: str, signature: str, body: bytes) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and abs(time.time() - int(timestamp)) <= TOLERANCE):
            return False
        expected = self._sign(event_id, timestamp, body).encode()
        shown = [one.encode() for one in signature.split(" ")]
        return 0 < len(event_id) <= 200 and any([hmac.compare_digest(one, expected) for one in shown])

    def receive(self, name: str, event_id: str, timestamp: str, signature: str, body: bytes):
        """Takes a webhook in: verified, kept, and then applied by a job. The same id again does nothing."""
        if name != provider.NAME:
            raise Refusal("not_found", "There is no such payment provider")
        if not self._is_genuine(event_id, timestamp, signature, body):
            raise Refusal("invalid_signature", "the webhook's signature does not match these bytes and minutes")
        webhook_id, now = ids.new(), moments.now()
        with self.store.transaction() as tx:
            new = tx.run(
                "INSERT INTO webhook_events (id, provider, event_id, body, received_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                webhook_id,
                name,
                event_id,
                body,
                now,
            )
            if new:
                tx.enqueue("webhook.apply", {"id": webhook_id}, now)

    def send(self, event_id: str, said: dict):
        """Sends a webhook as the test provider would, through the same door as any other."""
        body, timestamp = json.dumps(said).encode(), str(int(time.time()))
        self.receive(provider.NAME, event_id, timestamp, self._sign(event_id, timestamp, body), body)

    def act(self, attempt_id: str | None, approved: bool):
        """The payer decides at the test provider's page."""
        attempt = self.store.one("SELECT * FROM attempts WHERE id = ?", attempt_id)
        if attempt is None or attempt["status"] != "requiresAction":
            raise Refusal("nothing_waits", "no charge of this name waits for its payer")
        known = self.payments.intent(attempt["intent_id"])
        kind = "charge.succeeded" if approved else "charge.declined"
        said = report(kind, attempt_id, intent.money(known, known["amount_minor"]))
        self.send(f"evt_action_{said['charge']}", said)

    def apply(self, webhook_id: str):
        """Applies a webhook that was kept. One that makes no sense is set aside."""
        webhook = self.find(webhook_id)
        if webhook["status"] == "applied":
            return
        try:
            self._hear(webhook)
        except (Senseless, Refusal) as why:
            with self.store.transaction() as tx:
                tx.run(
                    "UPDATE webhook_events SET status = 'parked', last_error = ? WHERE id = ? AND status <> 'applied'",
                    str(why),
                    webhook_id,
                )

    def _hear(self, webhook):
        try:
            said = shapes.parse(webhook["body"])
            REPORT.check("Report", said)
        except (shapes.Unreadable, shapes.Misshapen) as error:
            raise Senseless(f"not understood: {error}") from error
        attempt = self.store.one("SELECT * FROM attempts WHERE id = ?", ids.read("att", said["charge"]))
        if attempt is None:
            raise Senseless("there is no such charge")
        known = self.payments.intent(attempt["intent_id"])
        if said["type"].startswith("dispute."):
            if said["amount"]["currency"] != known["currency"] or said["amount"]["amount"] <= 0:
                raise Senseless("that cannot be what is disputed")
            with self.store.transaction() as tx:
                # A dispute changes an amount each time it is applied, so that and the memory of it are one.
                if self._applied(tx, webhook):
                    won = said["type"] == "dispute.won"
                    self.payments.dispute(tx, known, said["amount"]["amount"], won)
            return
        if said["amount"] != intent.money(known, known["amount_minor"]):
            raise Senseless(f"it is about {said['amount']}, the charge is not")
        heard = news(said, known, attempt)
        if heard is not None:
            self.payments.attempts.settle(known, attempt, heard)
        with self.store.transaction() as tx:
            self._applied(tx, webhook)

    def _applied(self, tx, webhook) -> bool:
        sql = "UPDATE webhook_events SET status = 'applied', last_error = NULL WHERE id = ? AND status <> 'applied'"
        return tx.run(sql, webhook["id"]) == 1

    def find(self, webhook_id: str):
        """One webhook."""
        webhook = self.store.one("SELECT * FROM webhook_events WHERE id = ?", webhook_id)
        if webhook is None:
            raise Refusal("not_found", "There is no such webhook event")
        return webhook

    def list(self, before: str | None, limit: int):
        """Webhooks, newest first."""
        sql = "SELECT * FROM webhook_events WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2"
        return self.store.all(sql, before, limit)


def news(said: dict, known, attempt) -> provider.Outcome | None:
    """What a report says about an attempt, if that is news. Late, twice or in another order it never leads back."""
    still_open = attempt["status"] in attempts.OPEN
    # Whatever was given up or refused: the money came all the same.
    if said["type"] == "charge.succeeded" and (still_open or attempt["status"] in ("voided", "declined")):
        status = "captured" if known["capture"] == "automatic" else "authorized"
        return provider.Outcome(status, said["reference"])
    if said["type"] == "charge.declined" and still_open:
        return provider.Outcome("declined", "card_declined")
    return None
