//! The cookie that keeps a client at a target group.
//!
//! Its value is a hash of the group's name: it names no group to the outside, needs no state here, means the same to every
//! instance of the balancer, and the worst that a forged one can do is to choose among the groups of the rule.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::WeightedGroup;
use crate::condition::{CookieName, cookies};

/// Keeps a client at the group that it got first, by a cookie. A client whose group is gone or has weight 0 gets a new one.
///
/// Rules that share a cookie name should name the same groups, or a client that visits both is moved each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sticky {
    cookie: CookieName,
    ttl: Option<Duration>,
}

/// Why a cookie cannot keep clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StickyError {
    /// Browsers drop cookies with such a name unless they have attributes that this one has not.
    #[error("browsers refuse the cookie `{cookie}` over plain HTTP: choose a name without `__Host-` and `__Secure-`")]
    ReservedName {
        /// The refused name.
        cookie: String,
    },
    /// The cookie would be gone at once.
    #[error("`ttl` has to be one second or more")]
    TooShort,
}

impl Sticky {
    /// A cookie of this name which lives for `ttl`, in whole seconds, or until the browser closes.
    ///
    /// # Errors
    /// [`StickyError`] when browsers would drop the cookie.
    pub fn new(cookie: CookieName, ttl: Option<Duration>) -> Result<Self, StickyError> {
        let reserved = |prefix: &[u8]| {
            cookie.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if reserved(b"__Host-") || reserved(b"__Secure-") {
            return Err(StickyError::ReservedName { cookie: cookie.to_string() });
        }
        if ttl.is_some_and(|ttl| ttl.as_secs() == 0) {
            return Err(StickyError::TooShort);
        }
        Ok(Self { cookie, ttl })
    }

    fn set_cookie(&self, token: u64) -> Option<HeaderValue> {
        let max_age = self.ttl.map(|ttl| format!("; Max-Age={}", ttl.as_secs())).unwrap_or_default();
        let text = format!("{}={token:016x}; Path=/; HttpOnly; SameSite=Lax{max_age}", self.cookie);
        // A token, hexadecimal digits and our own text: always a legal value.
        HeaderValue::try_from(text).ok()
    }
}

/// What each group of a rule is called in cookies, worked out once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tokens(Vec<(u64, Option<HeaderValue>)>);

impl Tokens {
    pub(super) fn new(sticky: Option<&Sticky>, groups: &[WeightedGroup]) -> Self {
        let Some(sticky) = sticky else { return Self::default() };
        let token = |share: &WeightedGroup| xxh3_64(share.group.as_str().as_bytes());
        Self(groups.iter().map(token).map(|token| (token, sticky.set_cookie(token))).collect())
    }

    /// Position of the group that the client's cookie names.
    pub(super) fn find(&self, sticky: &Sticky, headers: &HeaderMap) -> Option<usize> {
        cookies(headers, &sticky.cookie).find_map(|value| {
            let token = (value.len() == 16).then(|| std::str::from_utf8(value).ok())??;
            let token = u64::from_str_radix(token, 16).ok()?;
            self.0.iter().position(|(known, _)| *known == token)
        })
    }

    /// The cookie to be set for the group at `position`.
    pub(super) fn cookie(&self, position: usize) -> Option<HeaderValue> {
        self.0.get(position)?.1.clone()
    }
}

/// Keeps a client at the group that it got first, by a cookie.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Sticky"))]
struct Document {
    /// Name of the cookie. Rules that share a name should name the same groups.
    cookie: CookieName,
    /// How long the client keeps the cookie after it was set, in whole seconds of at least one. Default: until the
    /// browser closes.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    ttl: Option<Duration>,
}

impl TryFrom<Document> for Sticky {
    type Error = StickyError;
    fn try_from(document: Document) -> Result<Self, StickyError> {
        Self::new(document.cookie, document.ttl)
    }
}

impl From<Sticky> for Document {
    fn from(sticky: Sticky) -> Self {
        Self { cookie: sticky.cookie, ttl: sticky.ttl }
    }
}
