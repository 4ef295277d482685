"""Card numbers do not belong here. Whatever looks like one is refused before it is stored or logged."""

import re
import unicodedata

# What people write between the groups of a number, characters without a width among them.
SEPARATOR = re.compile("[\\s._\u00ad\u00b7\u2212\ufeff\uff0d\uff0e\uff3f\u200b-\u200f\u2010-\u2015\u2060-\u2064-]")


def looks_like_one(text: str) -> bool:
    """Whether a text holds 13 to 19 digits, of any script and give or take separators, that pass the Luhn check."""
    plain = "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)
    for run in re.findall(rf"[0-9](?:[0-9]|{SEPARATOR.pattern})*", plain):
        groups = [group for group in SEPARATOR.split(run) if group]
        if any(_starts_one(groups[first:]) for first in range(len(groups))):
            return True
    return False


def _starts_one(groups: list[str]) -> bool:
    digits = ""
    for group in groups:
        digits += group
        if 13 <= len(digits) <= 19 and digits[0] != "0" and _luhn(digits):
            return True
    return False


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
