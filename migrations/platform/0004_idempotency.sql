-- One row per Idempotency-Key: who is at work on it, and what was answered.
CREATE TABLE idempotency_keys (
    scope        TEXT        NOT NULL,
    operation    TEXT        NOT NULL,
    key          TEXT        NOT NULL,
    fingerprint  TEXT        NOT NULL,
    -- The identity of the effect, chosen before the first attempt.
    effect_id    UUID        NOT NULL,
    leased_until TIMESTAMPTZ NOT NULL,
    fence        BIGINT      NOT NULL,
    answer       JSONB,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope, operation, key)
);

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
