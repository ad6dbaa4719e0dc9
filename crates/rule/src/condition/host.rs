//! Which host was asked for?

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::pattern::{Case, Pattern, PatternError};
use crate::request::Request;
use crate::text::text;

/// Patterns for the host, without port and regardless of case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Host(pub Alternatives<HostPattern>);

/// A pattern for a host. `*.example.org` takes every subdomain, at any depth, but not `example.org` itself.
#[derive(Clone, Debug, PartialEq)]
pub struct HostPattern(Pattern);

impl HostPattern {
    pub(crate) fn pattern(&self) -> &Pattern {
        &self.0
    }
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.starts_with('~') {
            return Pattern::compile(text, Case::Lower).map(Self);
        }
        // `example.org.` is the same name, written absolutely.
        let pattern = Pattern::compile(text.strip_suffix('.').unwrap_or(text), Case::Lower)?;
        let port = || crate::request::split(text).1.is_some();
        let why = match text {
            "" => "can never match: a host is not empty",
            _ if text.contains('/') => "can never match: write the host alone, without scheme and path",
            _ if port() => "can never match: write the host without its port, which is not compared",
            _ if !text.is_ascii() => "can never match: write the host as it is sent, in its ASCII form (`xn--…`)",
            _ => return Ok(Self(pattern)),
        };
        Err(PatternError::Pointless { pattern: text.to_owned(), why })
    }
}

text!(HostPattern, "a host pattern such as `example.org`, `*.example.org` or `~^www[0-9]`", |it| it.0.as_str());

impl HostPattern {
    /// Whether the pattern takes a host that is in lower case.
    pub(crate) fn matches(&self, host: &[u8]) -> bool {
        self.0.matches(host)
    }
}

impl Condition for Host {
    fn holds(&self, request: &Request<'_>) -> bool {
        request.host().is_some_and(|host| self.0.any(|pattern| pattern.matches(host)))
    }
}
