-- What staff may do, by name. `*` is everything, and only the owner's.
CREATE TABLE roles (
    name        TEXT    NOT NULL PRIMARY KEY,
    permissions JSONB   NOT NULL,
    built_in    BOOLEAN NOT NULL,
    version     BIGINT  NOT NULL
);

-- The owner's role stays as it is, so that somebody can always repair the others. Those are a beginning.
INSERT INTO roles (name, permissions, built_in, version) VALUES
    ('owner', '["*"]', TRUE, 1),
    ('catalog-manager', '["products:read","products:write","stock:read","stock:write","imports:write"]', FALSE, 1),
    ('order-clerk', '["orders:read","orders:write","fulfillments:read","fulfillments:write","shipping:read","customers:read","products:read","stock:read","payments:read"]', FALSE, 1),
    ('finance', '["orders:read","payments:read","payments:write","refunds:read","refunds:write","ledger:read","tax:read","tax:write","customers:read"]', FALSE, 1),
    ('viewer', '["products:read","stock:read","orders:read","fulfillments:read","shipping:read","tax:read","payments:read","refunds:read","ledger:read","customers:read"]', FALSE, 1);

-- Customers and staff. An address is one account's, however it is written: `email_folded` says what is the same.
-- The defaults among the addresses stand here, so that there can be only one of each.
CREATE TABLE accounts (
    id                  UUID        NOT NULL PRIMARY KEY,
    kind                TEXT        NOT NULL CHECK (kind IN ('customer', 'staff')),
    email               TEXT        NOT NULL,
    email_folded        TEXT        NOT NULL UNIQUE,
    name                TEXT        NOT NULL,
    status              TEXT        NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash       TEXT,
    role                TEXT        REFERENCES roles (name),
    token_generation    BIGINT      NOT NULL,
    addresses           BIGINT      NOT NULL CHECK (addresses BETWEEN 0 AND 100),
    default_shipping_id UUID,
    default_billing_id  UUID,
    version             BIGINT      NOT NULL,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    CHECK ((kind = 'staff') = (role IS NOT NULL)),
    CHECK ((addresses = 0) = (default_shipping_id IS NULL)),
    CHECK ((addresses = 0) = (default_billing_id IS NULL))
);

CREATE INDEX accounts_by_kind ON accounts (kind, id);
CREATE INDEX accounts_by_role ON accounts (role) WHERE role IS NOT NULL;

CREATE TABLE addresses (
    id          UUID        NOT NULL PRIMARY KEY,
    account_id  UUID        NOT NULL REFERENCES accounts (id),
    name        TEXT        NOT NULL,
    line1       TEXT        NOT NULL,
    line2       TEXT,
    city        TEXT        NOT NULL,
    region      TEXT,
    postal_code TEXT,
    country     TEXT        NOT NULL,
    phone       TEXT,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);

CREATE INDEX addresses_by_account ON addresses (account_id, id);
