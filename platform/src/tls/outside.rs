//! Calls to those who are no part of the shop, such as a payment provider.

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, version};

/// Why nobody outside can be called.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// Nobody would be believed.
    #[error(
        "this machine has no certificate authorities; install them (`ca-certificates`), or name a file of them in SSL_CERT_FILE"
    )]
    NoAuthorities,
    /// The cryptography that this was built with is not whole.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// No client could be made of it.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// A client for addresses with TLS 1.3 that believes whom this machine believes.
///
/// # Errors
/// This machine believes nobody.
pub fn outside_client() -> Result<ClientBuilder, OutsideError> {
    let mut anchors = RootCertStore::empty();
    // A certificate that cannot be read is one authority less, which matters only to whom it has signed.
    let (added, _) = anchors.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(OutsideError::NoAuthorities);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(anchors)
        .with_no_client_auth();
    Ok(super::builder(config))
}
