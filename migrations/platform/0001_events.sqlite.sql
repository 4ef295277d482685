-- What happened, in order. The one writer gives each row its position, so positions follow commits.
CREATE TABLE events (
    position    BIGINT      NOT NULL PRIMARY KEY,
    id          UUID        NOT NULL UNIQUE,
    type        TEXT        NOT NULL,
    subject     TEXT        NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    data        JSONB       NOT NULL,
    traceparent TEXT
);
