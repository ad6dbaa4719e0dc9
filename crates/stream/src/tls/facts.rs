//! What a finished handshake says of the connection and of the other side.

use std::fmt::Write;

use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificate::Certificate;
use super::distinguished::distinguished;
use super::names::address;
use super::provider::sha256;
use super::server::TlsVersion;

/// What was agreed in a handshake.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The name that the client asked for, in lower case.
    pub server_name: Option<Box<str>>,
    /// The protocol inside TLS, if one was chosen.
    pub alpn: Option<Box<[u8]>>,
    /// The version of TLS.
    pub version: TlsVersion,
    /// The cipher suite, by its registered name.
    pub cipher: &'static str,
    /// Whether an earlier session was taken up again, so that no certificate was shown.
    pub resumed: bool,
    /// The certificate that we showed, or would have shown.
    pub certificate: Option<Certificate>,
    /// The verified certificate of a client.
    pub client: Option<Box<ClientCertificate>>,
}

/// A client's certificate. It was verified: without that there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The subject's distinguished name, the most specific part first (RFC 4514): `CN=alice,O=Fjord,C=NO`.
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

impl TlsFacts {
    pub(super) fn new(session: &CommonState, server_name: Option<Box<str>>, certificate: Option<Certificate>) -> Self {
        let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
        Self {
            server_name,
            alpn: session.alpn_protocol().map(Into::into),
            version: match session.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
                _ => TlsVersion::Tls12,
            },
            cipher: suite.and_then(|suite| suite.as_str()).unwrap_or("unknown"),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            certificate,
            client: None,
        }
    }

    /// Keeps what the client's certificate says.
    pub(super) fn of_client(mut self, session: &CommonState) -> Self {
        let shown = session.peer_certificates().and_then(<[_]>::first);
        self.client = shown.map(|certificate| Box::new(ClientCertificate::read(certificate)));
        self
    }

    /// Whether a request for `host` (in lower case, without port) belongs on this connection: the client asked for it by
    /// name, asked for nobody, or knows by the certificate that whoever answers may answer for it.
    #[must_use]
    pub fn answers_for(&self, host: &str) -> bool {
        let Some(name) = self.server_name.as_deref() else { return true };
        name == host || self.certificate.as_ref().is_some_and(|certificate| certificate.covers(host))
    }
}

impl ClientCertificate {
    fn read(der: &[u8]) -> Self {
        let fingerprint = hex(&sha256(der));
        // It was verified by another parser. Should this one be stricter, the fingerprint still says who it is.
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            return Self { fingerprint, ..Self::default() };
        };
        let listed = parsed.subject_alternative_name().ok().flatten();
        Self {
            subject: distinguished(parsed.subject()),
            issuer: distinguished(parsed.issuer()),
            serial: hex(parsed.raw_serial()),
            names: listed.iter().flat_map(|listed| &listed.value.general_names).filter_map(name).collect(),
            fingerprint,
        }
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("dns:{}", name.to_ascii_lowercase())),
        GeneralName::RFC822Name(name) => Some(format!("email:{name}")),
        GeneralName::URI(uri) => Some(format!("uri:{uri}")),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| format!("ip:{address}")),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
    }
    text
}
