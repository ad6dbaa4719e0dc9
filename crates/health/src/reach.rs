//! How checks reach the targets of a group.

use equipoise_stream::{Dial, Stream};

/// How checks reach the targets of a group: as its requests do, so that a check that passes says something about them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    /// How connections are made. A connection of a check is announced as one of our own, where any is announced.
    pub dial: Dial,
    /// Whether HTTP/2 is spoken where no TLS handshake settles it.
    pub http2: bool,
}

impl Reach {
    /// The same targets without TLS and in HTTP/1.1: for a port of its own that answers nobody but checks.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self { dial: Dial { tls: None, ..self.dial.clone() }, http2: false }
    }

    /// Whether HTTP/2 is to be spoken on `stream`.
    pub(crate) fn is_http2(&self, stream: &Stream) -> bool {
        stream.tls().map_or(self.http2, |facts| facts.alpn.as_deref() == Some(b"h2"))
    }
}
