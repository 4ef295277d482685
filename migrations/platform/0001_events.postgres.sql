-- What happened, in order. Rows get their position from the sequencer once they are committed: the order of
-- `inserted` is not the order of commits, so nobody may page by it.
CREATE TABLE events (
    inserted    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position    BIGINT      UNIQUE,
    id          UUID        NOT NULL UNIQUE,
    type        TEXT        NOT NULL,
    subject     TEXT        NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    data        JSONB       NOT NULL,
    traceparent TEXT
);

CREATE INDEX events_unsequenced ON events (inserted) WHERE position IS NULL;
