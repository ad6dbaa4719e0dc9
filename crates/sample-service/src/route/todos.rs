//! The todos themselves.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Failure, Shared};
use crate::instance::Instance;
use crate::store::Todo;

const LISTED: usize = 100;
const MOST_LISTED: usize = 1_000;
const TITLE_BYTES: usize = 1_024;

#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
}

pub(super) async fn list(State(instance): Shared, page: Result<Query<Page>, QueryRejection>) -> Answer {
    let Query(page) = page.map_err(|error| Failure::new(&instance, error.status(), error.body_text()))?;
    let limit = page.limit.unwrap_or(LISTED).min(MOST_LISTED);
    let todos = instance.store(move |store| store.list(limit)).await;
    let todos = todos.map_err(|error| Failure::store(&instance, &error))?;
    let todos: Vec<_> = todos.iter().map(|(id, todo)| view(*id, todo)).collect();
    Ok(Json(json!({ "instance": instance.name, "todos": todos })).into_response())
}

pub(super) async fn add(State(instance): Shared, todo: Result<Json<Todo>, JsonRejection>) -> Answer {
    let todo = accept(&instance, todo)?;
    let kept = todo.clone();
    let id = instance.store(move |store| store.add(&kept)).await.map_err(|error| Failure::store(&instance, &error))?;
    let location = format!("/api/v1/todos/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], one(&instance, id, &todo)).into_response())
}

pub(super) async fn read(State(instance): Shared, id: Result<Path<u64>, PathRejection>) -> Answer {
    let id = number(&instance, id)?;
    let todo = instance.store(move |store| store.read(id)).await.map_err(|error| Failure::store(&instance, &error))?;
    let todo = todo.ok_or_else(|| unknown(&instance, id))?;
    Ok(one(&instance, id, &todo).into_response())
}

pub(super) async fn replace(
    State(instance): Shared,
    id: Result<Path<u64>, PathRejection>,
    todo: Result<Json<Todo>, JsonRejection>,
) -> Answer {
    let (id, todo) = (number(&instance, id)?, accept(&instance, todo)?);
    let kept = todo.clone();
    let known = instance.store(move |store| store.replace(id, &kept)).await;
    if known.map_err(|error| Failure::store(&instance, &error))? {
        Ok(one(&instance, id, &todo).into_response())
    } else {
        Err(unknown(&instance, id))
    }
}

pub(super) async fn remove(State(instance): Shared, id: Result<Path<u64>, PathRejection>) -> Answer {
    let id = number(&instance, id)?;
    let known = instance.store(move |store| store.remove(id)).await;
    if known.map_err(|error| Failure::store(&instance, &error))? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(unknown(&instance, id))
    }
}

fn number(instance: &Instance, id: Result<Path<u64>, PathRejection>) -> Result<u64, Failure> {
    id.map(|Path(id)| id).map_err(|rejection| Failure::new(instance, rejection.status(), rejection.body_text()))
}

fn accept(instance: &Instance, todo: Result<Json<Todo>, JsonRejection>) -> Result<Todo, Failure> {
    let Json(todo) = todo.map_err(|rejection| Failure::new(instance, rejection.status(), rejection.body_text()))?;
    if todo.title.trim().is_empty() || todo.title.len() > TITLE_BYTES {
        let reason = format!("`title` must hold 1 to {TITLE_BYTES} bytes that are not all blank");
        return Err(Failure::new(instance, StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    Ok(todo)
}

fn unknown(instance: &Instance, id: u64) -> Failure {
    Failure::new(instance, StatusCode::NOT_FOUND, format!("there is no todo {id} in this instance"))
}

fn view(id: u64, todo: &Todo) -> Value {
    json!({ "id": id, "title": todo.title, "done": todo.done })
}

fn one(instance: &Instance, id: u64, todo: &Todo) -> Json<Value> {
    Json(json!({ "instance": instance.name, "todo": view(id, todo) }))
}
