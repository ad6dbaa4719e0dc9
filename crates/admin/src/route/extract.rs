//! What a request says, or a problem that names what is wrong with it.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Names in the path.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Box<Problem>> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let refused = |error: axum::extract::rejection::PathRejection| {
            Problem::new(error.status(), "bad-path", "bad path", error.body_text())
        };
        path.map(|Path(names)| Self(names)).map_err(refused)
    }
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Box<Problem>> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|error| bad_query(error.body_text()))
    }
}

/// A JSON object in the body; no body is an object without fields.
pub(super) struct Told<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Told<T> {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, state: &S) -> Result<Self, Box<Problem>> {
        let is_json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await.map_err(|error| unread(&error))?;
        let body: &[u8] = match body.is_empty() {
            true => b"{}",
            false if is_json => &body,
            false => {
                let detail = "send the body as `Content-Type: application/json`";
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "wrong media type", detail));
            }
        };
        serde_json::from_slice(body).map(Self).map_err(|error| bad_body(format!("reading the body: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"))
}

pub(super) fn bad_query(detail: impl Into<String>) -> Box<Problem> {
    Problem::new(StatusCode::BAD_REQUEST, "bad-query", "bad query", detail)
}

pub(super) fn bad_body(detail: impl Into<String>) -> Box<Problem> {
    Problem::new(StatusCode::BAD_REQUEST, "bad-body", "bad body", detail)
}

pub(super) fn unread(rejection: &BytesRejection) -> Box<Problem> {
    Problem::new(rejection.status(), "bad-body", "bad body", rejection.body_text())
}
