//! Which path was asked for?

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::pattern::{Case, Pattern, PatternError};
use crate::request::Request;
use crate::text::text;

/// Patterns for the path. It is compared as the request carries it: with regard to case, without query, not decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Path(pub Alternatives<PathPattern>);

/// A pattern for a path. `/api/*` takes `/api/` and everything below it, but not `/api` itself.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPattern(Pattern);

impl PathPattern {
    pub(crate) fn pattern(&self) -> &Pattern {
        &self.0
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = Pattern::compile(text, Case::Sensitive)?;
        let why = match text {
            _ if text.starts_with('~') => return Ok(Self(pattern)),
            _ if !text.starts_with(['/', '*']) => "can never match: a path starts with `/`",
            _ if text.contains('?') => "can never match: the query is not part of the path, use `query`",
            _ if text.contains('#') => "can never match: a fragment is not sent",
            _ => return Ok(Self(pattern)),
        };
        Err(PatternError::Pointless { pattern: text.to_owned(), why })
    }
}

text!(PathPattern, "a path pattern such as `/health`, `/api/*` or `~^/v[0-9]+/`", |it| it.0.as_str());

impl Condition for Path {
    fn holds(&self, request: &Request<'_>) -> bool {
        let path = request.head.uri.path().as_bytes();
        self.0.any(|pattern| pattern.0.matches(path))
    }
}
