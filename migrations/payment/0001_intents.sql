-- What is to be paid for one order. The amounts are the truth and their checks the last guard; statuses follow them.
CREATE TABLE intents (
    id              UUID        NOT NULL PRIMARY KEY,
    key             UUID        NOT NULL UNIQUE,
    order_id        TEXT        NOT NULL,
    customer_id     UUID,
    currency        TEXT        NOT NULL,
    amount_minor    BIGINT      NOT NULL CHECK (amount_minor > 0),
    capture         TEXT        NOT NULL CHECK (capture IN ('automatic', 'manual')),
    provider        TEXT        NOT NULL,
    status          TEXT        NOT NULL CHECK (status IN (
        'requiresPaymentMethod', 'requiresAction', 'processing', 'requiresCapture', 'partiallyCaptured', 'succeeded',
        'canceled'
    )),
    authorized      BIGINT      NOT NULL CHECK (authorized >= 0),
    captured        BIGINT      NOT NULL CHECK (captured >= 0),
    refunded        BIGINT      NOT NULL CHECK (refunded >= 0),
    disputed        BIGINT      NOT NULL CHECK (disputed >= 0),
    pending_capture BIGINT      NOT NULL CHECK (pending_capture >= 0),
    pending_void    BIGINT      NOT NULL CHECK (pending_void >= 0),
    pending_refund  BIGINT      NOT NULL CHECK (pending_refund >= 0),
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    CHECK (authorized + captured <= amount_minor),
    CHECK (pending_capture + pending_void <= authorized),
    CHECK (refunded + disputed + pending_refund <= captured)
);

CREATE INDEX intents_by_order ON intents (order_id, id);

-- One send to a provider each. The id is the provider's idempotency key.
CREATE TABLE attempts (
    id           UUID        NOT NULL PRIMARY KEY,
    intent_id    UUID        NOT NULL REFERENCES intents (id),
    token        TEXT        NOT NULL,
    status       TEXT        NOT NULL CHECK (status IN (
        'sent', 'unknown', 'requiresAction', 'authorized', 'captured', 'declined', 'voided'
    )),
    -- The provider's own name for it.
    reference    TEXT,
    decline_code TEXT,
    action_url   TEXT,
    -- How often it was asked about, and when it is asked about next.
    asked        BIGINT      NOT NULL CHECK (asked >= 0),
    ask_at       TIMESTAMPTZ,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX attempts_one_live ON attempts (intent_id)
    WHERE status IN ('sent', 'unknown', 'requiresAction', 'authorized', 'captured');
CREATE INDEX attempts_by_intent ON attempts (intent_id, id);
CREATE INDEX attempts_to_ask_about ON attempts (ask_at) WHERE ask_at IS NOT NULL;
