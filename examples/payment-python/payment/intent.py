"""A payment intent: what is to be paid for one order, and how far that is. Pure but for the two updates at the end."""

from payment import ids, moments

# From where which news leads where. What is not here does not happen.
LIFE = {
    ("processing", "actionAsked"): "requiresAction",
    ("processing", "declined"): "requiresPaymentMethod",
    ("processing", "promised"): "requiresCapture",
    ("processing", "charged"): "succeeded",
    ("requiresAction", "actionAsked"): "requiresAction",
    ("requiresAction", "declined"): "requiresPaymentMethod",
    ("requiresAction", "promised"): "requiresCapture",
    ("requiresAction", "charged"): "succeeded",
    ("requiresAction", "abandoned"): "canceled",
    ("requiresPaymentMethod", "abandoned"): "canceled",
    ("requiresCapture", "takenInPart"): "partiallyCaptured",
    ("requiresCapture", "takenWhole"): "succeeded",
    ("requiresCapture", "givenUp"): "canceled",
    ("partiallyCaptured", "takenInPart"): "partiallyCaptured",
    ("partiallyCaptured", "takenWhole"): "succeeded",
    ("partiallyCaptured", "givenUp"): "succeeded",
    # Money that comes when all seemed over is real all the same: it is entered, and then it goes back.
    ("requiresPaymentMethod", "promised"): "requiresCapture",
    ("requiresPaymentMethod", "charged"): "succeeded",
    ("canceled", "promised"): "requiresCapture",
    ("canceled", "charged"): "succeeded",
}
STATUSES = sorted({status for status, _ in LIFE} | set(LIFE.values()))


def capturable(intent) -> int:
    """What may still be captured."""
    return intent["authorized"] - intent["pending_capture"] - intent["pending_void"]


def refundable(intent) -> int:
    """What may still be refunded."""
    return intent["captured"] - intent["refunded"] - intent["disputed"] - intent["pending_refund"]


def is_moving(intent) -> bool:
    """Whether there is money on its way."""
    return intent["pending_capture"] + intent["pending_void"] + intent["pending_refund"] > 0


def money(intent, amount: int) -> dict:
    """An amount in its currency."""
    return {"amount": amount, "currency": intent["currency"]}


def outcome(intent, attempt) -> dict:
    """How it stands for its order."""
    there = intent["authorized"] + intent["captured"] > 0
    promised, taken = intent["pending_void"], intent["refunded"] + intent["pending_refund"]
    returned = there and intent["authorized"] == promised and intent["captured"] == taken
    if intent["status"] == "canceled" or returned:
        return {"status": "canceled"}
    if intent["status"] == "succeeded":
        return {"status": "captured"}
    if intent["status"] in ("requiresCapture", "partiallyCaptured"):
        return {"status": "authorized"}
    match attempt["status"]:
        case "requiresAction":
            return {"status": "requiresAction", "url": attempt["action_url"]}
        case "declined":
            return {"status": "declined", "declineCode": attempt["decline_code"]}
        case "authorized" | "captured":
            return {"status": attempt["status"]}
        case "voided":
            return {"status": "canceled"}
    return {"status": "unknown"}


def told(intent, amount: int) -> dict:
    """What all events about an intent say."""
    return {
        "intentId": ids.show("pi", intent["id"]),
        "key": intent["key"],
        "orderId": intent["order_id"],
        "amount": money(intent, amount),
        "authorized": intent["authorized"],
        "captured": intent["captured"],
        "refunded": intent["refunded"],
    }


def publish(tx, kind: str, intent, amount: int):
    """Says what happened to an intent."""
    tx.publish(kind, ids.show("pi", intent["id"]), told(intent, amount))


AMOUNTS = ("authorized", "captured", "refunded", "disputed", "pending_capture", "pending_void", "pending_refund")

CHANGE = f"""
    UPDATE intents
    SET {", ".join(f"{name} = {name} + ?{at}" for at, name in enumerate(AMOUNTS, 1))},
        version = version + 1, updated_at = ?8
    WHERE id = ?9
        AND authorized + ?1 >= 0
        AND authorized + captured + ?1 + ?2 <= amount_minor
        AND pending_capture + pending_void + ?5 + ?6 <= authorized + ?1
        AND disputed + ?4 >= 0
        AND refunded + disputed + pending_refund + ?3 + ?4 + ?7 <= captured + ?2
"""


def change(tx, intent_id: str, **by):
    """Changes its amounts by so much. Returns it as it is now, or `None` when the bounds do not allow it."""
    if tx.run(CHANGE, *(by.get(name, 0) for name in AMOUNTS), moments.now(), intent_id) == 0:
        return None
    return tx.one("SELECT * FROM intents WHERE id = ?", intent_id)


def advance(tx, intent_id: str, news: str, **by):
    """The same, one step on in its life. `taken` is a part or the whole, as the amounts say."""
    before = tx.one("SELECT * FROM intents WHERE id = ?", intent_id)
    if news == "taken":
        news = "takenInPart" if before["authorized"] + by["authorized"] > 0 else "takenWhole"
    to = LIFE.get((before["status"], news))
    if to is None or change(tx, intent_id, **by) is None:
        return None
    tx.run("UPDATE intents SET status = ? WHERE id = ?", to, intent_id)
    return tx.one("SELECT * FROM intents WHERE id = ?", intent_id)
