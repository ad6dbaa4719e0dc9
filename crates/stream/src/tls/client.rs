//! The side that connects: to targets.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::ServerName;

use super::authorities::Authorities;
use super::certificate::Certificate;
use super::connect::Anybody;
use super::error::TlsBuildError;
use super::provider::provider;

/// What is spoken TLS with to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTlsSettings {
    /// Who has to vouch for the target.
    pub trust: Trust,
    /// The certificate that is shown to targets that ask for one.
    pub identity: Option<Certificate>,
    /// Protocols that may be spoken inside TLS, the preferred one first. Empty does not take part in the choice.
    pub alpn: Vec<Vec<u8>>,
}

/// Who has to vouch for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Whoever the machine trusts.
    Platform,
    /// These, and nobody else.
    Authorities(Authorities),
    /// Nobody: the connection is encrypted, but whoever sits between can read and change everything.
    Anybody,
}

/// The name that a target's certificate has to be good for: a host name or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsName(ServerName<'static>);

/// Why a text is no name for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither a host name nor an address")]
pub struct TlsNameError {
    text: String,
}

impl FromStr for TlsName {
    type Err = TlsNameError;

    fn from_str(text: &str) -> Result<Self, TlsNameError> {
        let refused = |_| TlsNameError { text: text.to_owned() };
        ServerName::try_from(text.to_ascii_lowercase()).map(Self).map_err(refused)
    }
}

impl From<std::net::IpAddr> for TlsName {
    fn from(address: std::net::IpAddr) -> Self {
        Self(ServerName::IpAddress(address.into()))
    }
}

impl fmt::Display for TlsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_str().fmt(f)
    }
}

impl TlsName {
    pub(super) fn to_server_name(&self) -> ServerName<'static> {
        self.0.clone()
    }
}

/// Speaks TLS with targets. Shared by all workers.
#[derive(Debug)]
pub struct ClientTls {
    settings: ClientTlsSettings,
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Puts settings to work. [`Trust::Platform`] reads the machine's own store, so this may block.
    ///
    /// # Errors
    /// [`TlsBuildError`] when something cannot be used.
    pub fn new(settings: ClientTlsSettings) -> Result<Self, TlsBuildError> {
        let failed = |error: rustls::Error| TlsBuildError::Provider { source: Box::new(error) };
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(failed)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(verifier(&settings.trust)?);
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let resolver = SingleCertAndKey::from(Arc::clone(identity.key()));
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
        };
        config.alpn_protocols.clone_from(&settings.alpn);
        // A request must not be sent twice by whoever sits between (RFC 8446 section 8).
        config.enable_early_data = false;
        Ok(Self { settings, config: Arc::new(config) })
    }

    /// The same, with nothing but `protocol` spoken inside TLS.
    #[must_use]
    pub fn speaking(&self, protocol: &[u8]) -> Self {
        let alpn = vec![protocol.to_vec()];
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols.clone_from(&alpn);
        Self { settings: ClientTlsSettings { alpn, ..self.settings.clone() }, config: Arc::new(config) }
    }

    /// What it was made of.
    #[must_use]
    pub fn settings(&self) -> &ClientTlsSettings {
        &self.settings
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

fn verifier(trust: &Trust) -> Result<Arc<dyn ServerCertVerifier>, TlsBuildError> {
    match trust {
        Trust::Anybody => Ok(Arc::new(Anybody)),
        Trust::Platform => match rustls_platform_verifier::Verifier::new(provider()) {
            Ok(verifier) => Ok(Arc::new(verifier)),
            Err(error) => Err(TlsBuildError::Verifier { source: Box::new(error) }),
        },
        Trust::Authorities(authorities) => {
            let builder = WebPkiServerVerifier::builder_with_provider(authorities.store(), provider());
            let verifier = builder.build().map_err(|error| TlsBuildError::Verifier { source: Box::new(error) })?;
            Ok(verifier)
        }
    }
}
