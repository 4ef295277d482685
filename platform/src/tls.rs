//! TLS between the processes of one shop: each shows a certificate that names what it runs, and believes those that
//! an authority of the shop has signed. The public API is not concerned.
//!
//! Nothing is resumed and nothing of a certificate is kept beyond its connection, so that one which is renewed, or no
//! longer trusted, counts from the next connection on.

mod authority;
mod believe;
mod names;
mod outside;
mod pems;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use arc_swap::ArcSwap;
use kernel::Moment;
use reqwest::ClientBuilder;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use webpki::EndEntityCert;

pub use authority::{Authority, AuthorityError, Issued, Wanted};
pub use names::{GATEWAY, Names, OPERATOR, READER};
pub use outside::{OutsideError, outside_client};
pub use pems::{Part, Pems, TlsError};

use pems::certificates;

/// The certificate of this process, and whose it believes. Copies are one and the same, also when it is renewed.
#[derive(Clone)]
pub struct Tls(Arc<Current>);

/// What counts at this moment, for connections as they are made.
struct Current {
    loaded: ArcSwap<Loaded>,
    prefix: String,
    provider: Arc<CryptoProvider>,
}

struct Loaded {
    key: Arc<CertifiedKey>,
    /// The first of its certificates, which is its own.
    end: CertificateDer<'static>,
    names: Names,
    anchors: Arc<RootCertStore>,
    servers: Arc<WebPkiServerVerifier>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Tls {
    /// These, which name modules after `prefix`.
    ///
    /// # Errors
    /// What is wrong with them at this moment.
    pub fn new(pems: &Pems, prefix: &str, at: Moment) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let loaded = ArcSwap::from_pointee(Loaded::of(pems, prefix, &provider, at)?);
        Ok(Self(Arc::new(Current { loaded, prefix: prefix.to_owned(), provider })))
    }

    /// From now on these, for every connection that is made.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay.
    pub fn renew(&self, pems: &Pems, at: Moment) -> Result<(), TlsError> {
        let Current { loaded, prefix, provider } = &*self.0;
        loaded.store(Arc::new(Loaded::of(pems, prefix, provider, at)?));
        Ok(())
    }

    /// What its certificate names.
    pub fn names(&self) -> Names {
        self.0.loaded.load().names.clone()
    }

    /// Whether a client may reach it under this name or address.
    pub fn covers(&self, host: &str) -> bool {
        let loaded = self.0.loaded.load();
        let Ok(name) = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']')) else {
            return false;
        };
        EndEntityCert::try_from(&loaded.end)
            .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(&name).is_ok())
    }

    /// A name under which clients may reach it, if it has one.
    pub(crate) fn host(&self) -> Option<String> {
        let loaded = self.0.loaded.load();
        let certificate = EndEntityCert::try_from(&loaded.end).ok()?;
        certificate.valid_dns_names().find(|name| !name.starts_with('*')).map(str::to_owned)
    }

    /// Looks whether it believes what another process shows, on either side of a call.
    ///
    /// # Errors
    /// Why it does not.
    pub fn believes(&self, other: &Self, at: Moment) -> Result<(), TlsError> {
        let (ours, theirs) = (self.0.loaded.load(), other.0.loaded.load());
        ours.look_at(&theirs.key.cert, &self.0.prefix, &self.0.provider, at)
    }

    /// How it serves: TLS 1.3, and nobody without a certificate.
    ///
    /// # Errors
    /// The cryptography that this was built with lacks TLS 1.3.
    pub fn server(&self) -> Result<ServerConfig, rustls::Error> {
        let current = Arc::clone(&self.0);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&current.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_client_cert_verifier(Arc::clone(&current) as Arc<dyn ClientCertVerifier>)
            .with_cert_resolver(current);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Notes on a new connection what the other side's certificate names.
    pub fn meet(&self, connection: &dyn Any, about: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        if let Some(end) = certificates.first() {
            about.insert(Names::of(end, &self.0.prefix));
        }
    }

    /// A client that shows it.
    ///
    /// # Errors
    /// As [`Tls::server`].
    pub(crate) fn client(&self) -> Result<ClientBuilder, rustls::Error> {
        let current = Arc::clone(&self.0);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&current.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&current) as Arc<dyn ServerCertVerifier>)
            .with_client_cert_resolver(current);
        config.resumption = Resumption::disabled();
        Ok(builder(config))
    }
}

impl Loaded {
    fn of(pems: &Pems, prefix: &str, provider: &Arc<CryptoProvider>, at: Moment) -> Result<Self, TlsError> {
        let mut anchors = RootCertStore::empty();
        for authority in certificates(&pems.ca, Part::Ca)? {
            anchors.add(authority).map_err(|error| TlsError::Unusable(Part::Ca, error.to_string()))?;
        }
        let chain = certificates(&pems.certificate, Part::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(pems.key.as_bytes()).map_err(|_| TlsError::NoKey)?;
        let key =
            CertifiedKey::from_der(chain, key, provider).map_err(|error| TlsError::of(error, Part::Key))?;
        let anchors = Arc::new(anchors);
        let unusable = |error: &dyn fmt::Display| TlsError::Unusable(Part::Ca, error.to_string());
        let (all, with) = (&anchors, provider);
        let servers = WebPkiServerVerifier::builder_with_provider(Arc::clone(all), Arc::clone(with));
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(all), Arc::clone(with));
        let end = key.end_entity_cert().map_err(|error| TlsError::of(error, Part::Certificate))?;
        let end = end.clone().into_owned();
        let loaded = Self {
            servers: servers.build().map_err(|error| unusable(&error))?,
            clients: clients.build().map_err(|error| unusable(&error))?,
            names: Names::of(&end, prefix),
            key: Arc::new(key),
            end,
            anchors,
        };
        loaded.look_at(&loaded.key.cert, prefix, provider, at)?;
        Ok(loaded)
    }

    /// Looks whether a chain of certificates is believed on both sides of a call.
    fn look_at(
        &self,
        chain: &[CertificateDer<'_>],
        prefix: &str,
        provider: &CryptoProvider,
        at: Moment,
    ) -> Result<(), TlsError> {
        let amiss = |error| TlsError::of(error, Part::Certificate);
        let [end, between @ ..] = chain else { return Err(TlsError::NoCertificate(Part::Certificate)) };
        let at = UnixTime::since_unix_epoch(Duration::from_micros(at.micros().unsigned_abs()));
        self.clients.verify_client_cert(end, between, at).map_err(amiss)?;
        let parsed = ParsedCertificate::try_from(end).map_err(amiss)?;
        let algorithms = provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.anchors, between, at, algorithms)
            .map_err(amiss)?;
        if Names::of(end, prefix).is_empty() { Err(TlsError::OtherShop(prefix.to_owned())) } else { Ok(()) }
    }
}

/// A client for addresses without TLS. One that is made without these words would look for the authorities of this
/// machine, which it may not have.
///
/// # Errors
/// The cryptography that this was built with is not whole.
pub fn plain_client() -> Result<ClientBuilder, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder(config))
}

#[expect(clippy::disallowed_methods, reason = "this is where cryptography and authorities are chosen")]
fn builder(config: ClientConfig) -> ClientBuilder {
    ClientBuilder::new().tls_backend_preconfigured(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({})", self.names())
    }
}

#[cfg(test)]
mod tests;
