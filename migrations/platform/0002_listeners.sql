-- How far a listener of this module has read another module's log. It moves in the transaction of the effect.
CREATE TABLE cursors (
    listener   TEXT        NOT NULL,
    source     TEXT        NOT NULL,
    position   BIGINT      NOT NULL CHECK (position >= 0),
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (listener, source)
);

-- Events a listener could not apply, and those of the same subject that came later.
CREATE TABLE parked_events (
    listener     TEXT        NOT NULL,
    source       TEXT        NOT NULL,
    position     BIGINT      NOT NULL,
    subject      TEXT        NOT NULL,
    event        JSONB       NOT NULL,
    attempts     BIGINT      NOT NULL CHECK (attempts >= 0),
    next_attempt TIMESTAMPTZ,
    last_error   TEXT        NOT NULL,
    parked_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (listener, source, position)
);

-- Who reads this module's log, and how far they are known to be; retention waits for them.
CREATE TABLE readers (
    listener TEXT        NOT NULL PRIMARY KEY,
    position BIGINT      NOT NULL CHECK (position >= 0),
    seen_at  TIMESTAMPTZ NOT NULL
);
