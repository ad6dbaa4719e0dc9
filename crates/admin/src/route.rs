//! The routes: each reads one thing from [`Control`] or passes one order on.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use tokio::time::timeout;

use self::extract::{Told, bad_body, unread};
use crate::control::Control;
use crate::gate::{Gate, guard};
use crate::problem::Problem;
use crate::status::{DrainRequest, Phase, Reload, Status};

mod extract;
mod scaling;
mod series;

/// The largest order is a push of a hundred metrics.
const BODY_LIMIT: usize = 16 * 1024;
/// Covers compiling several large plugins; a reload that takes longer goes on, only its caller is told to look later.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

type Shared = State<Arc<dyn Control>>;

pub(crate) fn router(control: Arc<dyn Control>, gate: Gate) -> Router {
    Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
        .route("/v1/status", get(status))
        .route("/v1/config", get(config))
        .route("/v1/reload", post(reload))
        .route("/v1/drain", post(drain))
        .merge(scaling::routes())
        .merge(series::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(bounded))
        .layer(from_fn_with_state(Arc::new(gate), guard))
        .with_state(control)
}

async fn bounded(request: Request, next: Next) -> Response {
    let answered = timeout(ANSWER_LIMIT, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| {
        let detail = format!("no answer within {ANSWER_LIMIT:?}; look at the status later");
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "time-out", "time-out", detail).into_response()
    });
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn readyz(State(control): Shared) -> (StatusCode, &'static str) {
    match control.phase() {
        Phase::Ready => (StatusCode::OK, "ready\n"),
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
    }
}

async fn startupz(State(control): Shared) -> (StatusCode, &'static str) {
    match control.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Ready | Phase::Draining => (StatusCode::OK, "started\n"),
    }
}

async fn metrics(State(control): Shared) -> Response {
    ([(header::CONTENT_TYPE, OPENMETRICS)], control.metrics()).into_response()
}

async fn status(State(control): Shared) -> Json<Status> {
    Json(control.status())
}

async fn config(State(control): Shared) -> Response {
    let media_type = HeaderValue::from_static("application/toml; charset=utf-8");
    ([(header::CONTENT_TYPE, media_type)], control.effective_config()).into_response()
}

async fn reload(State(control): Shared, body: Result<Bytes, BytesRejection>) -> Response {
    match body {
        Ok(body) if body.is_empty() => {}
        Ok(_) => return bad_body("a reload takes no body").into_response(),
        Err(rejection) => return unread(&rejection).into_response(),
    }
    // A task of its own: a caller that goes away must not cut a transaction in half.
    let done: Result<Result<Reload, _>, _> = tokio::spawn(async move { control.reload().await }).await;
    match done {
        Ok(Ok(reload)) => Json(reload).into_response(),
        Ok(Err(error)) => <Box<Problem>>::from(error).into_response(),
        Err(_) => {
            let detail = "the reload ended abnormally; the log says more";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error", detail).into_response()
        }
    }
}

async fn drain(State(control): Shared, Told(request): Told<DrainRequest>) -> Response {
    (StatusCode::ACCEPTED, Json(control.drain(request))).into_response()
}

async fn not_found(request: Request) -> Box<Problem> {
    let detail = format!("there is no `{}` here", request.uri().path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", "not found", detail)
}

async fn wrong_method(request: Request) -> Box<Problem> {
    let detail = format!("`{}` does not take {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "wrong method", detail)
}
