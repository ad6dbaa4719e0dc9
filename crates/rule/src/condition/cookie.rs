//! Which cookies does the request carry?

use std::str::FromStr;

use http::HeaderMap;
use http::header::COOKIE;
use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::pattern::Pattern;
use crate::request::Request;
use crate::table::Table;
use crate::text::text;

/// Patterns for the values of cookies. Every named cookie has to be there with a value that matches; of a repeated one,
/// one occurrence is enough. Names and values are compared as they are sent, with regard to case and not decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cookie(pub Table<CookieName, Alternatives<Pattern>>);

/// Name of a cookie.
#[derive(Clone, Debug, PartialEq)]
pub struct CookieName(Box<str>);

/// A text is not the name of a cookie.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the name of a cookie: use letters, digits, `-` and `_`")]
pub struct CookieNameError {
    /// The refused text.
    pub text: String,
}

impl FromStr for CookieName {
    type Err = CookieNameError;

    fn from_str(text: &str) -> Result<Self, CookieNameError> {
        // RFC 6265 section 4.1.1: a token.
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !text.is_empty() && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(CookieNameError { text: text.to_owned() })
        }
    }
}

text!(CookieName, "the name of a cookie", |it| &it.0);

impl CookieName {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Condition for Cookie {
    fn holds(&self, request: &Request<'_>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            cookies(&request.head.headers, name).any(|value| patterns.any(|pattern| pattern.matches(value)))
        })
    }
}

/// The values of the cookie `name`, in the order in which they were sent. HTTP/2 may spread cookies over several fields
/// (RFC 9113 section 8.2.3).
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &'a CookieName) -> impl Iterator<Item = &'a [u8]> {
    let fields = headers.get_all(COOKIE).iter();
    fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';')).filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
        Some(value.trim_ascii_start())
    })
}
