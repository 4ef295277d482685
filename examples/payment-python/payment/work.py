"""What is done when nobody waits: jobs, questions to a provider that was silent, and what the order module said."""

import json
import logging
import threading

from payment import intent, moments, provider
from payment.refusal import Refusal

LOOK_EVERY = 0.1
LOOK_AGAIN = moments.seconds(60)
# How long answers to requests are kept.
KEEP = moments.seconds(7 * 24 * 3600)
LISTENER = "payment.cancellations"

log = logging.getLogger("payment")


class Worker:
    """Does the jobs."""

    def __init__(self, store, payments, webhooks):
        self.store, self.payments, self.webhooks = store, payments, webhooks

    def run(self, stopping: threading.Event):
        """Until the process stops."""
        while not stopping.wait(LOOK_EVERY):
            try:
                self.payments.attempts.recover()
                self.payments.movements.recover()
                self._jobs()
                self._forget()
            except Exception:
                log.exception("work that nobody waits for broke off and is tried again")

    def _jobs(self):
        due = self.store.all("SELECT * FROM jobs WHERE due_at <= ? ORDER BY due_at, id LIMIT 50", moments.now())
        for job in due:
            try:
                self._do(job["kind"], json.loads(job["payload"]))
                with self.store.transaction() as tx:
                    tx.run("DELETE FROM jobs WHERE id = ?", job["id"])
            except Exception as error:
                log.exception("a job failed and is tried again: %s", job["kind"])
                with self.store.transaction() as tx:
                    again = moments.now() + provider.pause(job["failures"])
                    tx.run(
                        "UPDATE jobs SET failures = failures + 1, due_at = ?, last_error = ? WHERE id = ?",
                        again,
                        repr(error),
                        job["id"],
                    )

    def _do(self, kind: str, payload: dict):
        match kind:
            case "webhook.send":
                self.webhooks.send(payload["id"], payload["report"])
            case "webhook.apply":
                self.webhooks.apply(payload["id"])
            case "order.canceled" if payload["paymentKey"] is not None:
                self._end(payload)
            case "order.itemsCanceled" if payload["refund"] is not None:
                self._give_back(payload)

    def _end(self, canceled: dict):
        """Ends a payment. While something is on its way whose outcome nobody knows, it is looked at again and again."""
        key, refund = canceled["paymentKey"], canceled["refund"]
        try:
            self.payments.end(key, refund)
        except Refusal as refusal:
            if refusal.code == "not_found":
                return
            raise
        if self.payments.is_ended(key, refund):
            return
        known = self.payments.of_key(key)
        if not intent.is_moving(known) and any(known[name] for name in intent.AMOUNTS):
            raise RuntimeError("the provider refuses to give the money up")
        with self.store.transaction() as tx:
            tx.enqueue("order.canceled", canceled, moments.now() + LOOK_AGAIN)

    def _give_back(self, canceled: dict):
        """Gives a part of a payment back, under the identity of the cancellation."""
        try:
            known = self.payments.of_key(canceled["paymentKey"])
        except Refusal:
            return
        if known["captured"] == 0:
            return
        reason = f"items of {known['order_id']} canceled"
        move = self.payments.movements.carry_out
        try:
            move(canceled["cancellationId"], known["id"], "refund", reason, canceled["refund"])
        except Refusal as refusal:
            # Staff refunded by hand in the meantime: what is left goes back.
            left = refusal.more.get("left")
            if left is None:
                raise
            if left["amount"] > 0:
                move(canceled["cancellationId"], known["id"], "refund", reason, left)

    def _forget(self):
        old = moments.now() - KEEP
        if self.store.one("SELECT 1 FROM idempotency_keys WHERE created_at < ? LIMIT 1", old):
            with self.store.transaction() as tx:
                tx.run("DELETE FROM idempotency_keys WHERE created_at < ?", old)


class Listener:
    """Hears the order module: reads its log after a cursor, and moves the cursor with what it writes down."""

    WANTED = ("order.canceled", "order.itemsCanceled")

    def __init__(self, store, orders):
        self.store, self.orders = store, orders
        with store.transaction() as tx:
            tx.run("INSERT INTO cursors VALUES (?, 'order', 0) ON CONFLICT DO NOTHING", LISTENER)

    def run(self, stopping: threading.Event):
        """Until the process stops."""
        away = False
        while not stopping.is_set():
            try:
                self.step()
                away = False
            except Exception as error:
                if not away:
                    log.warning("the order module's log cannot be read and is asked for again: %s", error)
                away = True
                stopping.wait(0.3)

    def step(self):
        """Reads once. Every wanted event becomes a job: what money does needs the provider."""
        after = self.store.one("SELECT position FROM cursors WHERE listener = ?", LISTENER)[0]
        request = {"source": "order", "after": after, "limit": 500, "waitMs": 2000}
        events = self.orders.call("events.v1", "read", request, "events", 6000)["events"]
        if not events:
            return
        with self.store.transaction() as tx:
            for event in events:
                if event["type"] in self.WANTED:
                    tx.enqueue(event["type"], event["data"], moments.now())
            last = events[-1]["position"]
            tx.run("UPDATE cursors SET position = ? WHERE listener = ?", last, LISTENER)
