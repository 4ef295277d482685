"""Signatures to the byte, ids, and values held against their schemas."""

import unittest
from email.message import Message
from pathlib import Path
from unittest import mock

from payment import card, ids, moments, shapes, signature
from payment.http import Request
from payment.keys import sent_key
from payment.refusal import Refusal

DOCS = Path(__file__).parents[3] / "docs" / "contracts.md"
SECRET = b"known to all processes of one shop"
BODY = b'{"key":"01930b5e-7a52-7c3d-9e1f-0a1b2c3d4e5f"}'
CLAIM = signature.Claim(
    "order", "/rpc/payments.v1/resolve", "5000", "eyJraW5kIjoibW9kdWxlIiwibmFtZSI6Im9yZGVyIn0"
)


class Signatures(unittest.TestCase):
    def test_the_example_of_the_documentation_is_right(self):
        digest = signature._digest(SECRET, CLAIM, 1767225600000000, "0123456789abcdef" * 2, BODY)
        written = DOCS.read_text()
        for word in (digest, CLAIM.principal, BODY.decode()):
            self.assertIn(word, written)

    def test_a_signature_is_believed_once_and_only_for_what_it_covers(self):
        verifier = signature.Verifier(SECRET)
        shown = signature.sign(SECRET, CLAIM, BODY)
        for other in (CLAIM._replace(caller="user"), CLAIM._replace(deadline="50000")):
            with self.assertRaises(signature.Refusal):
                verifier.verify(other, shown, BODY)
        verifier.verify(CLAIM, shown, BODY)
        with self.assertRaises(signature.Replayed):
            verifier.verify(CLAIM, shown, BODY)

    def test_an_old_signature_is_refused_even_when_its_nonce_is_forgotten(self):
        verifier, began = signature.Verifier(SECRET), moments.now()
        shown = signature.sign(SECRET, CLAIM, BODY)
        verifier.verify(CLAIM, shown, BODY)
        for windows in range(1, 10):
            with mock.patch("payment.moments.now", return_value=began + windows * signature.WINDOW * 9 // 10):
                verifier.verify(CLAIM, signature.sign(SECRET, CLAIM, BODY), BODY)
                with self.assertRaises(signature.Refusal):
                    verifier.verify(CLAIM, shown, BODY)


class Words(unittest.TestCase):
    def test_ids_survive_their_text_and_sort_by_time(self):
        made = [ids.new() for _ in range(1000)]
        self.assertEqual(made, sorted(set(made)))
        self.assertEqual(ids.read("pi", ids.show("pi", made[0])), made[0])
        shown = ids.show("pi", made[0])
        for broken in ("", "pi_", shown[3:], shown.upper(), shown + "0", shown.replace("pi_", "att_"), "pi_" + "8" * 26):
            self.assertIsNone(ids.read("pi", broken), broken)

    def test_moments_are_told_as_in_rfc_3339(self):
        self.assertEqual(moments.show(1767225600000000), "2026-01-01T00:00:00Z")
        self.assertEqual(moments.show(1767225600250000), "2026-01-01T00:00:00.25Z")

    def test_card_numbers_are_known_in_every_script(self):
        for text in ("4242424242424242", "no. 7: 4242 4242-4242.4242", "４２４２４２４２４２４２４２４２"):
            self.assertTrue(card.looks_like_one(text), text)
        for text in ("approve", "4242424242424241", "42424242424242424242", "0000000000000000", ""):
            self.assertFalse(card.looks_like_one(text), text)


class Keys(unittest.TestCase):
    def read(self, *values):
        headers = Message()
        for value in values:
            headers["idempotency-key"] = value
        return sent_key(Request("POST", "/", "", headers, b"", "r"))

    def test_quoted_and_bare_mean_the_same_key(self):
        self.assertIsNone(self.read())
        for value, key in (("abc-1", "abc-1"), ('"abc-1"', "abc-1"), (r'"a\"b\\"', 'a"b\\'), ("k" * 255, "k" * 255)):
            self.assertEqual(self.read(value), key)

    def test_what_is_no_key_is_refused(self):
        for value in ("", '""', '"', "a b", "a,b", '"a", "b"', 'a"b', r'"a\x"', '"a"b"', "k" * 256, "kü"):
            with self.assertRaises(Refusal):
                self.read(value)
        with self.assertRaises(Refusal):
            self.read("a", "b")


class Values(unittest.TestCase):
    SHAPES = shapes.Shapes(
        {
            "Tea": {
                "type": "object",
                "required": ["cups"],
                "properties": {
                    "cups": {"type": "integer", "format": "int32", "minimum": 0},
                    "milk": {"type": ["boolean", "null"]},
                    "leaf": {"$ref": "#/components/schemas/Leaf"},
                },
            },
            "Leaf": {"type": "string", "enum": ["green", "black"]},
        }
    )

    def fault(self, value):
        with self.assertRaises(shapes.Misshapen) as raised:
            self.SHAPES.check("Tea", value)
        return raised.exception.pointer, raised.exception.code

    def test_what_has_the_shape_passes_with_fields_of_later_versions(self):
        for value in ({"cups": 0}, {"cups": 2, "milk": None, "leaf": "green"}, {"cups": 1, "sugar": 3}):
            self.SHAPES.check("Tea", value)

    def test_what_has_not_is_refused_and_told_where(self):
        self.assertEqual(self.fault({}), ("/cups", "missing_field"))
        self.assertEqual(self.fault([]), ("", "wrong_type"))
        for cups in ("1", 1.0, True, None, [1]):
            self.assertEqual(self.fault({"cups": cups}), ("/cups", "wrong_type"), cups)
        for cups in (-1, 2**32):
            self.assertEqual(self.fault({"cups": cups}), ("/cups", "invalid_value"), cups)
        self.assertEqual(self.fault({"cups": 1, "leaf": "red"}), ("/leaf", "invalid_value"))
        self.assertEqual(self.fault({"cups": 1, "milk": "no"}), ("/milk", "wrong_type"))

    def test_what_can_be_read_in_two_ways_is_not_read(self):
        with self.assertRaises(shapes.Misshapen):
            shapes.parse(b'{"cups":1,"cups":2}')
        deep = b"[" * 40 + b"]" * 40
        for data in (b"", b"{", b"NaN", b"\xff", b'"\\ud800"', b"{}{}", b"[" * 100_000, deep):
            with self.assertRaises(shapes.Unreadable):
                shapes.parse(data)
