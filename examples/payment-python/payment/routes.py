"""What staff, payers and providers ask, forwarded to us by whichever process of the shop they asked."""

import re
import uuid

from payment import ids, ledger, lists, shapes, views
from payment.http import Answer, Request
from payment.refusal import Refusal

MONEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount", "currency"],
    "properties": {
        "amount": {"type": "integer", "format": "int64"},
        "currency": {"type": "string", "pattern": "[A-Z]{3}"},
    },
}
BODIES = shapes.Shapes(
    {
        "Money": MONEY,
        "Capture": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"amount": {**MONEY, "type": ["object", "null"]}},
        },
        "Refund": {
            "type": "object",
            "additionalProperties": False,
            "required": ["paymentIntentId", "amount", "reason"],
            "properties": {
                "paymentIntentId": {"type": "string", "pattern": "pi_[0-7][0-9a-hjkmnp-tv-z]{25}"},
                "amount": MONEY,
                "reason": {"type": "string"},
            },
        },
        "Action": {
            "type": "object",
            "additionalProperties": False,
            "required": ["outcome"],
            "properties": {"outcome": {"type": "string", "enum": ["approve", "refuse"]}},
        },
    }
)


class Routes:
    """The routes below `/v1`."""

    def __init__(self, payments, webhooks, tokens, keys):
        self.payments, self.webhooks, self.tokens, self.keys = payments, webhooks, tokens, keys
        intents, refunds = "/v1/admin/payment-intents", "/v1/admin/refunds"
        self._table = [
            ("GET", intents, "payments:read", self._intents),
            ("GET", f"{intents}/([^/]+)", "payments:read", self._intent),
            ("POST", f"{intents}/([^/]+)/capture", "payments:write", self._capture),
            ("POST", f"{intents}/([^/]+)/cancel", "payments:write", self._cancel),
            ("GET", refunds, "refunds:read", self._refunds),
            ("POST", refunds, "refunds:write", self._give_back),
            ("GET", f"{refunds}/([^/]+)", "refunds:read", self._refund),
            ("GET", "/v1/admin/ledger", "ledger:read", self._transfers),
            ("GET", "/v1/admin/ledger/balances", "ledger:read", self._balances),
            ("GET", "/v1/admin/webhook-events", "webhooks:read", self._webhooks),
            ("POST", "/v1/admin/webhook-events/([^/]+)/replay", "webhooks:write", self._replay),
            ("POST", "/v1/webhooks/([^/]+)", None, self._receive),
            ("POST", "/v1/webhooks/test/actions/([^/]+)", None, self._act),
        ]

    def answer(self, request: Request) -> Answer:
        """Finds the route, and out who asks."""
        who = self._who(request)
        if who is None and request.path.startswith("/v1/admin/"):
            raise Refusal("authentication_required", "This needs a bearer token")
        wanted = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for method, pattern, permission, handler in self._table:
            if found := re.fullmatch(pattern, request.path):
                if method == wanted:
                    return handler(request, Staff(who, permission), *found.groups())
                allowed.append(method)
        if allowed:
            raise Refusal("method_not_allowed", f"This path takes {', '.join(allowed)}", allow=", ".join(allowed))
        raise Refusal("not_found", "There is no such resource")

    def _who(self, request: Request) -> dict | None:
        values = request.headers.get_all("authorization", [])
        if not values:
            return None
        scheme, _, token = values[0].partition(" ")
        if len(values) > 1 or scheme.lower() != "bearer" or not token:
            raise Refusal("invalid_token", "The Authorization header must be `Bearer` and one token")
        return self.tokens.principal(token)

    def _intents(self, request, staff) -> Answer:
        staff.check()
        asked = lists.parameters(request, limit=lists.limit, after=str, orderId=str, status=lists.status)
        page = lists.Pages(f"payment-intents?order={asked['orderId']}&status={asked['status']}", asked)
        rows = self.payments.list(asked["orderId"], asked["status"], page.after, page.limit + 1)
        return page.answer(rows, views.payment)

    def _intent(self, request, staff, shown) -> Answer:
        staff.check()
        known = self.payments.intent(named("pi", shown))
        attempts = [views.attempt(self.payments.attempts.of(known["id"]))]
        return Answer.json(200, {**views.payment(known), "attempts": attempts}, etag(known))

    def _capture(self, request, staff, shown) -> Answer:
        intent_id, body = named("pi", shown), content(request, "Capture")
        staff.check()
        keyed(request)

        def work(effect_id):
            known = self.payments.capture(effect_id, intent_id, body.get("amount"))
            return Answer.json(200, views.payment(known), etag(known))

        return self.keys.once(request, staff.scope(), work)

    def _cancel(self, request, staff, shown) -> Answer:
        intent_id = named("pi", shown)
        nothing(request)
        staff.check()
        keyed(request)

        def work(effect_id):
            known = self.payments.cancel(effect_id, intent_id)
            return Answer.json(200, views.payment(known), etag(known))

        return self.keys.once(request, staff.scope(), work)

    def _refunds(self, request, staff) -> Answer:
        asked = lists.parameters(request, paymentIntentId=lists.intent_id)
        if asked["paymentIntentId"] is None:
            raise lists.missing("paymentIntentId")
        staff.check()
        refunds = self.payments.movements.list(asked["paymentIntentId"], "refund")
        return Answer.json(200, {"data": [self._shown(refund) for refund in refunds]})

    def _refund(self, request, staff, shown) -> Answer:
        refund_id = named("rfd", shown)
        staff.check()
        known = self.payments.movements.find(refund_id)
        if known is None or known["kind"] != "refund":
            raise Refusal("not_found", "There is no such refund")
        return Answer.json(200, self._shown(known))

    def _give_back(self, request, staff) -> Answer:
        body = content(request, "Refund")
        staff.check()
        keyed(request)
        intent_id = ids.read("pi", body["paymentIntentId"])

        def work(effect_id):
            move = self.payments.movements.carry_out
            known = move(effect_id, intent_id, "refund", body["reason"], body["amount"])
            location = ("location", f"/v1/admin/refunds/{ids.show('rfd', known['id'])}")
            return Answer.json(201, self._shown(known), location)

        return self.keys.once(request, staff.scope(), work)

    def _shown(self, refund) -> dict:
        return views.refund(refund, self.payments.intent(refund["intent_id"]))

    def _transfers(self, request, staff) -> Answer:
        asked = lists.parameters(request, limit=lists.limit, after=str, paymentIntentId=lists.intent_id)
        staff.check()
        page = lists.Pages(f"ledger?intent={asked['paymentIntentId']}", asked)
        store = self.payments.store
        rows = ledger.transfers(store, asked["paymentIntentId"], page.after or "", page.limit + 1)
        return page.answer(rows, views.transfer)

    def _balances(self, request, staff) -> Answer:
        staff.check()
        return Answer.json(200, {"data": [views.balance(row) for row in ledger.balances(self.payments.store)]})

    def _webhooks(self, request, staff) -> Answer:
        asked = lists.parameters(request, limit=lists.limit, after=str)
        staff.check()
        page = lists.Pages("webhook-events", asked)
        return page.answer(self.webhooks.list(page.after, page.limit + 1), views.webhook)

    def _replay(self, request, staff, shown) -> Answer:
        webhook_id = named("whe", shown)
        nothing(request)
        staff.check()

        def work(_):
            self.webhooks.find(webhook_id)
            self.webhooks.apply(webhook_id)
            return Answer.json(200, views.webhook(self.webhooks.find(webhook_id)))

        return self.keys.once(request, staff.scope(), work)

    def _receive(self, request, _, provider) -> Answer:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        self.webhooks.receive(provider, *(request.header(name) or "" for name in names), request.body)
        return Answer(204)

    def _act(self, request, who, charge) -> Answer:
        body = content(request, "Action")

        def work(_):
            self.webhooks.act(ids.read("att", charge) or as_uuid(charge), body["outcome"] == "approve")
            return Answer(204)

        return self.keys.once(request, who.scope(), work)


class Staff:
    """Who asks, and the permission that is asked for."""

    def __init__(self, who: dict | None, permission: str | None):
        self._who, self._permission = who, permission

    def check(self):
        """Refuses who was not granted it."""
        if not {self._permission, "*"} & set(self._who["permissions"]):
            needed = f"This needs the permission {self._permission}"
            raise Refusal("permission_missing", needed, permission=self._permission)

    def scope(self) -> str:
        """Whose keys these are."""
        return "anonymous" if self._who is None else f"{self._who['kind']}:{self._who['account']}"


def etag(known) -> tuple[str, str]:
    """The version of a thing."""
    return ("etag", f'"v{known["version"]}"')


def named(prefix: str, shown: str) -> str:
    """The id in a path. What cannot be one is not found, like an id that nobody has."""
    read = ids.read(prefix, shown)
    if read is None:
        raise Refusal("not_found", "There is no such resource")
    return read


def as_uuid(text: str) -> str | None:
    """A UUID, or `None`."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def keyed(request: Request):
    """Refuses a request without a key, where one is needed."""
    if not request.headers.get_all("idempotency-key"):
        raise Refusal("idempotency_key_required", "Send an Idempotency-Key, so that this can be repeated")


def nothing(request: Request):
    """Refuses a body where none is taken."""
    if request.body:
        raise Refusal("body_not_expected", "This takes no body")


def content(request: Request, name: str) -> dict:
    """The body, read strictly: what is not exactly asked for is refused, and the refusal says where."""
    kind = request.header("content-type") or ""
    essence, _, parameter = kind.partition(";")
    utf8 = parameter.strip().lower().replace('"', "") in ("", "charset=utf-8")
    if essence.strip().lower() != "application/json" or not utf8:
        raise Refusal("unsupported_media_type", "The body must be sent as application/json in UTF-8")
    try:
        value = shapes.parse(request.body)
        BODIES.check(name, value)
    except shapes.Unreadable as error:
        raise Refusal("malformed_json", str(error)) from error
    except shapes.Misshapen as error:
        raise Refusal("invalid_body", error.detail, error.pointer, error.code) from error
    return value
