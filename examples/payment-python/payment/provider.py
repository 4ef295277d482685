"""Who moves the money. There is one to try things with, and what it does follows from a charge's token alone.

A real one takes its place by answering the same three questions. Each carries an id that was stored before it is
asked for the first time, and is asked again under it: the repetition does nothing and brings the answer of the first.
"""

import time
import uuid
from typing import NamedTuple

from payment import moments

NAME = "test"
LATE = moments.seconds(10)
TIMEOUT = 0.2
# After this time whoever asked has an answer or is gone, and somebody else may ask.
PATIENCE = moments.seconds(12)

DECLINES = {
    "decline": "card_declined",
    "decline_insufficient_funds": "insufficient_funds",
    "decline_expired_card": "expired_card",
    "decline_lost_card": "lost_card",
    "decline_do_not_honor": "do_not_honor",
}
TOKENS = DECLINES.keys() | {
    "approve",
    "requires_action",
    "timeout_but_charged",
    "timeout_not_charged",
    "late_webhook",
    "duplicate_webhook",
    "dispute",
    "refund_fails",
    "refund_times_out",
}


class Charge(NamedTuple):
    """A charge, as it is asked for and asked about."""

    id: str
    amount: int
    capture: str
    token: str
    sent_at: int


class Outcome(NamedTuple):
    """How a charge went: `authorized`, `captured`, `declined`, `requiresAction`, or `pending`, and what goes with it."""

    status: str
    detail: str | None = None


class Silent(Exception):
    """No clear answer came; the work may have been done."""


class Refused(Exception):
    """The provider answered that it will not."""


def reference(charge_id: str) -> str:
    """The provider's own name for a charge."""
    return f"test_{uuid.UUID(charge_id).hex}"


def authorize(charge: Charge) -> Outcome:
    """Asks for a charge."""
    if charge.token.startswith("timeout_"):
        time.sleep(TIMEOUT)
        raise Silent
    return query(charge)


def query(charge: Charge) -> Outcome | None:
    """Asks how a charge went; `None` when it never arrived."""
    if charge.token in DECLINES:
        return Outcome("declined", DECLINES[charge.token])
    if charge.token == "requires_action":
        return Outcome("requiresAction", f"/v1/webhooks/test/actions/{charge.id}")
    if charge.token == "timeout_not_charged":
        return None
    if charge.token == "late_webhook" and moments.now() - charge.sent_at < LATE:
        return Outcome("pending")
    return Outcome("captured" if charge.capture == "automatic" else "authorized", reference(charge.id))


def carry_out(movement_id: str, kind: str, amount: int, charge: Charge):
    """Asks for promised money to be taken or given up, or for taken money to be given back."""
    if amount > charge.amount:
        raise Refused
    if kind == "refund" and charge.token == "refund_fails":
        raise Refused
    # Told apart by time, so that asking again under the same id brings the answer.
    if kind == "refund" and charge.token == "refund_times_out" and moments.now() - charge.sent_at < LATE:
        raise Silent


def pause(asked: int) -> int:
    """How long to wait before a provider is asked again that gave no clear answer: a second, then twice as long."""
    return moments.seconds(min(2 ** min(asked, 16), 300))
