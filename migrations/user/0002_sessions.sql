-- The keys that access tokens are signed with. One is active; the others are still good for verifying.
CREATE TABLE signing_keys (
    id          UUID        NOT NULL PRIMARY KEY,
    private_key BYTEA       NOT NULL,
    active      BOOLEAN     NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (active) WHERE active;

-- A session is a chain of refresh tokens, each made from the one before with the session's key. Only the digest of
-- the last one is kept. `previous` is the place of the token it was given for, which may be shown again.
CREATE TABLE sessions (
    id               UUID        NOT NULL PRIMARY KEY,
    account_id       UUID        NOT NULL REFERENCES accounts (id),
    token_generation BIGINT      NOT NULL,
    chain_key        BYTEA       NOT NULL,
    token_hash       BYTEA       NOT NULL,
    position         BIGINT      NOT NULL,
    previous         BIGINT,
    exchanged_at     TIMESTAMPTZ NOT NULL,
    user_agent       TEXT,
    created_at       TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL,
    revoked_at       TIMESTAMPTZ,
    revoked_because  TEXT        CHECK (revoked_because IN ('signedOut', 'reused')),
    CHECK (previous IS NULL OR previous < position),
    CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
);

CREATE INDEX sessions_by_account ON sessions (account_id, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Each lets somebody choose a password once. Without an account it makes the shop's first owner.
CREATE TABLE setup_tokens (
    token_hash BYTEA       NOT NULL PRIMARY KEY,
    account_id UUID        REFERENCES accounts (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);
