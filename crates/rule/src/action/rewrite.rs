//! Changes of path and host.

mod host;
mod replace;

use std::borrow::Cow;
use std::str::FromStr;

use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};

pub use self::host::HostValue;
pub use self::replace::Replace;
use crate::pattern::PatternError;
use crate::text::text;

/// Longest request target that a rewrite may produce, in bytes.
const LONGEST: usize = 8 << 10;

/// Changes of path and host. For the path, in this order: `path` replaces it, `strip-prefix` takes a beginning away,
/// `replace` changes what a regular expression finds, `add-prefix` puts a beginning before it. The query stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rewrite {
    /// The whole path: `"/maintenance"`. The query stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathText>,
    /// Beginning that is taken away, where the path has it, in whole segments: with `"/api"`, `/api/x` becomes `/x` and
    /// `/api` becomes `/`, while `/apix` stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<PathText>,
    /// What a regular expression finds first in the path, and what takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<Replace>,
    /// Beginning that is put before the path: with `"/v2"`, `/x` becomes `/v2/x`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_prefix: Option<PathText>,
    /// Host that the target sees, with a port if it needs one: `"todo.internal"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostValue>,
}

/// Why a text is not part of a rewrite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// The text is not a path.
    #[error("`{text}` is not a path: it starts with `/` and holds neither query, fragment nor spaces")]
    Path {
        /// The refused text.
        text: String,
    },
    /// The text is not a host.
    #[error("`{text}` is not a host: write `name` or `name:port`")]
    Host {
        /// The refused text.
        text: String,
    },
    /// What takes the place of something in a path has to be sound in a path itself.
    #[error("`{with}` cannot stand in a path: it holds neither query, fragment nor spaces")]
    With {
        /// The refused text.
        with: String,
    },
    /// A replacement asks for a group that the regular expression does not have.
    #[error("`{pattern}` has no group `{group}`: write `${{1}}x` when a letter follows, and `$$` for `$`")]
    NoGroup {
        /// The regular expression.
        pattern: String,
        /// The group that is missing.
        group: String,
    },
    /// The regular expression is refused.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// A path as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct PathText(Box<str>);

impl FromStr for PathText {
    type Err = RewriteError;

    fn from_str(text: &str) -> Result<Self, RewriteError> {
        let sound = text.starts_with('/') && text.is_ascii() && text.len() <= LONGEST && !text.contains(['?', '#']);
        if sound && text.parse::<PathAndQuery>().is_ok() {
            Ok(Self(text.into()))
        } else {
            Err(RewriteError::Path { text: text.to_owned() })
        }
    }
}

text!(PathText, "a path that starts with `/`", |it| &it.0);

/// A rewrite gave something that cannot be sent as a path: mostly, it grew too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsendable;

impl Rewrite {
    /// Changes the request. On failure the request is as it was, and must not be forwarded: it would reach a place that
    /// the rewrite was to keep it from.
    pub(crate) fn apply(&self, head: &mut Parts) -> Result<(), Unsendable> {
        let path = head.uri.path();
        // Searching for groups costs path times expression, so the path has to be bounded before, not only after.
        if self.replace.is_some() && path.len() > LONGEST {
            return Err(Unsendable);
        }
        let rewritten = self.rewritten(path);
        if rewritten != path {
            let target = match head.uri.query() {
                Some(query) => format!("{rewritten}?{query}"),
                None => rewritten.into_owned(),
            };
            let target = target.parse().map_err(|_| Unsendable)?;
            write_target(target, head)?;
        }
        if let Some(host) = &self.host {
            host.write(head);
        }
        Ok(())
    }

    fn rewritten<'a>(&'a self, path: &'a str) -> Cow<'a, str> {
        let path = self.path.as_ref().map_or(path, |path| &path.0);
        let mut path = Cow::Borrowed(self.strip_prefix.as_ref().map_or(path, |prefix| strip(path, &prefix.0)));
        if let Some(changed) = self.replace.as_ref().and_then(|replace| replace.apply(&path)) {
            path = Cow::Owned(if changed.starts_with('/') { changed } else { format!("/{changed}") });
        }
        match &self.add_prefix {
            Some(prefix) => Cow::Owned(format!("{}{path}", prefix.0.trim_end_matches('/'))),
            None => path,
        }
    }
}

/// Takes whole segments away from the beginning; what is left starts with `/`.
fn strip<'a>(path: &'a str, prefix: &str) -> &'a str {
    match path.strip_prefix(prefix.trim_end_matches('/')) {
        Some("") if !prefix.ends_with('/') => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Asks for `target` instead of the request's own path and query.
pub(super) fn write_target(target: PathAndQuery, head: &mut Parts) -> Result<(), Unsendable> {
    if !target.as_str().starts_with('/') || target.as_str().len() > LONGEST {
        return Err(Unsendable);
    }
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query = Some(target);
    head.uri = Uri::from_parts(parts).map_err(|_| Unsendable)?;
    Ok(())
}

#[cfg(test)]
mod tests;
