//! Mirrors of scaling groups, their alarms, history and metrics, and the orders that change them.
//!
//! Made to be read, as [`crate::status`] is: snake case, durations in seconds, times in RFC 3339, fields are only ever added.
//! Names that can grow in number (metrics, statistics, processes, kinds of policies) are texts here, spelled as in the
//! configuration, so that an older reader is not stopped by a new one.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::status::Health;

mod activity;
mod alarm;
mod forecast;
mod metric;
mod order;

pub use activity::{Activity, ActivityStatus};
pub use alarm::{Alarm, AlarmState, AlarmTransition};
pub use forecast::{Forecast, ForecastPoint};
pub use metric::{Datum, MetricPoint, MetricQuery, MetricSeries, Subject, SubjectError, Taken};
pub use order::{DesiredRequest, Order, ProcessesRequest, ScalingError, TerminateRequest};

/// One scaling group with its instances.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScalingGroup {
    /// Name in the configuration.
    pub name: String,
    /// The target group that its instances join.
    pub target_group: String,
    /// Who starts and stops instances: `process`, `docker`, `command`.
    pub provider: String,
    /// The fewest instances, as they count now: a schedule may have set them.
    pub min: u32,
    /// The most instances, as they count now.
    pub max: u32,
    /// How many are wanted.
    pub desired: u32,
    /// How many take requests.
    pub in_service: u32,
    /// Version of the launch template that new instances are started from.
    pub template: u32,
    /// Until when simple policies rest; `None` when they do not.
    #[serde(with = "humantime_serde")]
    pub cooldown_until: Option<SystemTime>,
    /// What the group does not do for now, by configuration or order, such as `alarm-notification`.
    pub suspended: Vec<String>,
    /// The instance refresh that is under way.
    pub refresh: Option<Refresh>,
    /// Set while launches wait because the last ones failed.
    pub back_off: Option<BackOff>,
    /// Instances in reserve, where there is a warm pool.
    pub warm_pool: Option<WarmPool>,
    /// Every instance, the oldest first.
    pub instances: Vec<Instance>,
    /// When the capacity changes, by name.
    pub policies: Vec<Policy>,
    /// What predictive policies expect.
    pub forecasts: Vec<Forecast>,
}

/// A scaling group in one line, for the status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Name in the configuration.
    pub name: String,
    /// The target group that its instances join.
    pub target_group: String,
    /// The fewest instances.
    pub min: u32,
    /// The most instances.
    pub max: u32,
    /// How many are wanted.
    pub desired: u32,
    /// How many take requests.
    pub in_service: u32,
    /// What an operator should know, in one line: a refresh, a back-off, what is suspended. Mostly empty.
    pub note: String,
}

/// A launch template that takes the place of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refresh {
    /// Version of the launch template that instances come to have.
    pub template: u32,
    /// What it is at: `in-progress`, `checkpoint`, `rolling-back`.
    pub state: String,
    /// Instances that have it and take requests.
    #[serde(default)]
    pub replaced: u32,
    /// Of how many.
    #[serde(default)]
    pub of: u32,
    /// Instances of it that failed.
    #[serde(default)]
    pub failures: u32,
    /// How many may fail before it is given up.
    #[serde(default)]
    pub max_failures: u32,
    /// When it began.
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
    /// When it goes on, at a checkpoint.
    #[serde(default, with = "humantime_serde")]
    pub until: Option<SystemTime>,
}

/// A rest after failed launches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    /// When the next launch is tried.
    #[serde(with = "humantime_serde")]
    pub until: SystemTime,
    /// Launches in a row that failed.
    #[serde(default)]
    pub failures: u32,
    /// Why the last one did.
    #[serde(default)]
    pub reason: String,
}

/// Instances in reserve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WarmPool {
    /// How many there should be.
    pub size: u32,
    /// How many wait, started and healthy.
    pub ready: u32,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name, `i-` and 16 hexadecimal digits.
    pub id: String,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Since when.
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
    /// When it was asked for.
    #[serde(with = "humantime_serde")]
    pub launched: SystemTime,
    /// Version of the launch template that it was started from.
    #[serde(default)]
    pub template: u32,
    /// Where it answers, once it runs.
    #[serde(default)]
    pub address: Option<String>,
    /// Whether scaling in leaves it alone.
    #[serde(default)]
    pub protected: bool,
    /// What its health checks say.
    #[serde(default)]
    pub health: Health,
    /// Why, in one line: the latest failure, or empty.
    #[serde(default)]
    pub reason: String,
    /// Requests under way at it.
    #[serde(default)]
    pub in_flight: u32,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// It is being started.
    Pending,
    /// It runs and has not passed a check yet.
    Warming,
    /// It waits in the warm pool.
    Pooled,
    /// It takes requests.
    InService,
    /// It finishes the requests that it has.
    Draining,
    /// It is being stopped.
    Stopping,
}

impl Lifecycle {
    /// As it stands in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Warming => "warming",
            Self::Pooled => "pooled",
            Self::InService => "in-service",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
        }
    }
}

/// One scaling policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Name in the configuration.
    pub name: String,
    /// Which kind, such as `target-tracking`.
    pub kind: String,
    /// The alarms that trigger it, those that it made itself among them.
    pub alarms: Vec<String>,
    /// What it does, in one line.
    pub description: String,
}

impl From<&ScalingGroup> for Summary {
    fn from(group: &ScalingGroup) -> Self {
        let refresh = group.refresh.as_ref().map(|refresh| {
            let Refresh { state, replaced, of, .. } = refresh;
            format!("refresh {state}, {replaced} of {of} replaced")
        });
        let back_off = group.back_off.as_ref().map(|back_off| {
            let BackOff { failures, reason, .. } = back_off;
            format!("{failures} launches failed, waiting: {}", reason.lines().next().unwrap_or_default())
        });
        let suspended = Some(&group.suspended).filter(|suspended| !suspended.is_empty());
        let suspended = suspended.map(|suspended| format!("suspended: {}", suspended.join(", ")));
        let notes: Vec<_> = [back_off, refresh, suspended].into_iter().flatten().collect();
        Self {
            name: group.name.clone(),
            target_group: group.target_group.clone(),
            min: group.min,
            max: group.max,
            desired: group.desired,
            in_service: group.in_service,
            note: notes.join("; "),
        }
    }
}
