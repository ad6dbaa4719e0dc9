//! Mirrors of the running program, made to be read: by `equipoise status`, by scripts, by a console.
//!
//! Field names are the JSON API (snake case, so that `jq` needs no quotes); durations are seconds, times RFC 3339. Fields
//! are only ever added; a reader ignores those that it does not know and takes a default for those that it misses.

use std::time::Duration;

use serde::{Deserialize, Serialize};

mod reload;
pub(crate) mod seconds;

pub use reload::{Drain, DrainRequest, Reload, ReloadResult};

/// Where the program is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The first generation does not serve yet.
    #[default]
    Starting,
    /// New requests are welcome.
    Ready,
    /// Listeners are closed; the requests under way are being finished.
    Draining,
}

/// The whole program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Time since the start.
    #[serde(with = "seconds")]
    pub uptime: Duration,
    /// Number of the configuration generation that serves; the first is 1.
    pub generation: u64,
    /// The latest reload, whatever its result; `None` before the first.
    pub last_reload: Option<Reload>,
    /// Where requests come in.
    pub listeners: Vec<Listener>,
    /// Where requests go.
    pub target_groups: Vec<TargetGroup>,
    /// WebAssembly components.
    pub plugins: Vec<Plugin>,
    /// What is scaled, in short; `GET /v1/scaling-groups` says more.
    pub scaling_groups: Vec<crate::scaling::Summary>,
}

/// One listener.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// Name in the configuration.
    pub name: String,
    /// Address that it really listens on (the port is known even if 0 was asked for).
    pub bind: String,
    /// Connections that are open now.
    pub connections: u64,
    /// Requests taken since the start.
    pub requests: u64,
}

/// One target group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetGroup {
    /// Name in the configuration.
    pub name: String,
    /// Algorithm that balances it, for example `round-robin`.
    pub algorithm: String,
    /// Whether nobody is healthy and requests go to everybody all the same.
    pub failed_open: bool,
    /// Set while the correlated-failure guard holds the last good state: why it does.
    pub guard_held: Option<String>,
    /// Members, in configuration order; those that are draining away stand last.
    pub targets: Vec<Target>,
}

/// One target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// Where requests are sent.
    pub address: String,
    /// Configured weight.
    pub weight: u32,
    /// What the health checks say.
    pub health: Health,
    /// Why, in one line: the latest failure, or empty.
    pub reason: String,
    /// Whether it is being deregistered: no new request, the running ones finish.
    pub draining: bool,
    /// Requests under way.
    pub in_flight: u32,
    /// Attempts answered or failed since the record exists.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Moving average of the time to the response head; `None` before the first answer.
    #[serde(with = "seconds::optional")]
    pub latency: Option<Duration>,
}

/// What the health checks say of a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// No health check is configured, or none has answered yet.
    #[default]
    Unknown,
    /// Takes its full share.
    Healthy,
    /// Takes a reduced share.
    Degraded,
    /// Takes no request, unless its group failed open.
    Unhealthy,
}

/// One plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plugin {
    /// Name in the configuration.
    pub name: String,
    /// What it is: `router`, `balancer`, `health-check`.
    pub world: String,
    /// SHA-256 (or another named digest) of the component that serves, in hexadecimal.
    pub digest: String,
    /// Calls since the component was loaded.
    pub calls: u64,
    /// Calls that ended in a trap, a time-out or a refused answer.
    pub failures: u64,
    /// Whether it failed so often that its fallback answers for a while without asking it.
    pub resting: bool,
}
