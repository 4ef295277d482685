-- What providers told us, kept before they were thanked. The first to use an id wins.
CREATE TABLE webhook_events (
    id          UUID        NOT NULL PRIMARY KEY,
    provider    TEXT        NOT NULL,
    event_id    TEXT        NOT NULL,
    body        BYTEA       NOT NULL,
    status      TEXT        NOT NULL CHECK (status IN ('received', 'applied', 'parked')),
    last_error  TEXT,
    received_at TIMESTAMPTZ NOT NULL,
    applied_at  TIMESTAMPTZ,
    UNIQUE (provider, event_id)
);

-- Secrets made here once, for providers whose secret is not set.
CREATE TABLE provider_secrets (
    provider TEXT NOT NULL PRIMARY KEY,
    secret   TEXT NOT NULL
);
