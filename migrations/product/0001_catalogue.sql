-- What is sold. Option axes, tags and images belong to one product and are always read and written with it.
CREATE TABLE products (
    id          UUID        NOT NULL PRIMARY KEY,
    slug        TEXT        NOT NULL UNIQUE,
    title       TEXT        NOT NULL,
    description TEXT,
    vendor      TEXT,
    type        TEXT,
    tags        JSONB       NOT NULL,
    status      TEXT        NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
    options     JSONB       NOT NULL,
    images      JSONB       NOT NULL,
    version     BIGINT      NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);

CREATE INDEX products_by_status ON products (status, id);

-- What is bought: one combination of a product's option values.
CREATE TABLE variants (
    id                UUID        NOT NULL PRIMARY KEY,
    product_id        UUID        NOT NULL REFERENCES products (id),
    place             BIGINT      NOT NULL,
    sku               TEXT        UNIQUE,
    barcode           TEXT        UNIQUE,
    title             TEXT        NOT NULL,
    options           JSONB       NOT NULL,
    requires_shipping BOOLEAN     NOT NULL,
    taxable           BOOLEAN     NOT NULL,
    weight_grams      BIGINT      CHECK (weight_grams >= 0),
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    UNIQUE (product_id, place)
);

-- Prices are set for each currency; nothing is ever converted.
CREATE TABLE prices (
    variant_id       UUID   NOT NULL REFERENCES variants (id),
    currency         TEXT   NOT NULL,
    amount_minor     BIGINT NOT NULL CHECK (amount_minor >= 0),
    compare_at_minor BIGINT CHECK (compare_at_minor >= 0),
    PRIMARY KEY (variant_id, currency)
);
