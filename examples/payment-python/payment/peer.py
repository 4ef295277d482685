"""A module elsewhere, called by its contract."""

import base64
import http.client
import json
import urllib.parse
import uuid

from payment import signature


class NoAnswer(Exception):
    """A call that brought no answer, or a refusal nobody here expects."""


def principal(who: dict) -> str:
    """On whose behalf, as it stands in the head of a call."""
    return base64.urlsafe_b64encode(json.dumps(who).encode()).decode().rstrip("=")


class Peer:
    """Another process of the shop, at the address of its internal listener."""

    def __init__(self, url: str, secret: bytes):
        where = urllib.parse.urlsplit(url)
        if where.scheme != "http" or not where.hostname:
            raise ValueError(f"{url} is not the address of an internal listener, such as http://10.0.0.7:9080")
        self._where, self._secret = (where.hostname, where.port or 80), secret

    def call(self, contract: str, method: str, request: dict, caller: str, patience_ms: int) -> dict:
        """Asks, and waits so long for the answer."""
        body = json.dumps(request).encode()
        claim = signature.Claim(
            caller,
            f"/rpc/{contract}/{method}",
            str(patience_ms),
            principal({"kind": "module", "name": "payment"}),
        )
        headers = {
            "content-type": "application/json",
            "cleave-caller": claim.caller,
            "cleave-deadline-ms": claim.deadline,
            "cleave-principal": claim.principal,
            "cleave-signature": signature.sign(self._secret, claim, body),
            "x-request-id": str(uuid.uuid4()),
        }
        connection = http.client.HTTPConnection(*self._where, timeout=patience_ms / 1000)
        try:
            connection.request("POST", claim.path, body, headers)
            response = connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{claim.path}: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise NoAnswer(f"{claim.path}: {response.status} {said[:200]!r}")
        return json.loads(said)
