-- What was agreed: copies of everything, so that nothing that changes later changes an order.
CREATE TABLE orders (
    id                 UUID        NOT NULL PRIMARY KEY,
    number             TEXT        UNIQUE,
    status             TEXT        NOT NULL CHECK (status IN ('pendingPayment', 'placed', 'completed', 'canceled')),
    payment_status     TEXT        NOT NULL,
    fulfillment_status TEXT        NOT NULL,
    cart_id            UUID        NOT NULL,
    customer_id        UUID,
    token_hash         BYTEA       NOT NULL,
    email              TEXT        NOT NULL,
    currency           TEXT        NOT NULL,
    subtotal_minor     BIGINT      NOT NULL CHECK (subtotal_minor >= 0),
    discount_minor     BIGINT      NOT NULL CHECK (discount_minor >= 0),
    shipping_minor     BIGINT      NOT NULL CHECK (shipping_minor >= 0),
    tax_minor          BIGINT      NOT NULL CHECK (tax_minor >= 0),
    total_minor        BIGINT      NOT NULL,
    authorized_minor   BIGINT      NOT NULL CHECK (authorized_minor >= 0),
    captured_minor     BIGINT      NOT NULL CHECK (captured_minor >= 0),
    refunded_minor     BIGINT      NOT NULL CHECK (refunded_minor >= 0 AND refunded_minor <= captured_minor),
    shipping_address   JSONB,
    billing_address    JSONB,
    shipping_name      TEXT,
    tax_basis_points   BIGINT      NOT NULL,
    payment_key        UUID        NOT NULL UNIQUE,
    reservation_key    UUID        NOT NULL,
    cancel_reason      TEXT,
    placed_at          TIMESTAMPTZ,
    canceled_at        TIMESTAMPTZ,
    version            BIGINT      NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL,
    CHECK (total_minor = subtotal_minor - discount_minor + shipping_minor + tax_minor),
    CHECK (status NOT IN ('placed', 'completed') OR number IS NOT NULL)
);

-- A cart becomes one order at the most; an attempt whose payment failed leaves a canceled one behind.
CREATE UNIQUE INDEX orders_one_per_cart ON orders (cart_id) WHERE status <> 'canceled';
CREATE INDEX orders_by_customer ON orders (customer_id, id);
CREATE INDEX orders_by_status ON orders (status, id);
CREATE INDEX orders_by_payment_status ON orders (payment_status, id);
CREATE INDEX orders_by_fulfillment_status ON orders (fulfillment_status, id);

CREATE TABLE order_items (
    id                UUID    NOT NULL PRIMARY KEY,
    order_id          UUID    NOT NULL REFERENCES orders (id),
    place             BIGINT  NOT NULL,
    variant_id        UUID    NOT NULL,
    product_id        UUID    NOT NULL,
    sku               TEXT,
    title             TEXT    NOT NULL,
    variant_title     TEXT    NOT NULL,
    requires_shipping BOOLEAN NOT NULL,
    quantity          BIGINT  NOT NULL CHECK (quantity > 0),
    fulfilled         BIGINT  NOT NULL CHECK (fulfilled >= 0),
    canceled          BIGINT  NOT NULL CHECK (canceled >= 0),
    unit_price_minor  BIGINT  NOT NULL CHECK (unit_price_minor >= 0),
    total_minor       BIGINT  NOT NULL,
    tax_minor         BIGINT  NOT NULL CHECK (tax_minor >= 0),
    UNIQUE (order_id, place),
    CHECK (total_minor = unit_price_minor * quantity),
    CHECK (fulfilled + canceled <= quantity)
);

CREATE TABLE fulfillments (
    id              UUID        NOT NULL PRIMARY KEY,
    order_id        UUID        NOT NULL REFERENCES orders (id),
    tracking_number TEXT,
    tracking_url    TEXT,
    items           JSONB       NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL
);

CREATE INDEX fulfillments_by_order ON fulfillments (order_id, id);
