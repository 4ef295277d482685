//! What is read from outside here, whatever it is: see `platform::fuzz`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a broken rule is told by a panic, which is what a fuzzer looks for"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use platform::fuzz::{self, NOW, Target, line};
use std::time::Duration;
use user_api::{FindAccounts, ListKeys, ListRevoked, SigningKeys};

use crate::session::token::RefreshToken;
use crate::tokens::{Bearer, Claims, Verifier};
use crate::{Email, Password};

/// Those of this module.
pub const TARGETS: &[Target] = &[
    ("access_token", access_token),
    ("email", email),
    ("password", password),
    ("refresh_token", refresh_token),
    ("user_bodies", user_bodies),
    ("user_calls", user_calls),
];

/// The body of every operation.
pub fn user_bodies(bytes: &[u8]) {
    use crate::{
        account::http as account, address::http as address, role::http as role, session::http as session,
    };
    use crate::{setup::http as setup, staff::http as staff};
    let bodies: [fn(&[u8]); 12] = [
        |bytes| _ = fuzz::body::<account::RegisterBody>(bytes),
        |bytes| _ = fuzz::body::<account::AccountPatchBody>(bytes),
        |bytes| _ = fuzz::body::<account::CustomerPatchBody>(bytes),
        |bytes| _ = fuzz::body::<staff::StaffBody>(bytes),
        |bytes| _ = fuzz::body::<staff::StaffPatchBody>(bytes),
        |bytes| _ = fuzz::body::<session::LoginBody>(bytes),
        |bytes| secret::<session::RefreshBody>(bytes),
        |bytes| _ = fuzz::body::<role::RoleBody>(bytes),
        |bytes| _ = fuzz::body::<role::RolePatchBody>(bytes),
        |bytes| secret::<setup::SetupBody>(bytes),
        |bytes| _ = fuzz::body::<address::AddressBody>(bytes),
        |bytes| _ = fuzz::body::<address::AddressPatchBody>(bytes),
    ];
    if let Some((body, rest)) = fuzz::one_of(&bodies, bytes) {
        body(rest);
    }
    fuzz::parameters::<account::CustomersParams>(bytes);
}

/// A body that cannot be shown.
fn secret<T: serde::de::DeserializeOwned>(bytes: &[u8]) {
    if let Err(problem) = platform::http::parse::<T>(bytes) {
        fuzz::refused(&problem);
    }
}

/// What other modules ask.
pub fn user_calls(bytes: &[u8]) {
    fuzz::frame::<FindAccounts>(bytes);
    fuzz::frame::<ListKeys>(bytes);
    fuzz::frame::<ListRevoked>(bytes);
    fuzz::frame::<SigningKeys>(bytes);
}

/// An address that is taken is within its limits, one line, taken again as it is, and folds to what folds to itself.
pub fn email(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(email) = Email::try_from(text.to_owned()) else { return };
    assert!(email.as_str().len() <= 254 && !email.as_str().contains(['\r', '\n', '\0', ' ']));
    assert_eq!(Email::try_from(email.as_str().to_owned()), Ok(email.clone()));
    if let Ok(folded) = Email::try_from(email.folded()) {
        assert_eq!(folded.folded(), email.folded());
    }
}

/// A password that is taken is never shown.
pub fn password(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(password) = Password::try_from(text.to_owned()) {
        assert!((1..=4096).contains(&text.len()));
        let shown = format!("{password:?}");
        assert!(text.len() < 16 || !shown.contains(text));
    }
}

/// A refresh token has one text.
pub fn refresh_token(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Some(token) = RefreshToken::shown(text) {
        assert_eq!(token.reveal(), text);
    }
}

/// No token is believed that we have not signed: neither any text, nor one of ours with anything put into it.
pub fn access_token(bytes: &[u8]) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let keys = SigningKeys {
        issuer: "shop".into(),
        keys: vec![user_api::SigningKey { id: "one".into(), public_key: public }],
    };
    let verifier = Verifier::new(keys);
    let Some((text, rest)) = line(bytes) else { return };
    assert!(verifier.verify(text, NOW).is_err());
    let bearer = Bearer {
        account: kernel::Id::from_uuid(uuid::Uuid::from_u128(1)),
        kind: crate::AccountKind::Customer,
        session: kernel::Id::from_uuid(uuid::Uuid::from_u128(2)),
        access_version: 1,
        permissions: Vec::new(),
    };
    let claims = Claims::new(bearer, "shop", uuid::Uuid::from_u128(3), NOW, Duration::from_mins(1));
    let own = claims.sign("one", &key).unwrap();
    assert!(verifier.verify(&own, NOW).is_ok());
    let at = rest.len() % own.len();
    let changed = format!("{}{text}{}", &own[..at], own.get(at + text.len()..).unwrap_or_default());
    assert!(changed == own || verifier.verify(&changed, NOW).is_err(), "{changed}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_is_taken_as_it_must_be() {
        platform::fuzz::run_through("user", super::TARGETS);
    }
}
