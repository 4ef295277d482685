"""What proves who calls: a signature with the secret that all processes of a shop share.

It covers all that is believed of a call, is good for half a minute, and for one use. docs/contracts.md has an example
to the byte.
"""

import hmac
import threading
import uuid
from typing import NamedTuple

from payment import moments

WINDOW = moments.seconds(30)
SHORTEST = 32


class Claim(NamedTuple):
    """What a caller claims, as it stands in the head of a call."""

    caller: str
    path: str
    deadline: str
    principal: str


class Refusal(Exception):
    """A signature that is not believed."""


class Replayed(Refusal):
    """It was believed before."""


def _digest(secret: bytes, claim: Claim, time: int, nonce: str, body: bytes) -> str:
    head = f"{claim.caller}\n{time}\n{nonce}\n{claim.path}\n{claim.deadline}\n{claim.principal}\n"
    return hmac.new(secret, head.encode() + body, "sha256").hexdigest()


def sign(secret: bytes, claim: Claim, body: bytes) -> str:
    """`time.nonce.signature`."""
    time, nonce = moments.now(), uuid.uuid4().hex
    return f"{time}.{nonce}.{_digest(secret, claim, time, nonce, body)}"


class Verifier:
    """Checks signatures, and remembers each for as long as it could be shown again."""

    def __init__(self, secret: bytes):
        self._secret = secret
        self._lock = threading.Lock()
        self._seen, self._before, self._turned = set(), set(), moments.now()

    def verify(self, claim: Claim, shown: str, body: bytes):
        """Refuses what is not signed, or not just now, or not for the first time."""
        try:
            time, nonce, signature = shown.split(".", 2)
            expected = _digest(self._secret, claim, int(time), nonce, body)
            genuine = hmac.compare_digest(bytes.fromhex(signature), bytes.fromhex(expected))
        except ValueError:
            genuine = False
        if not genuine:
            raise Refusal("the call is not signed with this shop's secret")
        now = moments.now()
        if abs(now - int(time)) > WINDOW:
            raise Refusal("the call was signed too long ago")
        if not self.is_new(nonce, now):
            raise Replayed("the call was made before")

    def is_new(self, nonce: str, now: int) -> bool:
        """Whether this was not seen in the last window, counted from both of its ends."""
        with self._lock:
            if now - self._turned > 2 * WINDOW:
                self._before, self._seen, self._turned = self._seen, set(), now
            if nonce in self._before or nonce in self._seen:
                return False
            self._seen.add(nonce)
            return True
