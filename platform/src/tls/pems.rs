//! The texts that certificates and keys come in, and what can be wrong with them.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, InconsistentKeys};

/// What a process shows and what it believes, each as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pems {
    /// The authorities whose certificates are believed.
    pub ca: String,
    /// Its own certificate, followed by those between it and an authority.
    pub certificate: String,
    /// The key of its certificate.
    pub key: String,
}

/// Which of the [`Pems`] is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The authorities.
    Ca,
    /// The certificate.
    Certificate,
    /// The key.
    Key,
}

/// Why a certificate cannot be used. Each reads on from what it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Nothing to believe.
    #[error("holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)")]
    NoCertificate(Part),
    /// No key.
    #[error("holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`)")]
    NoKey,
    /// The key of another certificate.
    #[error("does not belong to the certificate")]
    OtherKey,
    /// Too late.
    #[error("has expired; issue another")]
    Expired,
    /// Too early.
    #[error("is not valid yet; is the clock of this machine right?")]
    NotYetValid,
    /// Of another authority.
    #[error("is not signed by an authority in `ca`, or what is between the two is missing")]
    OtherAuthority,
    /// Made for one side only.
    #[error("is not meant for both sides of a call; issue it for server and for client authentication")]
    Usage,
    /// Of another shop.
    #[error("names nobody of this shop; it needs a URI that begins with {0}")]
    OtherShop(String),
    /// Anything else.
    #[error("cannot be used: {1}")]
    Unusable(Part, String),
}

impl TlsError {
    /// Which of the texts has to be another.
    pub fn part(&self) -> Part {
        match self {
            Self::NoCertificate(part) | Self::Unusable(part, _) => *part,
            Self::NoKey | Self::OtherKey => Part::Key,
            _ => Part::Certificate,
        }
    }

    pub(super) fn of(error: rustls::Error, part: Part) -> Self {
        use CertificateError as Bad;
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Self::OtherKey,
            rustls::Error::InvalidCertificate(bad) => match bad {
                Bad::Expired | Bad::ExpiredContext { .. } => Self::Expired,
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => Self::NotYetValid,
                Bad::UnknownIssuer | Bad::BadSignature => Self::OtherAuthority,
                Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => Self::Usage,
                other => Self::Unusable(part, other.to_string()),
            },
            other => Self::Unusable(part, other.to_string()),
        }
    }
}

/// The certificates in a text; at least one.
pub(super) fn certificates(pem: &str, part: Part) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.ok().filter(|chain| !chain.is_empty()).ok_or(TlsError::NoCertificate(part))
}

impl fmt::Debug for Pems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pems(…)")
    }
}
