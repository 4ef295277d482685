"""How things are shown to staff."""

from payment import ids, intent, moments

AMOUNTS = {
    "authorized": "authorized",
    "captured": "captured",
    "refunded": "refunded",
    "disputed": "disputed",
    "pendingCapture": "pending_capture",
    "pendingVoid": "pending_void",
    "pendingRefund": "pending_refund",
}


def payment(known) -> dict:
    """A payment intent."""
    return {
        "id": ids.show("pi", known["id"]),
        "orderId": known["order_id"],
        "status": known["status"],
        "amount": intent.money(known, known["amount_minor"]),
        **{name: intent.money(known, known[column]) for name, column in AMOUNTS.items()},
        "capture": known["capture"],
        "provider": known["provider"],
        "createdAt": moments.show(known["created_at"]),
        "updatedAt": moments.show(known["updated_at"]),
    }


def attempt(known) -> dict:
    """One send to a provider."""
    shown = {
        "id": ids.show("att", known["id"]),
        "status": known["status"],
        "declineCode": known["decline_code"],
        "reference": known["reference"],
        "createdAt": moments.show(known["created_at"]),
    }
    return {name: value for name, value in shown.items() if value is not None}


def refund(known, its_intent) -> dict:
    """A refund."""
    return {
        "id": ids.show("rfd", known["id"]),
        "paymentIntentId": ids.show("pi", known["intent_id"]),
        "amount": intent.money(its_intent, known["amount_minor"]),
        "reason": known["reason"],
        "status": known["status"],
        "createdAt": moments.show(known["created_at"]),
    }


def transfer(known) -> dict:
    """A movement of money in the ledger."""
    return {
        "id": ids.show("txn", known["id"]),
        "paymentIntentId": ids.show("pi", known["intent_id"]),
        "kind": known["kind"],
        "debit": known["debit"],
        "credit": known["credit"],
        "amount": intent.money(known, known["amount_minor"]),
        "createdAt": moments.show(known["created_at"]),
    }


def balance(known) -> dict:
    """What an account holds."""
    return {"account": known["account"], "balance": intent.money(known, known["amount"])}


def webhook(known) -> dict:
    """A webhook that was taken in."""
    shown = {
        "id": ids.show("whe", known["id"]),
        "provider": known["provider"],
        "eventId": known["event_id"],
        "status": known["status"],
        "lastError": known["last_error"],
        "receivedAt": moments.show(known["received_at"]),
    }
    return {name: value for name, value in shown.items() if value is not None}
