//! Answers that say what went wrong, and where.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::instance::Instance;
use crate::store::StoreError;

#[derive(Debug)]
pub(crate) struct Failure {
    instance: String,
    status: StatusCode,
    reason: String,
}

impl Failure {
    pub(crate) fn new(instance: &Instance, status: StatusCode, reason: impl Into<String>) -> Self {
        Self { instance: instance.name.clone(), status, reason: reason.into() }
    }

    pub(crate) fn store(instance: &Instance, error: &StoreError) -> Self {
        let status = match error {
            StoreError::Full => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        Self::new(instance, status, reason)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let health = if self.status == StatusCode::SERVICE_UNAVAILABLE { "unhealthy" } else { "refused" };
        let body = json!({ "instance": self.instance, "status": health, "reason": self.reason });
        (self.status, Json(body)).into_response()
    }
}
