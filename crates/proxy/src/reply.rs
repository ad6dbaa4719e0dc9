//! reply: answers that are made here.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::body::Content;
use crate::error::ForwardError;
use crate::limit::rate::{TooOften, seconds};
use crate::names::{PROXY_STATUS, RATELIMIT, RATELIMIT_POLICY};
use crate::policy::Refusal;

/// Why a request ends without a target's response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not let in.
    Refused(Refusal),
    /// It could not be forwarded.
    Forward(ForwardError),
    /// It came too often.
    TooOften(TooOften),
    /// There are too many, or the worker cannot keep up.
    Overload,
}

impl From<TooOften> for Failure {
    fn from(refusal: TooOften) -> Self {
        Self::TooOften(refusal)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ForwardError> for Failure {
    fn from(error: ForwardError) -> Self {
        Self::Forward(error)
    }
}

impl Failure {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason(),
            Self::Forward(error) => error.reason(),
            Self::TooOften(_) => "rate-limited",
            Self::Overload => "overload",
        }
    }

    /// Says what went wrong as far as it concerns the client: no address, no name of a target.
    pub(crate) fn response(&self) -> Response<Content> {
        match self {
            Self::Refused(refusal) => {
                let mut response = plain(refusal.status(), refusal.to_string());
                // Where one message ends and the next begins is in doubt.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                response
            }
            Self::Forward(error) => unavailable(error),
            Self::TooOften(refusal) => too_often(refusal),
            Self::Overload => {
                let mut response =
                    plain(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable: overload".to_owned());
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                say_why(&mut response, "proxy_internal_response", "overload");
                response
            }
        }
    }
}

/// Names an error of RFC 9209 section 2.3 and our own code of it.
fn say_why(response: &mut Response<Content>, error: &'static str, reason: &'static str) {
    // Made of two static codes.
    if let Ok(value) = HeaderValue::try_from(format!("equipoise; error={error}; details=\"{reason}\"")) {
        response.headers_mut().insert(&PROXY_STATUS, value);
    }
}

fn too_often(refusal: &TooOften) -> Response<Content> {
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "429 Too Many Requests: rate-limited".to_owned());
    let fields = response.headers_mut();
    fields.insert(header::RETRY_AFTER, HeaderValue::from(seconds(refusal.wait).max(1)));
    fields.insert(&RATELIMIT_POLICY, refusal.policy.clone());
    fields.insert(&RATELIMIT, refusal.limit.clone());
    response
}

fn unavailable(error: &ForwardError) -> Response<Content> {
    let status = error.status();
    let title = status.canonical_reason().unwrap_or("Error");
    let mut response =
        plain(status, format!("{status_code} {title}: {}", error.reason(), status_code = status.as_u16()));
    if let Some(kind) = error.proxy_error() {
        say_why(&mut response, kind, error.reason());
    }
    let fields = response.headers_mut();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        fields.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if matches!(error, ForwardError::Upload | ForwardError::SlowUpload | ForwardError::BrokenUpload) {
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn plain(status: StatusCode, mut text: String) -> Response<Content> {
    text.push('\n');
    let mut response = own(status, text.into());
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An answer with a body of our own.
pub(crate) fn own(status: StatusCode, body: Bytes) -> Response<Content> {
    let mut response = Response::new(Content::Own((!body.is_empty()).then_some(body)));
    *response.status_mut() = status;
    response
}

/// A redirect.
pub(crate) fn redirect(status: StatusCode, location: HeaderValue) -> Response<Content> {
    let mut response = own(status, Bytes::new());
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// An answer as a rule or a router wants it.
pub(crate) fn fixed(status: StatusCode, fields: &[(HeaderName, HeaderValue)], body: Bytes) -> Response<Content> {
    let mut response = own(status, body);
    for (name, value) in fields {
        response.headers_mut().append(name, value.clone());
    }
    response
}
