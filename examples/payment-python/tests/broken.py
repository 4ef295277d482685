"""The module with one promise broken, to see that the conformance suite finds it out: `broken.py PROMISE …`."""

import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from payment import http, intent, main, payments, rpc, shapes, signature, store  # noqa: E402

BREAKS = {}


def breaks(function):
    """Names a way to break it after its function."""
    BREAKS[function.__name__] = function
    return function


@breaks
def describes_less():
    describe = rpc.Rpc.describe

    def broken(self, contract):
        answer = describe(self, contract)
        answer.body = answer.body.replace(b'"resolve"', b'"inquire"').replace(b'"progress"', b'"cursors"')
        return answer

    rpc.Rpc.describe = broken


@breaks
def believes_without_a_head():
    header = http.Request.header
    defaults = {"cleave-caller": "order", "cleave-deadline-ms": "1000", "cleave-principal": "eyJraW5kIjoiYW5vbnltb3VzIn0"}
    http.Request.header = lambda self, name: header(self, name) or defaults.get(name, "")
    verify = signature.Verifier.verify
    signature.Verifier.verify = lambda self, claim, shown, body: verify(self, claim, shown, body) if shown else None


@breaks
def believes_every_signature():
    def broken(self, claim, shown, body):
        if abs(moments_of(shown) - time.time_ns() // 1000) > signature.WINDOW:
            raise signature.Refusal
        if not self.is_new(shown, time.time_ns() // 1000):
            raise signature.Replayed

    signature.Verifier.verify = broken


def moments_of(shown):
    """The time in a signature, as anybody can write it."""
    time_of = shown.split(".")[0]
    return int(time_of) if time_of.isdigit() else time.time_ns() // 1000


@breaks
def believes_old_signatures():
    signature.WINDOW = 10**12


@breaks
def believes_twice():
    signature.Verifier.is_new = lambda *_: True


@breaks
def serves_every_caller():
    rpc.CALLERS = {}


@breaks
def works_for_nobody():
    admit = rpc.Rpc._admit

    def broken(self, *call):
        try:
            return admit(self, *call)
        except rpc.Failure as failure:
            if failure.body["reason"] != "deadline_exceeded":
                raise
            return rpc.Call("order", time.monotonic() + 1)

    rpc.Rpc._admit = broken


@breaks
def answers_what_is_unknown():
    carry_out = rpc.Rpc._carry_out

    def broken(self, call, contract, method, body):
        return {} if method == "steal" else carry_out(self, call, contract, method, body)

    rpc.Rpc._carry_out = broken


@breaks
def reads_anything():
    shapes.Shapes._members = lambda *_: None


@breaks
def reads_nothing_new():
    members = shapes.Shapes._members
    shapes.Shapes._members = lambda self, schema, value, at: members(
        self, {**schema, "additionalProperties": False}, value, at
    )


def outcome_as(changed):
    """Tells outcomes that are changed so."""
    outcome = intent.outcome
    intent.outcome = lambda *of: changed(outcome(*of))


@breaks
def calls_taken_money_promised():
    outcome_as(lambda told: {"status": "authorized"} if told["status"] == "captured" else told)


@breaks
def calls_promised_money_taken():
    outcome_as(lambda told: {"status": "captured"} if told["status"] == "authorized" else told)


@breaks
def spells_a_decline_otherwise():
    outcome_as(lambda told: {("decline_code" if name == "declineCode" else name): told[name] for name in told})


@breaks
def sends_the_payer_nowhere():
    outcome_as(lambda told: {**told, "url": ""} if "url" in told else told)


@breaks
def never_asks_again():
    payments.Payments.resolve = lambda self, key: self.stands(self.of_key(key)["id"])


@breaks
def charges_again():
    pay = payments.Payments.pay

    def again(self, order):
        return pay(self, {**order, "key": str(uuid.uuid4())})

    payments.Payments._pay_again = again


@breaks
def forgets_what_a_key_was_for():
    payments.Payments._pay_again = lambda self, order: self.resolve(order["key"])


@breaks
def has_no_words_for_refusals():
    rpc.TYPED = {"key_reused", "failed"}


@breaks
def ends_nothing():
    def broken(self, key, refund):
        known = self.of_key(key)
        return {**self.stands(known["id"]), "outcome": {"status": "canceled"}}

    payments.Payments.end = broken


@breaks
def finds_the_newest_first():
    of_orders = payments.Payments.of_orders
    payments.Payments.of_orders = lambda self, orders: of_orders(self, orders)[::-1]


def told_as(changed):
    """Tells events that are changed so."""
    cloud_event = rpc.cloud_event
    rpc.cloud_event = lambda row: {**cloud_event(row), **changed(cloud_event(row))}


@breaks
def tells_in_anothers_name():
    told_as(lambda event: {"source": "/order"})


@breaks
def leaves_gaps():
    told_as(lambda event: {"position": 2 * event["position"]})


@breaks
def shows_the_last_event_again():
    read = rpc.Rpc._read

    def broken(self, call, request):
        page = read(self, call, request)
        if not page["events"] and request["after"] > 0:
            page = read(self, call, {**request, "after": request["after"] - 1})
        return page

    rpc.Rpc._read = broken


@breaks
def never_waits():
    store.Store.wait_for_event = lambda *_: None


@breaks
def hears_nothing_while_it_waits():
    store.Store.wait_for_event = lambda self, after, seconds: time.sleep(seconds)


@breaks
def shows_the_logs_of_others():
    rpc.own = lambda module: None


@breaks
def listens_to_nobody():
    rpc.Rpc._progress = lambda *_: {"cursors": []}


if __name__ == "__main__":
    BREAKS[sys.argv[1]]()
    sys.exit(main.main(sys.argv[2:]))
