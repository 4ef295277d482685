-- Each checkout's place on the way from cart to order, with the log of how it got there.
CREATE TABLE checkouts (
    id             UUID        NOT NULL PRIMARY KEY,
    cart_id        UUID        NOT NULL,
    order_id       UUID        NOT NULL UNIQUE REFERENCES orders (id),
    state          TEXT        NOT NULL,
    detail         JSONB       NOT NULL,
    log            JSONB       NOT NULL,
    payment        JSONB       NOT NULL,
    lease_ends     TIMESTAMPTZ NOT NULL,
    idempotency    JSONB,
    answer         JSONB,
    wake_at        TIMESTAMPTZ,
    leased_until   TIMESTAMPTZ,
    version        BIGINT      NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL
);

CREATE INDEX checkouts_due ON checkouts (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX checkouts_by_cart ON checkouts (cart_id, id);
