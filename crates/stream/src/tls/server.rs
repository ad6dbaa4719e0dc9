//! The side that shows a certificate to whoever connects.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};

use super::authorities::Authorities;
use super::certificate::Certificate;
use super::error::TlsBuildError;
use super::hello::Hello;
use super::provider::provider;
use super::resumption::Resumption;
use super::roster::Roster;

/// What a listener speaks TLS with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTlsSettings {
    /// Certificates for one or more names; the first is shown to clients that ask for none of them.
    pub certificates: Vec<Certificate>,
    /// Whether clients are asked for certificates.
    pub client_auth: Option<ClientAuth>,
    /// Protocols inside TLS, the preferred one first. Empty does not take part in the choice.
    pub alpn: Vec<Vec<u8>>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

/// How clients are asked for certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// Who vouches for them.
    pub authorities: Authorities,
    /// Whether they may go without.
    pub mode: ClientAuthMode,
}

/// Whether clients may go without a certificate. One that is shown has to be good in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthMode {
    /// They may.
    Optional,
    /// They may not: the handshake fails.
    Required,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsVersion {
    /// RFC 5246, with suites of authenticated encryption and forward secrecy only.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsVersion {
    /// As it is commonly written: `1.2`, `1.3`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// Speaks TLS with clients. Shared by all workers; tickets of one are good for all.
#[derive(Debug)]
pub struct ServerTls {
    settings: ServerTlsSettings,
    roster: Arc<Roster>,
    resumption: Resumption,
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Puts settings to work. Clients that have tickets of `earlier`, the same listener's before a change, can still use
    /// them if the same clients are let in.
    ///
    /// # Errors
    /// [`TlsBuildError`] when something is missing or cannot be used.
    pub fn new(settings: ServerTlsSettings, earlier: Option<&Self>) -> Result<Self, TlsBuildError> {
        if settings.certificates.is_empty() {
            return Err(TlsBuildError::NoCertificate);
        }
        let failed = |error: rustls::Error| TlsBuildError::Provider { source: Box::new(error) };
        let versions: &[_] = match settings.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let roster = Arc::new(Roster::new(&settings.certificates));
        let resumption = Resumption::new(settings.client_auth.as_ref(), earlier.map(|earlier| &earlier.resumption))?;
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions).map_err(failed)?;
        let builder = match &settings.client_auth {
            None => builder.with_no_client_auth(),
            Some(auth) => builder.with_client_cert_verifier(verifier(auth)?),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&roster) as _);
        config.alpn_protocols.clone_from(&settings.alpn);
        config.ticketer = resumption.tickets();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // A replayed request is a request that the client did not make (RFC 8446 section 8).
        config.max_early_data_size = 0;
        Ok(Self { settings, roster, resumption, config: Arc::new(config) })
    }

    /// What it was made of.
    #[must_use]
    pub fn settings(&self) -> &ServerTlsSettings {
        &self.settings
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The certificate that the client will see.
    pub(super) fn certificate_for(&self, hello: &Hello) -> Option<Certificate> {
        self.roster.choose(hello.server_name(), &hello.schemes()).cloned()
    }
}

fn verifier(auth: &ClientAuth) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsBuildError> {
    let builder = WebPkiClientVerifier::builder_with_provider(auth.authorities.store(), provider());
    let builder = match auth.mode {
        ClientAuthMode::Optional => builder.allow_unauthenticated(),
        ClientAuthMode::Required => builder,
    };
    builder.build().map_err(|error| TlsBuildError::Verifier { source: Box::new(error) })
}
