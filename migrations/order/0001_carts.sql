-- What people mean to buy. A cart is small and always read and written whole, so its lines are one column.
CREATE TABLE carts (
    id                 UUID        NOT NULL PRIMARY KEY,
    status             TEXT        NOT NULL CHECK (status IN ('open', 'completing', 'completed')),
    currency           TEXT        NOT NULL,
    customer_id        UUID,
    token_hash         BYTEA       NOT NULL,
    email              TEXT,
    shipping_address   JSONB,
    billing_address    JSONB,
    shipping_option_id UUID,
    items              JSONB       NOT NULL,
    order_id           UUID,
    version            BIGINT      NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL,
    CHECK ((status = 'open') = (order_id IS NULL))
);

-- Ways of shipping, each at a flat price in one currency.
CREATE TABLE shipping_options (
    id          UUID        NOT NULL PRIMARY KEY,
    name        TEXT        NOT NULL,
    currency    TEXT        NOT NULL,
    price_minor BIGINT      NOT NULL CHECK (price_minor >= 0),
    created_at  TIMESTAMPTZ NOT NULL
);

-- Tax rates by country, or by a region of one ('' is the whole country).
CREATE TABLE tax_regions (
    id           UUID        NOT NULL PRIMARY KEY,
    country      TEXT        NOT NULL,
    region       TEXT        NOT NULL,
    basis_points BIGINT      NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    created_at   TIMESTAMPTZ NOT NULL,
    UNIQUE (country, region)
);
