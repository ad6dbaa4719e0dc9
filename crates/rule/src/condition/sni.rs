//! Which server does a TLS client ask for?

use serde::{Deserialize, Serialize};

use super::HostPattern;
use crate::alternatives::Alternatives;
use crate::connection::Connection;
use crate::request::Host;

/// Patterns for the server name of a ClientHello, regardless of case. A client that names none matches none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sni(pub Alternatives<HostPattern>);

impl Sni {
    pub(crate) fn holds(&self, connection: &Connection<'_>) -> bool {
        let name = connection.sni.and_then(Host::of);
        name.is_some_and(|name| self.0.any(|pattern| pattern.matches(name.as_bytes())))
    }
}
