-- Double entry: each row moves an amount from one account to another, so the sum of all balances is zero by
-- construction. Rows are added and never changed.
CREATE TABLE transfers (
    id           UUID        NOT NULL PRIMARY KEY,
    intent_id    UUID        NOT NULL REFERENCES intents (id),
    kind         TEXT        NOT NULL,
    debit        TEXT        NOT NULL,
    credit       TEXT        NOT NULL,
    amount_minor BIGINT      NOT NULL CHECK (amount_minor > 0),
    currency     TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    CHECK (debit <> credit)
);

CREATE INDEX transfers_by_intent ON transfers (intent_id, id);

CREATE FUNCTION transfers_stand() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transfers are never changed or deleted';
END;
$$;

CREATE TRIGGER transfers_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION transfers_stand();
