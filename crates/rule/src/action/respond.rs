//! An answer from here, the same for every request.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::headers::FieldValue;
use crate::routed::Destination;

/// Longest body in bytes: it is held in memory and copied into every answer's buffers.
const LONGEST_BODY: usize = 64 << 10;

/// An answer from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Respond {
    status: StatusCode,
    body: Bytes,
    content_type: [(HeaderName, HeaderValue); 1],
}

/// Why an answer cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The status does not end a request.
    #[error("{status} does not end a request: use a status from 200 to 599")]
    Status {
        /// The refused status.
        status: u16,
    },
    /// The body is too long.
    #[error("the body has {length} bytes; at most {LONGEST_BODY} are taken")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The status forbids a body.
    #[error("an answer with status {status} has no body")]
    BodyForbidden {
        /// The status.
        status: u16,
    },
}

/// Whether a status ends a request; interim ones (1xx) do not.
pub(super) fn ends(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

/// Whether the status is one without body (RFC 9110 section 6.4.1).
pub(super) fn bodiless(status: StatusCode) -> bool {
    matches!(status.as_u16(), 204 | 205 | 304)
}

impl Respond {
    /// An answer with this body; `content_type` is sent when there is one.
    ///
    /// # Errors
    /// [`RespondError`] when the status does not end a request, the body is over 64 KiB, or the status forbids it.
    pub fn new(status: StatusCode, body: Bytes, content_type: FieldValue) -> Result<Self, RespondError> {
        if !ends(status) {
            return Err(RespondError::Status { status: status.as_u16() });
        }
        if body.len() > LONGEST_BODY {
            return Err(RespondError::TooLong { length: body.len() });
        }
        if bodiless(status) && !body.is_empty() {
            return Err(RespondError::BodyForbidden { status: status.as_u16() });
        }
        Ok(Self { status, body, content_type: [(CONTENT_TYPE, content_type.into())] })
    }

    pub(super) fn answer(&self) -> Destination<'_> {
        let headers: &[_] = if self.body.is_empty() { &[] } else { &self.content_type };
        Destination::Respond { status: self.status, headers: Cow::Borrowed(headers), body: self.body.clone() }
    }
}

/// An answer from here.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Respond"))]
struct Document {
    /// Status, 200 to 599. Default 200.
    #[serde(default = "ok")]
    #[cfg_attr(feature = "schema", schemars(range(min = 200, max = 599)))]
    status: u16,
    /// Body, at most 64 KiB. Default: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    /// Media type of the body. Default `text/plain; charset=utf-8`.
    #[serde(default = "plain_text")]
    content_type: FieldValue,
}

fn ok() -> u16 {
    StatusCode::OK.as_u16()
}

fn plain_text() -> FieldValue {
    FieldValue::from(HeaderValue::from_static("text/plain; charset=utf-8"))
}

impl TryFrom<Document> for Respond {
    type Error = RespondError;
    fn try_from(document: Document) -> Result<Self, RespondError> {
        let Document { status, body, content_type } = document;
        let status = StatusCode::from_u16(status).map_err(|_| RespondError::Status { status })?;
        Self::new(status, body.into(), content_type)
    }
}

impl From<Respond> for Document {
    fn from(respond: Respond) -> Self {
        let Respond { status, body, content_type: [(_, content_type)] } = respond;
        // Built in code, a body may be binary; what is shown of the configuration is then an approximation.
        let body = String::from_utf8_lossy(&body).into_owned();
        Self { status: status.as_u16(), body, content_type: content_type.into() }
    }
}
