//! An authority for development and tests, with which a shop can try TLS without any other tool.

use std::net::IpAddr;
use std::time::Duration;

use kernel::{Clock, Moment};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;

/// The name of every authority that is made here; their keys tell them apart.
const NAME: &str = "Cleave development authority";
/// How long an authority lasts.
const YEARS: Duration = Duration::from_hours(24 * 3650);
/// How far the clock of a process may be behind.
const SLACK: Duration = Duration::from_mins(5);

/// Why a certificate cannot be made.
pub type AuthorityError = rcgen::Error;

/// An authority whose key lies beside its certificates: for development.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate as it is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it names, each a URI such as `spiffe://cleave/shop/module/order`.
    pub uris: Vec<String>,
    /// Names and addresses under which its holder is reached.
    pub hosts: Vec<String>,
    /// From when it is valid.
    pub from: Moment,
    /// How long it is valid.
    pub lasts: Duration,
}

/// A certificate and its key, as PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one, and what to keep of it.
    ///
    /// # Errors
    /// There is no chance to be had from the system.
    pub fn found(clock: &Clock) -> Result<(Self, Issued), AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = own_params();
        lasting(&mut params, clock.now(), YEARS);
        let kept = Issued { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() };
        Ok((Self { issuer: Issuer::new(params, key) }, kept))
    }

    /// The one with this key, which was made here.
    ///
    /// # Errors
    /// It is no key.
    pub fn with_key(key: &str) -> Result<Self, AuthorityError> {
        Ok(Self { issuer: Issuer::new(own_params(), KeyPair::from_pem(key)?) })
    }

    /// Issues a certificate for both sides of a call.
    ///
    /// # Errors
    /// A name in it is none.
    pub fn issue(&self, wanted: &Wanted) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for uri in &wanted.uris {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
        }
        for host in &wanted.hosts {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into()?),
            });
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        lasting(&mut params, wanted.from, wanted.lasts);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

fn own_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn lasting(params: &mut CertificateParams, from: Moment, lasts: Duration) {
    let at = |moment: Moment| {
        OffsetDateTime::from_unix_timestamp(moment.micros() / 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    params.not_before = at(from.minus(SLACK));
    params.not_after = at(from.plus(lasts));
}
