//! A scaling group, as configured.

mod problems;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use equipoise_target::{GroupName, HookName, PolicyName};
use serde::{Deserialize, Serialize};

use crate::{LaunchTemplate, Policy};

/// A scaling group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScalingGroup {
    /// The target group that instances join when they are first healthy.
    pub target_group: GroupName,
    /// The fewest instances: 0 to 1000, default 1.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub min: u32,
    /// The most instances: `min` to 1000.
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub max: u32,
    /// How many there are at first, `min` to `max`; `min` when not set. Policies and orders change it from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub desired: Option<u32>,
    /// What instances are started from.
    pub launch_template: LaunchTemplate,
    /// Whose word counts on whether an instance is healthy: `target-group` (the default) or `process`.
    #[serde(default)]
    pub health: HealthSource,
    /// Who goes first when the group shrinks.
    #[serde(default)]
    pub termination: Termination,
    /// Whether new instances are protected from scaling in. Default: false.
    #[serde(default)]
    pub protect_from_scale_in: bool,
    /// How long simple policies rest after a change: "0s" to "1day", default "300s".
    #[serde(default = "five_minutes", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub default_cooldown: Duration,
    /// How long a new instance in service does not count in metrics: "0s" to "1day", default "0s".
    #[serde(default, with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub warm_up: Duration,
    /// How a new launch template replaces what runs.
    #[serde(default)]
    pub refresh: Refresh,
    /// Instances that wait, started and healthy, outside of the target group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_pool: Option<WarmPool>,
    /// What runs when an instance is launched or terminated, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hook: BTreeMap<HookName, Hook>,
    /// When the capacity changes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<PolicyName, Policy>,
    /// What the group does not do for now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspend: Vec<Process>,
    /// Metrics that are read from each instance's Prometheus page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape: Option<Scrape>,
    /// Whether instances go on when the program ends, to be adopted by the next one. Default: false. They always do when
    /// it is upgraded in place or killed.
    #[serde(default)]
    pub keep_at_exit: bool,
}

/// Whose word counts on whether an instance is healthy. Default: `target-group`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HealthSource {
    /// The target group's health checks, and that it runs. An unhealthy instance is replaced; the last target stays until
    /// another one serves.
    #[default]
    TargetGroup,
    /// That it runs.
    Process,
}

/// Who goes first when a group shrinks. Default: `oldest-template`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Termination {
    /// Whose launch template is the oldest; of those the oldest.
    #[default]
    OldestTemplate,
    /// Who was launched first.
    Oldest,
    /// Who was launched last.
    Newest,
    /// Who has the fewest requests under way.
    LeastConnections,
}

/// How a new launch template replaces what runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Refresh {
    /// How many percent of the desired capacity stay in service meanwhile, rounded up: 0 to 100, default 100. Where that is
    /// all of them, one more instance is launched than `desired` says, even when that is more than `max`.
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub min_healthy: u8,
    /// Shares of the instances, in percent, after which the refresh pauses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<u8>,
    /// How long it pauses: "0s" to "1day", default "10min".
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub checkpoint_wait: Duration,
    /// How many instances of the new template may fail before it is given up and the old template is returned to: 1 to 100, default 2.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub max_failures: u32,
    /// Whether instances of the old template come back then. Default: true.
    pub roll_back: bool,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            min_healthy: 100,
            checkpoints: Vec::new(),
            checkpoint_wait: Duration::from_secs(600),
            max_failures: 2,
            roll_back: true,
        }
    }
}

/// Instances in reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmPool {
    /// How many: 1 to 1000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub size: u32,
    /// Whether scaling in returns instances to the pool instead of stopping them. Default: false.
    #[serde(default)]
    pub reuse: bool,
}

/// What runs when an instance is launched or terminated; the instance waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hook {
    /// When.
    pub on: HookMoment,
    /// A program with its arguments; what it is about is in `EQUIPOISE_INSTANCE`, `EQUIPOISE_GROUP`, `EQUIPOISE_ADDRESS` and
    /// `EQUIPOISE_HOOK`. It agrees by exit code 0. Exactly one of `command` and `webhook` is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<PathBuf>,
    /// A URL (`http://` or `https://`) to which a JSON object is posted. It agrees by a status of 200 to 299.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// How long it may take: "1s" to "1h", default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub timeout: Duration,
    /// Whether a launch is given up when it fails or takes too long. Default: false. A termination never is.
    #[serde(default)]
    pub abandon: bool,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HookMoment {
    /// After the instance runs, before it may join.
    Launching,
    /// After it took its last request, before it is stopped.
    Terminating,
}

/// Something that a group does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    /// Starting instances.
    Launch,
    /// Stopping instances.
    Terminate,
    /// Replacing unhealthy instances.
    ReplaceUnhealthy,
    /// Following alarms and target tracking.
    AlarmNotification,
    /// Following schedules and forecasts.
    ScheduledActions,
    /// Letting instances join the target group.
    AddToTargetGroup,
    /// Replacing instances of an old launch template.
    InstanceRefresh,
}

/// Metrics that are read from each instance's Prometheus page, as `custom.NAME`. A counter (a name that ends in `_total`)
/// is read as its growth in a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scrape {
    /// The page's path. Default: `/metrics`.
    #[serde(default = "metrics_page")]
    pub path: String,
    /// Its port; the instance's own when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub port: Option<u16>,
    /// Which of its metrics: at most 32. Series of one name are added up.
    pub metrics: Vec<String>,
    /// How often: "1s" to "1h", default "10s".
    #[serde(default = "ten_seconds", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub interval: Duration,
}

fn one() -> u32 {
    1
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn metrics_page() -> String {
    "/metrics".to_owned()
}
