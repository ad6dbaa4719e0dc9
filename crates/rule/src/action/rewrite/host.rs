//! The host that a target sees.

use std::str::FromStr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Uri};

use super::RewriteError;
use crate::request::{is_host, split};
use crate::text::text;

/// A host as it is sent in `Host`.
#[derive(Clone, Debug, PartialEq)]
pub struct HostValue {
    authority: Authority,
    value: HeaderValue,
}

impl FromStr for HostValue {
    type Err = RewriteError;

    fn from_str(text: &str) -> Result<Self, RewriteError> {
        Self::read(text.as_bytes()).ok_or_else(|| RewriteError::Host { text: text.to_owned() })
    }
}

text!(HostValue, "a host such as `todo.internal` or `todo.internal:8080`", |it| it.authority.as_str());

impl HostValue {
    /// `None` when the bytes are not a host with an optional port.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let authority = Authority::try_from(bytes).ok()?;
        let (host, port) = split(authority.as_str());
        let sound =
            is_host(host) && port.is_none_or(|port| port.parse::<u16>().is_ok()) && !authority.as_str().contains('@');
        let value = HeaderValue::from_bytes(bytes).ok()?;
        sound.then_some(Self { authority, value })
    }

    /// Names this host in the field, and in the request target where that names one, so that both keep agreeing.
    pub(crate) fn write(&self, head: &mut Parts) {
        head.headers.insert(HOST, self.value.clone());
        if head.uri.authority().is_some() {
            let mut parts = head.uri.clone().into_parts();
            parts.authority = Some(self.authority.clone());
            // Only an authority was exchanged for another, which no combination of parts forbids.
            if let Ok(uri) = Uri::from_parts(parts) {
                head.uri = uri;
            }
        }
    }
}
