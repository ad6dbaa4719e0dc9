//! What is spoken on a connection.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// What is spoken on a connection. Others follow; each is one more value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP without TLS: HTTP/1.1, and on a listener HTTP/2 with prior knowledge too.
    #[default]
    Http,
    /// HTTP/1.1 and HTTP/2 inside TLS, as the client chooses.
    Https,
    /// Anything over TCP, passed on as it is.
    Tcp,
    /// Anything inside TLS, passed on as it is: rules look at what the client says first. For listeners alone.
    Tls,
    /// Datagrams.
    Udp,
}

/// What passes on a connection, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    Requests,
    Connections,
    Datagrams,
}

impl Protocol {
    /// What passes.
    pub(crate) fn traffic(self) -> Traffic {
        match self {
            Self::Tcp | Self::Tls => Traffic::Connections,
            Self::Udp => Traffic::Datagrams,
            _ => Traffic::Requests,
        }
    }

    /// Every protocol of this version.
    pub const ALL: &'static [Self] = &[Self::Http, Self::Https, Self::Tcp, Self::Tls, Self::Udp];

    /// The protocol as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Protocols that one may well expect here and that this version does not speak.
const LATER: [&str; 5] = ["h2", "h2c", "grpc", "http2", "http3"];

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ProtocolVisitor;
        impl Visitor<'_> for ProtocolVisitor {
            type Value = Protocol;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a protocol such as \"http\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Protocol, E> {
                let known = Protocol::ALL.iter().find(|protocol| protocol.as_str() == text);
                known.copied().ok_or_else(|| match LATER.contains(&text) {
                    true => E::custom(format_args!("`{text}` is not supported by this version")),
                    false => E::unknown_variant(text, &["http", "https", "tcp", "tls", "udp"]),
                })
            }
        }
        deserializer.deserialize_str(ProtocolVisitor)
    }
}

impl schemars::JsonSchema for Protocol {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Protocol".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What is spoken on a connection: \"http\", \"https\", \"tcp\", \"udp\", or on a listener \"tls\".",
            "type": "string",
            "enum": Protocol::ALL.iter().map(|protocol| protocol.as_str()).collect::<Vec<_>>(),
        })
    }
}
