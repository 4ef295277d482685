-- Files of products on their way into the catalogue: read and checked first, applied only once somebody agrees.
CREATE TABLE imports (
    id         UUID        NOT NULL PRIMARY KEY,
    status     TEXT        NOT NULL CHECK (status IN ('reading', 'previewed', 'refused', 'applying', 'completed')),
    currency   TEXT        NOT NULL,
    counts     JSONB       NOT NULL,
    errors     JSONB       NOT NULL,
    -- The place of the first product that is not yet applied. It moves with the products' own transaction.
    applied    BIGINT      NOT NULL CHECK (applied >= 0),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX imports_by_age ON imports (created_at);

-- The products of a file, as they were read. They go when they are applied.
CREATE TABLE import_products (
    import_id UUID   NOT NULL REFERENCES imports (id),
    place     BIGINT NOT NULL,
    -- Its first row in the file, to name it by when the shop has changed so that it no longer fits.
    file_row  BIGINT NOT NULL,
    product   JSONB  NOT NULL,
    PRIMARY KEY (import_id, place)
);
