-- Where stock lies.
CREATE TABLE stock_locations (
    id         UUID        NOT NULL PRIMARY KEY,
    name       TEXT        NOT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL
);

-- How much of a variant lies where, and how much of that is promised to a checkout. The product is here once more
-- because whoever changes a level wants to know whose answers in memory are now out of date; a variant never moves
-- to another product.
CREATE TABLE stock_levels (
    variant_id  UUID   NOT NULL REFERENCES variants (id),
    location_id UUID   NOT NULL REFERENCES stock_locations (id),
    product_id  UUID   NOT NULL REFERENCES products (id),
    on_hand     BIGINT NOT NULL,
    reserved    BIGINT NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (variant_id, location_id),
    CHECK (reserved <= on_hand)
);

-- Every change of `on_hand`, why, and because of what. Their sum is the level.
CREATE TABLE stock_movements (
    id          UUID        NOT NULL PRIMARY KEY,
    -- The identity of what caused it, so that it happens once however often it is told.
    effect_id   UUID        NOT NULL,
    variant_id  UUID        NOT NULL REFERENCES variants (id),
    location_id UUID        NOT NULL REFERENCES stock_locations (id),
    kind        TEXT        NOT NULL
        CHECK (kind IN ('received', 'adjusted', 'counted', 'imported', 'transferred', 'sold', 'restocked')),
    delta       BIGINT      NOT NULL CHECK (delta <> 0),
    -- Who or what: an order, an import, a member of staff.
    cause       TEXT        NOT NULL,
    reason      TEXT,
    created_at  TIMESTAMPTZ NOT NULL,
    UNIQUE (effect_id, variant_id, location_id)
);

CREATE INDEX stock_movements_by_variant ON stock_movements (variant_id, id);
CREATE INDEX stock_movements_by_cause ON stock_movements (cause, variant_id);

-- Stock set aside for a checkout, until it is sold, given back, or the lease ends.
CREATE TABLE reservations (
    key        UUID        NOT NULL PRIMARY KEY,
    status     TEXT        NOT NULL CHECK (status IN ('held', 'consumed', 'released', 'expired')),
    lines      JSONB       NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX reservations_due ON reservations (expires_at) WHERE status = 'held';
CREATE INDEX reservations_by_age ON reservations (created_at, key);
