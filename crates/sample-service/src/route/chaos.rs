//! Breaking things on purpose, while the port stays open.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Failure, Shared};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Storage {
    available: bool,
}

pub(super) async fn storage(State(instance): Shared, body: Result<Json<Storage>, JsonRejection>) -> Answer {
    let Json(Storage { available }) =
        body.map_err(|rejection| Failure::new(&instance, rejection.status(), rejection.body_text()))?;
    instance
        .store(move |store| store.set_available(available))
        .await
        .map_err(|error| Failure::store(&instance, &error))?;
    Ok(Json(json!({ "instance": instance.name, "available": available })).into_response())
}
