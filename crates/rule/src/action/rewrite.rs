//! Changes of path and host.

use std::borrow::Cow;
use std::str::FromStr;

use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri};
use regex_automata::meta;
use regex_automata::util::interpolate;
use serde::{Deserialize, Serialize};

use crate::pattern::{PatternError, captures};
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
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let authority = Authority::try_from(bytes).ok()?;
        let port_is_sound = crate::request::split(authority.as_str()).1.is_none_or(|port| port.parse::<u16>().is_ok());
        let sound = !authority.host().is_empty() && !authority.as_str().contains('@') && port_is_sound;
        let value = HeaderValue::from_bytes(bytes).ok()?;
        sound.then_some(Self { authority, value })
    }

    /// Names this host in the field, and in the request target where that names one, so that both keep agreeing.
    pub(super) fn write(&self, head: &mut Parts) {
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

/// What a regular expression finds first in the path, and what takes its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "ReplaceDocument", into = "ReplaceDocument")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replace {
    pattern: Box<str>,
    with: Box<str>,
    expression: meta::Regex,
}

impl PartialEq for Replace {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.with) == (&other.pattern, &other.with)
    }
}

impl Replace {
    /// Puts `with` in the place of what `pattern` finds; `$1` or `${name}` stand for what its groups found, `$$` for `$`.
    ///
    /// # Errors
    /// [`RewriteError`] when the pattern is not a regular expression or needs too much memory.
    pub fn new(pattern: &str, with: &str) -> Result<Self, RewriteError> {
        let expression = captures(pattern)?;
        Ok(Self { pattern: pattern.into(), with: with.into(), expression })
    }

    fn apply(&self, path: &str) -> Option<String> {
        let mut groups = self.expression.create_captures();
        self.expression.captures(path, &mut groups);
        let found = groups.get_match()?;
        let mut changed = path.get(..found.start())?.to_owned();
        let group = |index, place: &mut String| {
            place.push_str(groups.get_group(index).and_then(|span| path.get(span.range())).unwrap_or_default());
        };
        let index_of = |name: &str| groups.group_info().to_index(groups.pattern()?, name);
        interpolate::string(&self.with, group, index_of, &mut changed);
        changed.push_str(path.get(found.end()..)?);
        Some(changed)
    }
}

/// What a regular expression finds first in the path, and what takes its place.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Replace"))]
struct ReplaceDocument {
    /// Regular expression, without a leading `~`: `"^/users/([0-9]+)$"`.
    pattern: String,
    /// What takes its place: `"/u/$1"`. `$1` or `${name}` stand for what the groups found, `$$` for `$`.
    with: String,
}

impl TryFrom<ReplaceDocument> for Replace {
    type Error = RewriteError;
    fn try_from(document: ReplaceDocument) -> Result<Self, RewriteError> {
        Self::new(&document.pattern, &document.with)
    }
}

impl From<Replace> for ReplaceDocument {
    fn from(replace: Replace) -> Self {
        Self { pattern: replace.pattern.into(), with: replace.with.into() }
    }
}

/// A rewrite gave something that cannot be sent as a path: it grew too long, or does not start with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsendable;

impl Rewrite {
    /// Changes the request. On failure the request is as it was, and must not be forwarded: it would reach a place that
    /// the rewrite was to keep it from.
    pub(crate) fn apply(&self, head: &mut Parts) -> Result<(), Unsendable> {
        let path = head.uri.path();
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
            path = Cow::Owned(changed);
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
