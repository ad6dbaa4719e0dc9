//! Errors as `application/problem+json` (RFC 9457), written by the server and read by the client.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::control::ReloadError;
use crate::scaling::ScalingError;

/// Media type of [`Problem`].
pub(crate) const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name for programs, `urn:equipoise:problem:…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for people.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What this call ran into, and what to do about it.
    #[serde(default)]
    pub detail: String,
    /// What is wrong with the configuration, when that is the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// The diagnostics drawn for a terminal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rendered: String,
}

/// One problem of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diagnostic {
    /// Stable name of the kind of problem.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// File that it stands in; empty when the configuration has none.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column in characters, from 1; 0 when unknown.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, name: &str, title: &str, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind: format!("urn:equipoise:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            diagnostics: Vec::new(),
            rendered: String::new(),
        })
    }
}

impl From<ReloadError> for Box<Problem> {
    fn from(error: ReloadError) -> Self {
        let detail = error.to_string();
        match error {
            ReloadError::Refused { diagnostics, rendered, .. } => {
                let title = "configuration refused";
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "configuration-refused", title, detail);
                Self::new(Problem { diagnostics, rendered, ..*problem })
            }
            ReloadError::Failed { .. } => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "reload-failed", "reload failed", detail)
            }
            ReloadError::Draining => Problem::new(StatusCode::CONFLICT, "draining", "draining", detail),
            ReloadError::NoSource => Problem::new(StatusCode::CONFLICT, "no-source", "nothing to reload", detail),
        }
    }
}

impl From<ScalingError> for Box<Problem> {
    fn from(error: ScalingError) -> Self {
        let (status, name, title) = match &error {
            ScalingError::NotHere => (StatusCode::NOT_FOUND, "no-scaling", "nothing is scaled"),
            ScalingError::NoGroup { .. } => (StatusCode::NOT_FOUND, "no-scaling-group", "no such scaling group"),
            ScalingError::NoInstance { .. } => (StatusCode::NOT_FOUND, "no-instance", "no such instance"),
            ScalingError::NoTargetGroup { .. } => (StatusCode::NOT_FOUND, "no-target-group", "no such target group"),
            ScalingError::NoAlarm { .. } => (StatusCode::NOT_FOUND, "no-alarm", "no such alarm"),
            ScalingError::NoSuch { .. } => (StatusCode::BAD_REQUEST, "unknown-word", "unknown word"),
            ScalingError::OutOfBounds { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "out-of-bounds", "out of bounds"),
            ScalingError::CoolingDown { .. } => (StatusCode::CONFLICT, "cooling-down", "cooling down"),
            ScalingError::NoRefresh { .. } => (StatusCode::CONFLICT, "no-refresh", "no refresh"),
            ScalingError::NotTaken { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "not-taken", "metric not taken"),
            ScalingError::History { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "history", "history not readable"),
            ScalingError::Busy { .. } => (StatusCode::GATEWAY_TIMEOUT, "time-out", "time-out"),
            ScalingError::Draining => (StatusCode::CONFLICT, "draining", "draining"),
        };
        Problem::new(status, name, title, error.to_string())
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Strings and numbers only: cannot fail to serialize.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
    }
}
