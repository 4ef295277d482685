-- Money on its way back. Each reserves its amount before the provider is called under its id.
CREATE TABLE refunds (
    id           UUID        NOT NULL PRIMARY KEY,
    intent_id    UUID        NOT NULL REFERENCES intents (id),
    amount_minor BIGINT      NOT NULL CHECK (amount_minor > 0),
    reason       TEXT        NOT NULL,
    status       TEXT        NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);

CREATE INDEX refunds_by_intent ON refunds (intent_id, id);
CREATE INDEX refunds_pending ON refunds (updated_at) WHERE status = 'pending';
