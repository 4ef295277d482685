"""Movements: promised or taken money on its way, be it a capture, a void or a refund.

Storing one sets its amount aside, so that whatever is stored can be carried out; then the provider is asked, under the
movement's id; then its answer is stored.
"""

from payment import attempts, card, ids, intent, ledger, moments, provider
from payment.refusal import Refusal

ASIDE = {"capture": "pending_capture", "void": "pending_void", "refund": "pending_refund"}
TOLD = {"capture": "payment.captured", "void": "payment.voided", "refund": "refund.succeeded"}
OPEN = ("processing", "unknown")


class Movements:
    """The movements in this database."""

    def __init__(self, store):
        self.store = store

    def find(self, movement_id: str):
        """One movement, if it is there."""
        return self.store.one("SELECT * FROM movements WHERE id = ?", movement_id)

    def list(self, intent_id: str, kind: str):
        """The movements of an intent's money of one kind, oldest first."""
        return self.store.all(
            "SELECT * FROM movements WHERE intent_id = ? AND kind = ? ORDER BY id", intent_id, kind
        )

    def carry_out(self, movement_id: str, intent_id: str, kind: str, reason: str, amount: dict | None = None):
        """Moves money: all there is when no amount is named. The same id again is the same movement."""
        if self.find(movement_id) is None:
            self._set_aside(movement_id, self._intent(intent_id), kind, reason, amount)
        return self._go_on(self.find(movement_id))

    def _set_aside(self, movement_id, the_intent, kind, reason, amount):
        """Stores a movement as sent and sets its amount aside. Of several that want the same money one gets it."""
        minor = self._checked(the_intent, kind, reason, amount)
        now = moments.now()
        with self.store.transaction() as tx:
            new = tx.run(
                """
                INSERT INTO movements (id, intent_id, kind, amount_minor, reason, status, ask_at, created_at)
                VALUES (?, ?, ?, ?, ?, 'processing', ?, ?)
                ON CONFLICT DO NOTHING
                """,
                movement_id,
                the_intent["id"],
                kind,
                minor,
                reason,
                now + provider.PATIENCE,
                now,
            )
            if new and intent.change(tx, the_intent["id"], **{ASIDE[kind]: minor}) is None:
                # Of two that wanted it, the other was faster. This undoes the row, too.
                raise exceeds(kind, tx.one("SELECT * FROM intents WHERE id = ?", the_intent["id"]))

    def _checked(self, the_intent, kind, reason, amount) -> int:
        available = left(kind, the_intent)
        if kind != "refund" and the_intent["authorized"] == 0:
            raise impossible(kind, the_intent)
        if amount is None and available == 0:
            raise exceeds(kind, the_intent)
        code = "invalid_refund" if kind == "refund" else "invalid_payment"
        if amount and amount["currency"] != the_intent["currency"]:
            raise Refusal(code, f"the payment is in {the_intent['currency']}", "/amount/currency")
        minor = amount["amount"] if amount else available
        if minor <= 0:
            raise Refusal(code, f"an amount to {kind} is larger than zero", "/amount/amount")
        if not reason.strip() or len(reason) > 200:
            raise Refusal("invalid_refund", "a reason has 1 to 200 characters", "/reason")
        if card.looks_like_one(reason):
            raise Refusal("card_data_not_allowed", "card numbers do not belong here", "/reason")
        return minor

    def _go_on(self, movement):
        """Asks the provider for an open movement, under the same id as before, and stores what it says."""
        if movement["status"] not in OPEN:
            return movement
        the_intent = self._intent(movement["intent_id"])
        attempt = self.store.one("SELECT * FROM attempts WHERE intent_id = ?", the_intent["id"])
        charge = attempts.charge(the_intent, attempt)
        try:
            provider.carry_out(movement["id"], movement["kind"], movement["amount_minor"], charge)
            status = "succeeded"
        except provider.Refused:
            status = "failed"
        except provider.Silent:
            status = "unknown"
        return self._settle(movement, the_intent, status)

    def _settle(self, movement, the_intent, status):
        """Stores an answer with all that follows from it, once."""
        kind, minor = movement["kind"], movement["amount_minor"]
        again = moments.now() + provider.pause(movement["asked"]) if status == "unknown" else None
        with self.store.transaction() as tx:
            open_still = tx.run(
                "UPDATE movements SET status = ?, ask_at = ?, asked = asked + 1 WHERE id = ? AND ask_at IS NOT NULL",
                status,
                again,
                movement["id"],
            )
            if open_still and status == "succeeded":
                now = moved(tx, the_intent, kind, minor)
                intent.publish(tx, TOLD[kind], now, minor)
            elif open_still and status == "failed":
                now = intent.change(tx, the_intent["id"], **{ASIDE[kind]: -minor})
                if kind == "refund":
                    intent.publish(tx, "refund.failed", now, minor)
        return self.find(movement["id"])

    def recover(self):
        """Goes on with the movements nobody has an answer to and whose time has come."""
        now = moments.now()
        for movement in self.store.all("SELECT * FROM movements WHERE ask_at <= ? ORDER BY ask_at LIMIT 20", now):
            self._go_on(movement)

    def _intent(self, intent_id):
        the_intent = self.store.one("SELECT * FROM intents WHERE id = ?", intent_id)
        if the_intent is None:
            raise Refusal("invalid_refund", "there is no such payment intent", "/paymentIntentId")
        return the_intent


def new_id() -> str:
    """The identity of a movement that nobody outside named."""
    return ids.new()


def left(kind: str, the_intent) -> int:
    """How much there is to move. A promise is given up whole: while a part is on its way there is nothing to give up."""
    if kind == "refund":
        return intent.refundable(the_intent)
    available = intent.capturable(the_intent)
    return 0 if kind == "void" and available < the_intent["authorized"] else available


def moved(tx, the_intent, kind, minor):
    """What it changes that an amount which was set aside has moved."""
    intent_id, aside = the_intent["id"], {ASIDE[kind]: -minor}
    match kind:
        case "capture":
            now = intent.advance(tx, intent_id, "taken", authorized=-minor, captured=minor, **aside)
            ledger.release(tx, now, minor)
            ledger.capture(tx, now, minor)
        case "void":
            now = intent.advance(tx, intent_id, "givenUp", authorized=-minor, **aside)
            ledger.release(tx, now, minor)
        case _:
            now = intent.change(tx, intent_id, refunded=minor, **aside)
            ledger.refund(tx, now, minor)
    return now


def exceeds(kind: str, the_intent) -> Refusal:
    """That there is not so much to move."""
    if kind == "void":
        return impossible(kind, the_intent)
    code = {"refund": "refund_exceeds_captured", "capture": "capture_exceeds_authorized"}[kind]
    there = intent.money(the_intent, left(kind, the_intent))
    return Refusal(code, f"there is only {there['amount']} {there['currency']} to {kind}", left=there)


def impossible(kind: str, the_intent) -> Refusal:
    """That it is in a status from which this cannot be done."""
    status = the_intent["status"]
    if kind == "void" and status == "succeeded":
        why = "the money was taken; a payment that is succeeded cannot be canceled, refund it instead"
    elif kind == "void":
        why = f"a payment that is {status} cannot be canceled now: nothing is promised, or it is on its way"
    else:
        why = f"a payment that is {status} cannot be captured"
    return Refusal("invalid_transition", why)
