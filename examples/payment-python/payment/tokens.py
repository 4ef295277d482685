"""Access tokens: who somebody is, signed by the user module, checked here with its public keys (RFC 9068, RFC 8037)."""

import base64
import json
import threading
import time

from payment import ed25519
from payment.peer import NoAnswer
from payment.refusal import Refusal

LONGEST = 8 * 1024
LEEWAY = 5
# How long keys are believed before they are asked for again, and how often an unknown key may make us ask.
FRESH, ASK_AGAIN = 300, 5


class Tokens:
    """Believes tokens, or not."""

    def __init__(self, users):
        self._users = users
        self._lock = threading.Lock()
        self._issuer, self._keys, self._since = "", {}, float("-inf")

    def principal(self, token: str) -> dict:
        """Who a token stands for."""
        try:
            return self._read(token)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Refusal("invalid_token", "the token does not have the form of an access token") from None

    def _read(self, token: str) -> dict:
        message, _, signature = token.rpartition(".")
        head, _, claims = message.partition(".")
        head = json.loads(_bytes(head))
        form = set(head) == {"typ", "alg", "kid"} and head["typ"] == "at+jwt" and head["alg"] == "EdDSA"
        if len(token) > LONGEST or not form:
            raise ValueError
        issuer, key = self._key(head["kid"])
        if not ed25519.verify(key, message.encode(), _bytes(signature)):
            raise Refusal("invalid_token", "the token's signature is wrong")
        # Read only now: before the signature is right, it is anybody's text.
        claims = json.loads(_bytes(claims))
        now = int(time.time())
        if claims["iss"] != issuer or claims["aud"] != "cleave":
            raise Refusal("invalid_token", "the token is of another issuer or for another audience")
        if claims["exp"] <= now - LEEWAY:
            raise Refusal("invalid_token", "the token has expired")
        if max(claims["nbf"], claims["iat"]) > now + LEEWAY:
            raise Refusal("invalid_token", "the token is not valid yet")
        permissions = claims.get("permissions", []) if claims["kind"] == "staff" else []
        return {"kind": claims["kind"], "account": claims["sub"], "permissions": permissions}

    def _key(self, key_id: str):
        with self._lock:
            age = time.monotonic() - self._since
            if age > FRESH or (key_id not in self._keys and age > ASK_AGAIN):
                self._ask()
            if key_id not in self._keys:
                raise Refusal("invalid_token", "the token names an unknown key")
            return self._issuer, self._keys[key_id]

    def _ask(self):
        try:
            known = self._users.call("users.v1", "keys", {}, "gateway", 2000)
        except NoAnswer as error:
            raise Refusal("module_unavailable", "A part of the shop that this needs is not available") from error
        self._issuer = known["issuer"]
        self._keys = {key["id"]: _bytes(key["publicKey"]) for key in known["keys"]}
        self._since = time.monotonic()


def _bytes(text: str) -> bytes:
    if "=" in text:
        raise ValueError
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
