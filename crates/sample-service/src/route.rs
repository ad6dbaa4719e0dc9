//! The routes. Whatever goes wrong, the answer is JSON that names the instance and the reason.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::instance::Instance;

mod chaos;
mod failure;
mod todos;

use failure::Failure;

const BODY_LIMIT: usize = 16 * 1024;
const X_INSTANCE: HeaderName = HeaderName::from_static("x-instance");

type Shared = State<Arc<Instance>>;
type Answer = Result<Response, Failure>;

pub(crate) fn router(instance: Instance) -> Router {
    let instance = Arc::new(instance);
    // The health and chaos routes do no work: a busy instance is not a broken one.
    Router::new()
        .route("/api/v1/todos", get(todos::list).post(todos::add))
        .route("/api/v1/todos/{id}", get(todos::read).put(todos::replace).delete(todos::remove))
        .route("/api/v1/echo", any(echo))
        .layer(from_fn_with_state(Arc::clone(&instance), work))
        .route("/api/v1/health", get(health))
        .route("/api/v1/chaos/storage", post(chaos::storage))
        .fallback(missing)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&instance), name))
        .with_state(instance)
}

#[derive(Deserialize)]
struct Burden {
    /// Milliseconds of CPU.
    #[serde(default)]
    work: u64,
}

async fn work(State(instance): Shared, request: Request, next: Next) -> Answer {
    let burden = Query::<Burden>::try_from_uri(request.uri())
        .map_err(|error| Failure::new(&instance, StatusCode::BAD_REQUEST, error.body_text()))?;
    instance.work.burn(instance.base_work.saturating_add(Duration::from_millis(burden.work))).await;
    Ok(next.run(request).await)
}

async fn name(State(instance): Shared, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&instance.name) {
        response.headers_mut().insert(X_INSTANCE, value);
    }
    response
}

async fn health(State(instance): Shared) -> Answer {
    instance.store(super::store::Store::probe).await.map_err(|error| Failure::store(&instance, &error))?;
    Ok(Json(json!({ "instance": instance.name, "status": "healthy" })).into_response())
}

async fn echo(State(instance): Shared, request: Request) -> Json<Value> {
    let fields: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let (method, uri) = (request.method().as_str(), request.uri().to_string());
    Json(json!({ "instance": instance.name, "method": method, "uri": uri, "headers": fields }))
}

async fn missing(State(instance): Shared, request: Request) -> Failure {
    Failure::new(&instance, StatusCode::NOT_FOUND, format!("there is no `{}`", request.uri().path()))
}
