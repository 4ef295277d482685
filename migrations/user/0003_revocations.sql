-- What access tokens say of an account holds until `access_version` moves on: its status, its role, what the role may do,
-- its password. Who verifies tokens asks for what has changed lately.
ALTER TABLE accounts ADD COLUMN access_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN access_changed_at TIMESTAMPTZ;

CREATE INDEX accounts_by_access_change ON accounts (access_changed_at) WHERE access_changed_at IS NOT NULL;
CREATE INDEX sessions_by_revocation ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
