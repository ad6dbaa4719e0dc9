//! Scaling groups: what they are, what they did, and the orders that change them.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;

use super::Shared;
use super::extract::{Asked, Named, Told, bad_query};
use crate::control::Control;
use crate::problem::Problem;
use crate::scaling::{
    Activity, Alarm, AlarmTransition, DesiredRequest, Order, ProcessesRequest, ScalingGroup, TerminateRequest,
};

type Answer<T> = Result<Json<T>, Box<Problem>>;

/// Lines of a history that are shown when nothing is said, and at most.
const USUAL_LINES: usize = 100;
const MOST_LINES: usize = 1000;

pub(super) fn routes() -> Router<Arc<dyn Control>> {
    Router::new()
        .route("/v1/scaling-groups", get(list))
        .route("/v1/scaling-groups/{name}", get(show))
        .route("/v1/scaling-groups/{name}/activities", get(activities))
        .route("/v1/scaling-groups/{name}/desired", post(desired))
        .route("/v1/scaling-groups/{name}/refresh", post(refresh))
        .route("/v1/scaling-groups/{name}/refresh/cancel", post(cancel_refresh))
        .route("/v1/scaling-groups/{name}/refresh/roll-back", post(roll_back))
        .route("/v1/scaling-groups/{name}/suspend", post(suspend))
        .route("/v1/scaling-groups/{name}/resume", post(resume))
        .route("/v1/scaling-groups/{name}/instances/{id}/protect", post(protect))
        .route("/v1/scaling-groups/{name}/instances/{id}/unprotect", post(unprotect))
        .route("/v1/scaling-groups/{name}/instances/{id}/terminate", post(terminate))
        .route("/v1/alarms", get(alarms))
        .route("/v1/alarms/{name}/history", get(alarm_history))
}

/// How much of a history is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    limit: Option<usize>,
}

impl Lines {
    fn limit(&self) -> Result<usize, Box<Problem>> {
        match self.limit.unwrap_or(USUAL_LINES) {
            limit @ 1..=MOST_LINES => Ok(limit),
            limit => Err(bad_query(format!("`limit` is 1 to {MOST_LINES}, not {limit}"))),
        }
    }
}

/// A body that says nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn list(State(control): Shared) -> Json<Vec<ScalingGroup>> {
    Json(control.scaling_groups())
}

async fn show(State(control): Shared, Named(name): Named<String>) -> Answer<ScalingGroup> {
    Ok(Json(control.scaling_group(&name)?))
}

async fn activities(
    State(control): Shared,
    Named(name): Named<String>,
    Asked(lines): Asked<Lines>,
) -> Answer<Vec<Activity>> {
    Ok(Json(control.activities(name, lines.limit()?).await?))
}

async fn alarms(State(control): Shared) -> Json<Vec<Alarm>> {
    Json(control.alarms())
}

async fn alarm_history(
    State(control): Shared,
    Named(name): Named<String>,
    Asked(lines): Asked<Lines>,
) -> Answer<Vec<AlarmTransition>> {
    Ok(Json(control.alarm_history(name, lines.limit()?).await?))
}

async fn desired(
    State(control): Shared,
    Named(name): Named<String>,
    Told(DesiredRequest { desired, honor_cooldown }): Told<DesiredRequest>,
) -> Answer<ScalingGroup> {
    follow(control, name, Order::SetDesired { desired, honor_cooldown }).await
}

async fn refresh(State(control): Shared, Named(name): Named<String>, _: Told<Nothing>) -> Answer<ScalingGroup> {
    follow(control, name, Order::Refresh).await
}

async fn cancel_refresh(State(control): Shared, Named(name): Named<String>, _: Told<Nothing>) -> Answer<ScalingGroup> {
    follow(control, name, Order::CancelRefresh).await
}

async fn roll_back(State(control): Shared, Named(name): Named<String>, _: Told<Nothing>) -> Answer<ScalingGroup> {
    follow(control, name, Order::RollBack).await
}

async fn suspend(
    State(control): Shared,
    Named(name): Named<String>,
    Told(request): Told<ProcessesRequest>,
) -> Answer<ScalingGroup> {
    follow(control, name, Order::Suspend(request.processes)).await
}

async fn resume(
    State(control): Shared,
    Named(name): Named<String>,
    Told(request): Told<ProcessesRequest>,
) -> Answer<ScalingGroup> {
    follow(control, name, Order::Resume(request.processes)).await
}

async fn protect(
    State(control): Shared,
    Named((name, instance)): Named<(String, String)>,
    _: Told<Nothing>,
) -> Answer<ScalingGroup> {
    follow(control, name, Order::Protect { instance, protected: true }).await
}

async fn unprotect(
    State(control): Shared,
    Named((name, instance)): Named<(String, String)>,
    _: Told<Nothing>,
) -> Answer<ScalingGroup> {
    follow(control, name, Order::Protect { instance, protected: false }).await
}

async fn terminate(
    State(control): Shared,
    Named((name, instance)): Named<(String, String)>,
    Told(TerminateRequest { shrink }): Told<TerminateRequest>,
) -> Answer<ScalingGroup> {
    follow(control, name, Order::Terminate { instance, shrink }).await
}

async fn follow(control: Arc<dyn Control>, group: String, order: Order) -> Answer<ScalingGroup> {
    // A task of its own: a caller that goes away must not cut an order in half.
    let done = tokio::spawn(async move { control.order(group, order).await }).await;
    let done = done.map_err(|_| {
        let detail = "the order ended abnormally; the log says more";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error", detail)
    })?;
    Ok(Json(done?))
}
