//! How connections to the targets of a group are made, and what is spoken on them.

use equipoise_stream::Dial;

/// How connections to the targets of a group are made, and what is spoken on them.
///
/// It is the identity of connections beside the address: groups with equal transports share them, a reload that leaves
/// it as it was leaves them open, and one that changes it never uses them again. With the PROXY protocol, a connection
/// carries the requests of one client's connection only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transport {
    /// Which HTTP is spoken.
    pub version: TargetVersion,
    /// How a connection is made.
    pub dial: Dial,
}

/// Which HTTP is spoken to targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TargetVersion {
    /// HTTP/1.1: one request at a time on each connection.
    #[default]
    Http1,
    /// HTTP/2, known beforehand or demanded in the TLS handshake: many requests on one connection.
    Http2,
    /// What the target chooses in the TLS handshake, HTTP/2 by preference; HTTP/1.1 without TLS.
    Negotiated,
}

impl TargetVersion {
    /// The names of what may be spoken inside TLS, the preferred one first.
    #[must_use]
    pub fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Http1 => &[HTTP1],
            Self::Http2 => &[HTTP2],
            Self::Negotiated => &[HTTP2, HTTP1],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

pub(crate) const HTTP1: &[u8] = b"http/1.1";
pub(crate) const HTTP2: &[u8] = b"h2";

impl Transport {
    /// Whether a connection is nothing but a socket, and speaks HTTP/1.1.
    pub(crate) fn is_bare(&self) -> bool {
        self.dial.is_bare() && !self.may_multiplex()
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.dial.tls.is_some()
    }

    /// Whether connections are announced for one client.
    pub(crate) fn announces(&self) -> bool {
        self.dial.proxy_protocol.is_some()
    }

    /// Whether targets may speak HTTP/1.1.
    pub(crate) fn may_speak_http1(&self) -> bool {
        self.version != TargetVersion::Http2
    }

    /// Whether targets may speak HTTP/2.
    pub(crate) fn may_multiplex(&self) -> bool {
        match self.version {
            TargetVersion::Http1 => false,
            TargetVersion::Http2 => true,
            TargetVersion::Negotiated => self.is_tls(),
        }
    }
}
