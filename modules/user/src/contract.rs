//! The module's contract: what others may ask of it.

use kernel::{Call, CallFailure};
use user_api::{
    AccountSummary, Accounts, FindAccounts, ListKeys, ListRevoked, Revoked, SigningKeys, Users, UsersError,
};

use crate::Module;
use crate::account::{Account, store};

/// Ids in one question at the most.
const BATCH: u32 = 100;

#[kernel::macros::async_trait]
impl Users for Module {
    async fn keys(&self, _: &Call, _: ListKeys) -> Result<SigningKeys, UsersError> {
        let keys = self.keyring.public().await.map_err(|error| {
            tracing::error!(error = %error, "signing keys cannot be read");
            CallFailure::internal()
        })?;
        Ok(keys)
    }

    async fn revoked(&self, _: &Call, request: ListRevoked) -> Result<Revoked, UsersError> {
        let revoked = self.revocations.list(request).await.map_err(|error| {
            tracing::error!(error = %error, "revocations cannot be read");
            CallFailure::internal()
        })?;
        Ok(revoked)
    }

    async fn accounts(&self, _: &Call, request: FindAccounts) -> Result<Accounts, UsersError> {
        if request.ids.len() > BATCH as usize {
            return Err(UsersError::TooMany { limit: BATCH });
        }
        let accounts = store::find_all(&self.db, &request.ids).await.map_err(|error| {
            tracing::error!(error = %error, "accounts cannot be read");
            CallFailure::internal()
        })?;
        let summary = |account: Account| AccountSummary {
            id: account.id,
            name: account.name,
            email: account.email,
            created_at: account.created_at,
        };
        Ok(Accounts { accounts: accounts.into_iter().map(summary).collect() })
    }
}
