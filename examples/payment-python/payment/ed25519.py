"""Ed25519 signatures (RFC 8032), verified. The standard library has none; a payment module needs no more than this.

Nothing here is secret, so nothing has to take the same time whatever it is given.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _add(one, two):
    """The sum of two points in extended coordinates: x = X/Z, y = Y/Z, x*y = T/Z."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(factor: int, point):
    total = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _x_of(y: int, odd: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT % P
    if x * x % P != square or (x == 0 and odd):
        return None
    return P - x if x & 1 != odd else x


def _point(data: bytes):
    number = int.from_bytes(data, "little")
    y = number & (1 << 255) - 1
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def _bytes(point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_Y = 4 * pow(5, -1, P) % P
_BASE = (_x_of(_Y, 0), _Y, 1, _x_of(_Y, 0) * _Y % P)
_NOTHING = _bytes((0, 1, 1, 0))


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether who holds the private half of `key` has signed the message. Keys of small order are nobody's."""
    if len(key) != 32 or len(signature) != 64:
        return False
    holder = _point(key)
    scalar = int.from_bytes(signature[32:], "little")
    if holder is None or scalar >= L or _bytes(_times(8, holder)) == _NOTHING:
        return False
    digest = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y, z, t = _times(digest, holder)
    return _bytes(_add(_times(scalar, _BASE), (-x % P, y, z, -t % P))) == signature[:32]
