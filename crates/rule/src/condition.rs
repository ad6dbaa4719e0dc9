//! When does a rule apply? All of its conditions must hold; each may list alternatives.

mod alpn;
mod client_certificate;
mod cookie;
mod header;
mod host;
mod method;
mod path;
mod query;
mod sni;
mod source;

use std::cell::OnceCell;
use std::net::IpAddr;

use http::request::Parts;
use serde::{Deserialize, Serialize};

pub use self::alpn::{Alpn, ProtocolName, ProtocolNameError};
pub use self::client_certificate::{
    ClientCertificate as CertificateCondition, ClientCertificateError, Fingerprint, FingerprintError,
};
pub use self::cookie::{Cookie, CookieName, CookieNameError};
pub use self::header::{FieldName, FieldNameError, Header};
pub use self::host::{Host, HostPattern};
pub use self::method::{Method, MethodError, MethodName};
pub use self::path::{Path, PathPattern};
pub use self::query::{Parameter, ParameterError, Query};
pub use self::sni::Sni;
pub use self::source::{Network, NetworkError, Source};
use crate::request::Request;

pub(crate) use self::cookie::cookies;

/// One question to a request.
trait Condition {
    fn holds(&self, request: &Request<'_>) -> bool;
}

/// The conditions of a rule. All that are given must hold; without any, the rule applies to every request.
///
/// Patterns are texts: `plain` is compared exactly, `*` stands for any run of characters, and a leading `~` makes the
/// rest a regular expression that has to occur in the value (anchor it with `^` and `$`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct When {
    /// Host of the request, without port and regardless of case: `"example.org"`, `"*.example.org"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// Path of the request, without query: `"/health"`, `"/api/*"`, `"~^/v[0-9]+/"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    /// Method of the request, in upper case: `["GET", "HEAD"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Header fields by name, each with patterns for its value; `"*"` asks only that the field is there. A field that
    /// is repeated holds when one of its lines does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// Query parameters by name, each with patterns for its value. Names and values are compared after decoding: `%XX`
    /// is a byte, `+` a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// Cookies by name, each with patterns for its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
    /// Address of the client: networks in CIDR notation, or single addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Certificate of the client, on listeners that ask for one: `{ present = true }`,
    /// `{ name = "dns:*.clients.example" }`, `{ subject = "CN=alice,*" }`, `{ fingerprint = "…" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateCondition>,
    /// Server name that a TLS client asks for, on listeners with `protocol = "tls"`: `"db.example.org"`,
    /// `"*.example.org"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<Sni>,
    /// Protocols of which a TLS client offers one, on listeners with `protocol = "tls"`: `"h2"`, `["postgresql"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Alpn>,
}

impl When {
    /// Whether every request satisfies these conditions.
    pub(crate) fn always_holds(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a request satisfies these conditions, asked for itself.
    #[must_use]
    pub fn matches(&self, head: &Parts, client: IpAddr) -> bool {
        self.always_holds() || self.holds(&Request::new(head, client, &OnceCell::new()))
    }

    /// Cheap questions first.
    pub(crate) fn holds(&self, request: &Request<'_>) -> bool {
        fn all(condition: Option<&impl Condition>, request: &Request<'_>) -> bool {
            condition.is_none_or(|condition| condition.holds(request))
        }
        all(self.method.as_ref(), request)
            && all(self.host.as_ref(), request)
            && all(self.path.as_ref(), request)
            && all(self.source.as_ref(), request)
            && all(self.client_certificate.as_ref(), request)
            && all(self.header.as_ref(), request)
            && all(self.query.as_ref(), request)
            && all(self.cookie.as_ref(), request)
            && self.only_tls().is_none()
    }
}

#[cfg(test)]
mod tests;
