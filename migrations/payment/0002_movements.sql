-- Promised or taken money on its way: captured, given up (void) or given back (refund). A row stands, with its amount set
-- aside in the intent, before the provider is asked; its id is the provider's idempotency key.
CREATE TABLE movements (
    id           UUID        NOT NULL PRIMARY KEY,
    intent_id    UUID        NOT NULL REFERENCES intents (id),
    kind         TEXT        NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    amount_minor BIGINT      NOT NULL CHECK (amount_minor > 0),
    currency     TEXT        NOT NULL,
    reason       TEXT        NOT NULL,
    status       TEXT        NOT NULL CHECK (status IN ('processing', 'unknown', 'succeeded', 'failed')),
    -- How often the provider was asked without an answer, and when it is asked next.
    asked        BIGINT      NOT NULL CHECK (asked >= 0),
    ask_at       TIMESTAMPTZ,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    CHECK ((ask_at IS NULL) = (status IN ('succeeded', 'failed')))
);

CREATE INDEX movements_by_intent ON movements (intent_id, id);
CREATE INDEX movements_to_ask_about ON movements (ask_at) WHERE ask_at IS NOT NULL;
