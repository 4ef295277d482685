"""Moments: microseconds since 1970 where they are kept, RFC 3339 where they are told."""

import time
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def now() -> int:
    """The moment it is."""
    return time.time_ns() // 1000


def seconds(count: float) -> int:
    """So many seconds, as a difference between moments."""
    return int(count * 1_000_000)


def show(micros: int) -> str:
    """As it is told."""
    moment = EPOCH + timedelta(microseconds=micros)
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
