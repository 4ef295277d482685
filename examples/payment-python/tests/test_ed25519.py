"""The first three test vectors of RFC 8032, section 7.1, and what must not verify."""

import unittest

from payment import ed25519

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


class Ed25519(unittest.TestCase):
    def test_the_vectors_of_the_rfc_verify(self):
        for key, message, signature in VECTORS:
            self.assertTrue(
                ed25519.verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)), key
            )

    def test_no_bit_can_be_another(self):
        key, message, signature = map(bytes.fromhex, VECTORS[2])
        for at in (0, 31, 32, 63):
            other = bytearray(signature)
            other[at] ^= 1
            self.assertFalse(ed25519.verify(key, message, bytes(other)), at)
        self.assertFalse(ed25519.verify(key, message + b"x", signature))
        self.assertFalse(ed25519.verify(bytes.fromhex(VECTORS[1][0]), message, signature))

    def test_a_scalar_has_one_form(self):
        key, message, signature = map(bytes.fromhex, VECTORS[2])
        larger = int.from_bytes(signature[32:], "little") + ed25519.L
        self.assertFalse(ed25519.verify(key, message, signature[:32] + larger.to_bytes(32, "little")))

    def test_a_key_of_small_order_is_nobodys(self):
        neutral = (1).to_bytes(32, "little")
        # With such a key this signature would fit every message.
        self.assertFalse(ed25519.verify(neutral, b"anything", neutral + bytes(32)))

    def test_what_has_not_the_length_is_refused(self):
        key, message, signature = map(bytes.fromhex, VECTORS[0])
        for broken in (b"", signature[:63], signature + b"x"):
            self.assertFalse(ed25519.verify(key, message, broken))
        self.assertFalse(ed25519.verify(key[:31], message, signature))
