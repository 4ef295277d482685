"""Attempts: each is stored as sent before it is sent. One whose answer did not come is asked about, never sent again."""

import logging

from payment import ids, intent, ledger, moments, provider
from payment.refusal import Refusal

log = logging.getLogger("payment")

OPEN = ("sent", "unknown", "requiresAction")


class Attempts:
    """The attempts in this database."""

    def __init__(self, store):
        self.store = store

    def of(self, intent_id: str):
        """The attempt of an intent."""
        return self.store.one("SELECT * FROM attempts WHERE intent_id = ?", intent_id)

    def write(self, tx, intent_id: str, token: str):
        """Stores a new attempt as sent, in the transaction of the intent it is for."""
        attempt_id, now = ids.new(), moments.now()
        tx.run(
            "INSERT INTO attempts (id, intent_id, token, status, ask_at, created_at) VALUES (?, ?, ?, 'sent', ?, ?)",
            attempt_id,
            intent_id,
            token,
            now + provider.PATIENCE,
            now,
        )
        return tx.one("SELECT * FROM attempts WHERE id = ?", attempt_id)

    def send(self, the_intent, attempt):
        """Sends an attempt that was just stored as sent, and stores the answer."""
        try:
            heard = provider.authorize(charge(the_intent, attempt))
        except provider.Silent:
            heard = provider.Outcome("pending")
        return self.settle(the_intent, attempt, heard)

    def ask(self, the_intent, attempt):
        """Asks the provider about an open attempt, and stores what it says."""
        try:
            heard = provider.query(charge(the_intent, attempt))
        except provider.Silent:
            heard = provider.Outcome("pending")
        if heard is None:
            # It may still be on its way there, and its sender wait for the answer.
            if attempt["status"] == "sent" and moments.now() < attempt["created_at"] + provider.PATIENCE:
                return attempt
            # It never arrived and is not sent again under another name: nothing was charged.
            heard = provider.Outcome("declined", "processing_error")
        return self.settle(the_intent, attempt, heard)

    def settle(self, the_intent, attempt, heard):
        """Stores what became of an attempt, with the money it moved. Of two that heard the same, one writes it."""
        with self.store.transaction() as tx:
            if self._update(tx, attempt, heard):
                self._move(tx, the_intent, attempt, heard)
        return self.of(the_intent["id"])

    def _update(self, tx, attempt, heard) -> bool:
        pending = heard.status == "pending"
        return 1 == tx.run(
            """
            UPDATE attempts
            SET status = ?, reference = ?, decline_code = ?, action_url = ?, asked = asked + 1, ask_at = ?
            WHERE id = ? AND status = ?
            """,
            "unknown" if pending else heard.status,
            heard.detail if heard.status in ("authorized", "captured") else None,
            heard.detail if heard.status == "declined" else None,
            heard.detail if heard.status == "requiresAction" else None,
            moments.now() + provider.pause(attempt["asked"]) if pending else None,
            attempt["id"],
            attempt["status"],
        )

    def _move(self, tx, the_intent, attempt, heard):
        amount = the_intent["amount_minor"]
        match heard.status:
            case "captured":
                now = self._advance(tx, the_intent, heard, "charged", captured=amount)
                ledger.capture(tx, now, amount)
                intent.publish(tx, "payment.captured", now, amount)
            case "authorized":
                now = self._advance(tx, the_intent, heard, "promised", authorized=amount)
                ledger.promise(tx, now, amount)
                intent.publish(tx, "payment.authorized", now, amount)
            case "declined":
                now = self._advance(tx, the_intent, heard, "declined")
                intent.publish(tx, "payment.declined", now, amount)
            case "requiresAction":
                self._advance(tx, the_intent, heard, "actionAsked")
            case "pending" if attempt["status"] == "sent":
                intent.publish(tx, "payment.unknown", the_intent, amount)

    def _advance(self, tx, the_intent, heard, news, **by):
        now = intent.advance(tx, the_intent["id"], news, **by)
        if now is None:
            raise Refusal("invalid_transition", f"a payment that is {the_intent['status']} cannot be {heard.status}")
        return now

    def abandon(self, the_intent, attempt):
        """Gives up an attempt that waits for the payer, and with it the intent. What the payer does now is late money."""
        with self.store.transaction() as tx:
            given_up = tx.run(
                "UPDATE attempts SET status = 'voided', action_url = NULL, ask_at = NULL WHERE id = ? AND status = ?",
                attempt["id"],
                attempt["status"],
            )
            if given_up:
                intent.advance(tx, the_intent["id"], "abandoned")

    def recover(self):
        """Asks about the attempts that nobody has an answer to and whose time has come."""
        due = self.store.all(
            "SELECT * FROM attempts WHERE ask_at <= ? ORDER BY ask_at LIMIT 20", moments.now()
        )
        for attempt in due:
            the_intent = self.store.one("SELECT * FROM intents WHERE id = ?", attempt["intent_id"])
            try:
                self.ask(the_intent, attempt)
            except Refusal as refusal:
                log.error("attempt %s could not be asked about: %s", attempt["id"], refusal)
                with self.store.transaction() as tx:
                    again = moments.now() + provider.pause(attempt["asked"])
                    tx.run("UPDATE attempts SET asked = asked + 1, ask_at = ? WHERE id = ?", again, attempt["id"])


def charge(the_intent, attempt) -> provider.Charge:
    """What the provider is asked for."""
    return provider.Charge(
        attempt["id"],
        the_intent["amount_minor"],
        the_intent["capture"],
        attempt["token"],
        attempt["created_at"],
    )
