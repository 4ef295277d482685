"""What one can do with a payment: pay, ask how it stands, take, give up or give back."""

from payment import attempts, card, ids, intent, ledger, moments, movements, provider, webhooks
from payment.refusal import Refusal

REASON = "the payment was ended"
# How often a refund that the provider refuses is tried. After that staff see it and decide.
REFUNDS = 3


class Payments:
    """The payments in this database."""

    def __init__(self, store):
        self.store = store
        self.attempts = attempts.Attempts(store)
        self.movements = movements.Movements(store)

    def pay(self, order: dict) -> dict:
        """Pays. The attempt is stored as sent before it is sent, so that a crash in between leaves a question to ask and
        not a charge that nobody knows of. Repeated with the same key it says how the payment stands."""
        amount = order["amount"]
        if amount["amount"] <= 0:
            raise Refusal("invalid_amount", "an amount to pay is larger than zero")
        if order["provider"] != provider.NAME:
            name = order["provider"]
            raise Refusal("unknown_provider", f"there is no payment provider `{name}`", provider=name)
        if card.looks_like_one(order["token"]) or order["token"] not in provider.TOKENS:
            raise Refusal("invalid_token", "the payment token is not one this provider knows")
        intent_id, now = ids.new(), moments.now()
        with self.store.transaction() as tx:
            new = tx.run(
                """
                INSERT INTO intents
                    (id, key, order_id, currency, amount_minor, capture, provider, status, created_at, updated_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, 'processing', ?8, ?8)
                ON CONFLICT DO NOTHING
                """,
                intent_id,
                order["key"],
                order["orderId"],
                amount["currency"],
                amount["amount"],
                order["capture"],
                order["provider"],
                now,
            )
            if new:
                attempt = self.attempts.write(tx, intent_id, order["token"])
                webhooks.foretell(tx, attempt["id"], order["token"], amount)
        if not new:
            return self._pay_again(order)
        # As it was stored, not as it is: whoever comes with the same key may already have asked about it.
        self.attempts.send(self.intent(intent_id), attempt)
        return self.stands(intent_id)

    def _pay_again(self, order: dict) -> dict:
        known = self.of_key(order["key"])
        if known["order_id"] != order["orderId"] or intent.money(known, known["amount_minor"]) != order["amount"]:
            raise Refusal("key_reused", "the key was used for another payment")
        return self.resolve(order["key"])

    def resolve(self, key: str) -> dict:
        """How a payment stands. An open attempt is asked about first."""
        known = self.of_key(key)
        attempt = self.attempts.of(known["id"])
        if attempt["status"] in attempts.OPEN:
            self.attempts.ask(known, attempt)
        return self.stands(known["id"])

    def stands(self, intent_id: str) -> dict:
        """A payment as its order sees it."""
        known = self.intent(intent_id)
        return {
            "intentId": ids.show("pi", intent_id),
            "outcome": intent.outcome(known, self.attempts.of(intent_id)),
        }

    def end(self, key: str, refund: bool) -> dict:
        """Ends a payment that is no longer wanted: gives up what is promised and, if so wanted, gives back what was
        taken. Repeated, it goes on where it was. While something is on its way whose outcome is not known, that part
        waits."""
        known = self._settled(self.of_key(key))
        intent_id = known["id"]
        if self.stands(intent_id)["outcome"]["status"] == "unknown":
            return self.stands(intent_id)
        if movements.left("void", known) > 0:
            self._give(intent_id, "void")
        known = self.intent(intent_id)
        if refund and intent.refundable(known) > 0 and self._may_refund(intent_id):
            self._give(intent_id, "refund")
        return self.stands(intent_id)

    def is_ended(self, key: str, refund: bool) -> bool:
        """Whether nothing is left to be done of that."""
        known = self.of_key(key)
        kept = refund and intent.refundable(known) > 0 and self._may_refund(known["id"])
        still_open = self.attempts.of(known["id"])["status"] in attempts.OPEN
        return not still_open and not intent.is_moving(known) and known["authorized"] == 0 and not kept

    def _settled(self, known):
        """Brings an end to what has not begun: an attempt nobody has an answer to is asked about, one that waits for the
        payer is given up, and one that was refused is the last."""
        attempt = self.attempts.of(known["id"])
        if attempt["status"] == "requiresAction":
            self.attempts.abandon(known, attempt)
        elif attempt["status"] in attempts.OPEN:
            self.attempts.ask(known, attempt)
        if self.intent(known["id"])["status"] == "requiresPaymentMethod":
            with self.store.transaction() as tx:
                intent.advance(tx, known["id"], "abandoned")
        return self.intent(known["id"])

    def _give(self, intent_id: str, kind: str):
        """Moves all there is, unless somebody else was faster and it is on its way already."""
        try:
            self.movements.carry_out(movements.new_id(), intent_id, kind, REASON)
        except Refusal as refusal:
            if refusal.code not in ("invalid_transition", "refund_exceeds_captured"):
                raise

    def _may_refund(self, intent_id: str) -> bool:
        refused = [
            refund
            for refund in self.movements.list(intent_id, "refund")
            if refund["status"] == "failed" and refund["reason"] == REASON
        ]
        return len(refused) < REFUNDS

    def capture(self, movement_id: str, intent_id: str, amount: dict | None):
        """Captures promised money: all that is left, or a part."""
        self.intent(intent_id)
        return self._move(movement_id, intent_id, "capture", "captured by staff", amount)

    def cancel(self, movement_id: str, intent_id: str):
        """Gives up what is promised, for staff. What was taken is refunded on purpose or not at all."""
        known = self._settled(self.intent(intent_id))
        if known["status"] == "canceled" or known["pending_void"] > 0:
            return known
        if known["status"] in ("processing", "requiresAction", "requiresPaymentMethod"):
            why = "cannot be canceled before its outcome is known; send it again then"
            raise Refusal("invalid_transition", f"a payment that is {known['status']} {why}")
        return self._move(movement_id, intent_id, "void", "canceled by staff")

    def _move(self, movement_id, intent_id, kind, reason, amount=None):
        movement = self.movements.carry_out(movement_id, intent_id, kind, reason, amount)
        if movement["status"] == "failed":
            raise Refusal("refused_by_provider", "the provider refused")
        return self.intent(intent_id)

    def dispute(self, tx, known, minor: int, won: bool):
        """A payer disputes a charge, or a dispute is won: the money is back at the provider, or here."""
        now = intent.change(tx, known["id"], disputed=-minor if won else minor)
        if now is None:
            raise Refusal("invalid_transition", f"{minor} is more than was taken and is still there")
        (ledger.dispute_won if won else ledger.dispute)(tx, now, minor)
        intent.publish(tx, "dispute.won" if won else "dispute.opened", now, minor)

    def intent(self, intent_id: str):
        """One intent."""
        known = self.store.one("SELECT * FROM intents WHERE id = ?", intent_id)
        if known is None:
            raise Refusal("not_found", "There is no such payment intent")
        return known

    def of_key(self, key: str):
        """The intent of a checkout's key."""
        known = self.store.one("SELECT * FROM intents WHERE key = ?", key)
        if known is None:
            raise Refusal("not_found", "there is no such payment")
        return known

    def of_orders(self, order_ids: list[str]):
        """The intents of these orders, the oldest first."""
        places = ", ".join("?" * len(order_ids))
        return self.store.all(f"SELECT * FROM intents WHERE order_id IN ({places}) ORDER BY id", *order_ids)

    def list(self, order_id: str | None, status: str | None, before: str | None, limit: int):
        """Intents, newest first: of one order, or with one status, or all."""
        return self.store.all(
            """
            SELECT * FROM intents
            WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR order_id = ?2) AND (?3 IS NULL OR status = ?3)
            ORDER BY id DESC
            LIMIT ?4
            """,
            before,
            order_id,
            status,
            limit,
        )
