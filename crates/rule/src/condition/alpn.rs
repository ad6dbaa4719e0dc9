//! Which protocols does a TLS client offer?

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::alternatives::Alternatives;
use crate::connection::Connection;
use crate::text::text;

/// Protocols (ALPN, RFC 7301), one of which the client has to offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alpn(pub Alternatives<ProtocolName>);

/// A protocol's name as TLS says it, such as `h2` or `http/1.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolName(Box<str>);

/// A text cannot be the name of a protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a protocol's name has 1 to 255 bytes, such as `h2` or `http/1.1`")]
pub struct ProtocolNameError;

impl FromStr for ProtocolName {
    type Err = ProtocolNameError;

    fn from_str(text: &str) -> Result<Self, ProtocolNameError> {
        if (1..=255).contains(&text.len()) { Ok(Self(text.into())) } else { Err(ProtocolNameError) }
    }
}

text!(ProtocolName, "a protocol's name such as `h2` or `http/1.1`", |it| it.0);

impl Alpn {
    pub(crate) fn holds(&self, connection: &Connection<'_>) -> bool {
        self.0.any(|name| connection.alpn.iter().any(|offered| offered == name.0.as_bytes()))
    }
}
