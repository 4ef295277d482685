"""`Idempotency-Key`: one effect and one answer, however often a request is sent."""

import hashlib
import re
import threading

from payment import ids, moments
from payment.http import Answer, Request, problem
from payment.refusal import Refusal

QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


class Keys:
    """The keys that were used, and what was answered."""

    def __init__(self, store):
        self.store = store
        self._lock = threading.Lock()
        self._at_work = set()

    def once(self, request: Request, scope: str, work) -> Answer:
        """Does the work, which gets the identity of its effect, and keeps its answer. Failures of ours are not kept: a
        repetition resumes, under the same identity. Nor is a refusal of what was sent: nothing was begun."""
        sent = sent_key(request)
        if sent is None:
            return work(ids.new())
        key = (scope, f"{request.method} {request.path}", hashlib.sha256(sent.encode()).hexdigest())
        with self._lock:
            if key in self._at_work:
                raise Refusal("idempotency_in_progress", "A request with this Idempotency-Key is being worked on")
            self._at_work.add(key)
        try:
            return self._hold(request, key, work)
        finally:
            with self._lock:
                self._at_work.discard(key)

    def _hold(self, request, key, work) -> Answer:
        fingerprint = hashlib.sha256(request.body).hexdigest()
        with self.store.transaction() as tx:
            fresh = tx.run(
                "INSERT INTO idempotency_keys (scope, operation, key, fingerprint, effect_id, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                *key,
                fingerprint,
                ids.new(),
                moments.now(),
            )
            known = tx.one("SELECT * FROM idempotency_keys WHERE scope = ? AND operation = ? AND key = ?", *key)
        if known["fingerprint"] != fingerprint:
            raise Refusal("idempotency_key_reused", "This Idempotency-Key was used for another request")
        if known["answer"] is not None:
            answer = Answer.from_text(known["answer"])
            answer.headers.append(("idempotent-replayed", "true"))
            return answer
        try:
            answer = work(known["effect_id"])
        except Refusal as refusal:
            answer = problem(request, refusal)
        of_key = "WHERE scope = ? AND operation = ? AND key = ?"
        with self.store.transaction() as tx:
            if answer.status < 500 and answer.status != 422:
                tx.run(f"UPDATE idempotency_keys SET answer = ? {of_key}", answer.to_text(), *key)
            elif fresh and answer.status == 422:
                tx.run(f"DELETE FROM idempotency_keys {of_key}", *key)
        return answer


def sent_key(request: Request) -> str | None:
    """The key of a request, if it has one."""
    values = request.headers.get_all("idempotency-key", [])
    if not values:
        return None
    key = values[0]
    if key.startswith('"'):
        quoted = QUOTED.fullmatch(key)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    elif '"' in key or "," in key:
        key = ""
    visible = all("!" <= letter <= "~" for letter in key)
    if len(values) > 1 or not visible or not 1 <= len(key) <= 255:
        why = "Send one Idempotency-Key of 1 to 255 visible ASCII characters"
        raise Refusal("invalid_idempotency_key", why)
    return key
