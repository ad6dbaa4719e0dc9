//! Who asks, as far as the connection knows it.

use std::net::IpAddr;
use std::sync::Arc;

use http::Extensions;

/// Who asks, and how the request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// Address of the client, behind trusted proxies.
    pub address: IpAddr,
    /// Whether the request came inside TLS.
    pub is_secure: bool,
}

impl From<IpAddr> for Client {
    /// A client in plain text.
    fn from(address: IpAddr) -> Self {
        Self { address, is_secure: false }
    }
}

impl Client {
    /// The same client, inside TLS or not.
    #[must_use]
    pub fn secure(self, is_secure: bool) -> Self {
        Self { is_secure, ..self }
    }
}

/// What a client's verified certificate says. Whoever ends TLS puts it into the extensions of each request's head as an
/// `Arc`; there is none where no certificate was shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject's distinguished name (RFC 4514): `CN=alice,O=Fjord,C=NO`.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal digits.
    pub serial: String,
    /// Alternative names with their kind: `dns:a.example`, `email:…`, `uri:…`, `ip:…`.
    pub names: Vec<String>,
    /// SHA-256 of the certificate in lower-case hexadecimal digits.
    pub fingerprint: String,
}

impl ClientCertificate {
    /// The certificate of the client that sent the request with these extensions.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Arc<Self>>().map(Arc::as_ref)
    }
}
