-- Work to be done outside the transaction that asked for it.
CREATE TABLE jobs (
    id           UUID        NOT NULL PRIMARY KEY,
    kind         TEXT        NOT NULL,
    payload      JSONB       NOT NULL,
    run_at       TIMESTAMPTZ NOT NULL,
    attempts     BIGINT      NOT NULL CHECK (attempts >= 0),
    max_attempts BIGINT      NOT NULL CHECK (max_attempts > 0),
    leased_until TIMESTAMPTZ,
    failed_at    TIMESTAMPTZ,
    last_error   TEXT,
    created_at   TIMESTAMPTZ NOT NULL
);

CREATE INDEX jobs_due ON jobs (run_at) WHERE failed_at IS NULL;
