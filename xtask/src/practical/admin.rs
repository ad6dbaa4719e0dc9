//! What the admin address says of the group.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::http::Line;
use super::scenario::GROUP;

/// Asks one admin address.
#[derive(Debug)]
pub(super) struct Admin(Line);

/// One activity.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    pub(super) id: u64,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) status: String,
    pub(super) description: String,
    pub(super) cause: String,
    pub(super) message: String,
}

/// A group as it is at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) desired: u64,
    pub(super) in_service: u64,
    pub(super) instances: u64,
    pub(super) addresses: Vec<String>,
    pub(super) refreshing: bool,
}

impl Admin {
    pub(super) fn new(port: u16) -> Self {
        Self(Line::new(port))
    }

    fn call(&mut self, method: &str, path: &str) -> Result<Value> {
        let answer = self.0.ask(method, path).with_context(|| format!("{method} {path}"))?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        serde_json::from_str(&text).with_context(|| format!("{method} {path} is not answered in JSON"))
    }

    pub(super) fn group(&mut self) -> Result<Group> {
        let group = self.call("GET", &format!("/v1/scaling-groups/{GROUP}"))?;
        let instances = list(&group["instances"]);
        let addresses = instances.iter().filter_map(|instance| instance["address"].as_str().map(str::to_owned));
        Ok(Group {
            desired: group["desired"].as_u64().context("a group has a desired capacity")?,
            in_service: group["in_service"].as_u64().context("a group counts its instances in service")?,
            instances: instances.len() as u64,
            addresses: addresses.collect(),
            refreshing: !group["refresh"].is_null(),
        })
    }

    /// States of alarms by name.
    pub(super) fn alarms(&mut self) -> Result<BTreeMap<String, String>> {
        let alarms = self.call("GET", "/v1/alarms")?;
        Ok(list(&alarms).iter().map(|alarm| (text(alarm, "name"), text(alarm, "state"))).collect())
    }

    /// The group's average use of processors in the latest period that has a number, in percent.
    pub(super) fn processor(&mut self, period: u64) -> Result<Option<f64>> {
        let since = period * 4;
        let path =
            format!("/v1/metrics?subject=scaling-group/{GROUP}&metric=cpu-utilization&period={period}s&since={since}s");
        let series = self.call("GET", &path)?;
        Ok(list(&series["points"]).iter().rev().find_map(|point| point["value"].as_f64()))
    }

    pub(super) fn refresh(&mut self) -> Result<()> {
        self.call("POST", &format!("/v1/scaling-groups/{GROUP}/refresh")).map(drop)
    }

    /// The oldest first.
    pub(super) fn activities(&mut self) -> Result<Vec<Activity>> {
        let activities = self.call("GET", &format!("/v1/scaling-groups/{GROUP}/activities?limit=1000"))?;
        let activity = |activity: &Value| Activity {
            id: activity["id"].as_u64().unwrap_or_default(),
            start: text(activity, "start"),
            end: text(activity, "end"),
            status: text(activity, "status"),
            description: text(activity, "description"),
            cause: text(activity, "cause"),
            message: text(activity, "message"),
        };
        Ok(list(&activities).iter().rev().map(activity).collect())
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a field; empty when there is none.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
