"""Ids: a prefix that says what is meant, and a UUIDv7 that says which, in 26 characters of Crockford's base32."""

import os
import threading
import time
import uuid

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

_lock = threading.Lock()
_last = 0


def new() -> str:
    """A new UUIDv7, as it is stored. Those made later sort later, also within a millisecond."""
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 of their fraction, moved on by one where the clock has not.
        ticks = time.time_ns() * 4096 // 1_000_000
        _last = max(ticks, _last + 1)
        milliseconds, fraction = divmod(_last, 4096)
    chance = int.from_bytes(os.urandom(8), "big") >> 2
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance))


def show(prefix: str, stored: str) -> str:
    """As it is told: `pi_01jdzq4h5gf3bs8v0c7j3n2k9m`."""
    rest = uuid.UUID(stored).int
    letters = []
    for _ in range(26):
        letters.append(ALPHABET[rest & 31])
        rest >>= 5
    return f"{prefix}_{''.join(reversed(letters))}"


def read(prefix: str, text: str) -> str | None:
    """As it is stored, or `None` when the text is no id of this kind."""
    suffix = text.removeprefix(f"{prefix}_")
    if suffix == text or len(suffix) != 26 or suffix[0] > "7":
        return None
    value = 0
    for letter in suffix:
        digit = ALPHABET.find(letter)
        if digit < 0:
            return None
        value = value << 5 | digit
    return str(uuid.UUID(int=value))
