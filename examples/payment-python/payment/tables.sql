-- What is to be paid for one order. The amounts are the truth and their checks the last guard; the status follows them.
CREATE TABLE IF NOT EXISTS intents (
    id              TEXT    NOT NULL PRIMARY KEY,
    key             TEXT    NOT NULL UNIQUE,
    order_id        TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    amount_minor    INTEGER NOT NULL CHECK (amount_minor > 0),
    capture         TEXT    NOT NULL CHECK (capture IN ('automatic', 'manual')),
    provider        TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN (
        'requiresPaymentMethod', 'requiresAction', 'processing', 'requiresCapture', 'partiallyCaptured', 'succeeded',
        'canceled'
    )),
    authorized      INTEGER NOT NULL DEFAULT 0 CHECK (authorized >= 0),
    captured        INTEGER NOT NULL DEFAULT 0 CHECK (captured >= 0),
    refunded        INTEGER NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    disputed        INTEGER NOT NULL DEFAULT 0 CHECK (disputed >= 0),
    pending_capture INTEGER NOT NULL DEFAULT 0 CHECK (pending_capture >= 0),
    pending_void    INTEGER NOT NULL DEFAULT 0 CHECK (pending_void >= 0),
    pending_refund  INTEGER NOT NULL DEFAULT 0 CHECK (pending_refund >= 0),
    version         INTEGER NOT NULL DEFAULT 1,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CHECK (authorized + captured <= amount_minor),
    CHECK (pending_capture + pending_void <= authorized),
    CHECK (refunded + disputed + pending_refund <= captured)
);
CREATE INDEX IF NOT EXISTS intents_by_order ON intents (order_id, id);

-- One send to a provider each. The id is the provider's idempotency key.
CREATE TABLE IF NOT EXISTS attempts (
    id           TEXT    NOT NULL PRIMARY KEY,
    intent_id    TEXT    NOT NULL UNIQUE REFERENCES intents (id),
    token        TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN (
        'sent', 'unknown', 'requiresAction', 'authorized', 'captured', 'declined', 'voided'
    )),
    reference    TEXT,
    decline_code TEXT,
    action_url   TEXT,
    -- How often it was asked about, and when it is asked about next.
    asked        INTEGER NOT NULL DEFAULT 0,
    ask_at       INTEGER,
    created_at   INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_to_ask_about ON attempts (ask_at) WHERE ask_at IS NOT NULL;

-- Promised or taken money on its way. A row stands, with its amount set aside in the intent, before the provider is
-- asked; its id is the provider's idempotency key.
CREATE TABLE IF NOT EXISTS movements (
    id           TEXT    NOT NULL PRIMARY KEY,
    intent_id    TEXT    NOT NULL REFERENCES intents (id),
    kind         TEXT    NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    reason       TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('processing', 'unknown', 'succeeded', 'failed')),
    asked        INTEGER NOT NULL DEFAULT 0,
    ask_at       INTEGER,
    created_at   INTEGER NOT NULL,
    CHECK ((ask_at IS NULL) = (status IN ('succeeded', 'failed')))
);
CREATE INDEX IF NOT EXISTS movements_by_intent ON movements (intent_id, id);
CREATE INDEX IF NOT EXISTS movements_to_ask_about ON movements (ask_at) WHERE ask_at IS NOT NULL;

-- Double entry: each row moves an amount from one account to another, so the sum of all balances is zero by
-- construction. Rows are added and never changed.
CREATE TABLE IF NOT EXISTS transfers (
    id           TEXT    NOT NULL PRIMARY KEY,
    intent_id    TEXT    NOT NULL REFERENCES intents (id),
    kind         TEXT    NOT NULL,
    debit        TEXT    NOT NULL,
    credit       TEXT    NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    CHECK (debit <> credit)
);
CREATE TRIGGER IF NOT EXISTS transfers_are_never_changed BEFORE UPDATE ON transfers
BEGIN
    SELECT RAISE(ABORT, 'transfers are never changed');
END;
CREATE TRIGGER IF NOT EXISTS transfers_are_never_deleted BEFORE DELETE ON transfers
BEGIN
    SELECT RAISE(ABORT, 'transfers are never deleted');
END;

-- What providers told us, kept before they were thanked. The first to use an id wins.
CREATE TABLE IF NOT EXISTS webhook_events (
    id          TEXT    NOT NULL PRIMARY KEY,
    provider    TEXT    NOT NULL,
    event_id    TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    status      TEXT    NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'applied', 'parked')),
    last_error  TEXT,
    received_at INTEGER NOT NULL,
    UNIQUE (provider, event_id)
);
CREATE TABLE IF NOT EXISTS secrets (name TEXT NOT NULL PRIMARY KEY, secret TEXT NOT NULL);

-- What happened, as others read it.
CREATE TABLE IF NOT EXISTS events (
    position    INTEGER NOT NULL PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    type        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    data        TEXT    NOT NULL
);

-- How far we have read the logs of others.
CREATE TABLE IF NOT EXISTS cursors (
    listener TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (listener, source)
);

-- Work that needs somebody outside.
CREATE TABLE IF NOT EXISTS jobs (
    id         TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    payload    TEXT    NOT NULL,
    due_at     INTEGER NOT NULL,
    failures   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (due_at);

-- Keys of requests, and what was answered.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    scope       TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    effect_id   TEXT    NOT NULL,
    answer      TEXT,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, operation, key)
);
