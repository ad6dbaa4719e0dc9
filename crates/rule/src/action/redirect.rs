//! To another place: the client is told to ask there.

use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::template::Template;
use crate::routed::{Destination, Reply};

/// An answer that sends the client elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Redirect {
    to: Template,
    status: StatusCode,
}

/// A status does not tell a client to ask elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{status} is not the status of a redirect: use 301, 302, 303, 307 or 308")]
pub struct RedirectError {
    /// The refused status.
    pub status: u16,
}

/// Checks a status for use in a redirect.
pub(super) fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Redirect {
    /// A redirect to what the template gives for each request.
    ///
    /// # Errors
    /// [`RedirectError`] when the status is not 301, 302, 303, 307 or 308.
    pub fn new(to: Template, status: StatusCode) -> Result<Self, RedirectError> {
        if redirects(status) { Ok(Self { to, status }) } else { Err(RedirectError { status: status.as_u16() }) }
    }

    /// A request without a proper host is answered with 400 where the template needs one.
    pub(super) fn answer(&self, head: &Parts, is_secure: bool) -> Reply<'_> {
        Reply::from(match self.to.render(head, is_secure) {
            Some(location) => Destination::Redirect { status: self.status, location },
            None => Destination::plain(StatusCode::BAD_REQUEST),
        })
    }
}

/// An answer that sends the client elsewhere.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Redirect"))]
struct Document {
    /// Path or URL to go to. `{scheme}`, `{host}`, `{port}`, `{path}`, `{query}` and `{path_and_query}` stand for the
    /// request's own parts: `"https://{host}{path_and_query}"`.
    to: Template,
    /// 301, 302, 303, 307 or 308. Default 302: browsers keep a 301 or 308, so a mistake in one is hard to take back.
    #[serde(default = "found")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [301, 302, 303, 307, 308])))]
    status: u16,
}

fn found() -> u16 {
    StatusCode::FOUND.as_u16()
}

impl TryFrom<Document> for Redirect {
    type Error = RedirectError;
    fn try_from(document: Document) -> Result<Self, RedirectError> {
        let status = StatusCode::from_u16(document.status).map_err(|_| RedirectError { status: document.status })?;
        Self::new(document.to, status)
    }
}

impl From<Redirect> for Document {
    fn from(redirect: Redirect) -> Self {
        Self { to: redirect.to, status: redirect.status.as_u16() }
    }
}
