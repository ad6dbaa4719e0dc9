//! How a target group is kept from harm, as written.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a target group takes at a time, over all workers. What is above it waits in line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GroupLimits {
    /// Requests under way to one target: 1 to 1000000. Default no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_target: Option<u32>,
    /// Requests under way to all targets of the group: 1 to 1000000. Default no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: Option<u32>,
    /// Who waits while every place is taken.
    pub queue: Queue,
}

/// Who waits while every place at a group's targets is taken. The first who came is the first served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Queue {
    /// How many may wait; more are answered with 503: 0 to 100000, default 100.
    #[schemars(range(max = 100_000))]
    pub length: usize,
    /// How long one waits, before it is answered with 503: "1ms" to "10m", default "1s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub wait: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self { length: 100, wait: Duration::from_secs(1) }
    }
}

/// When a target is left alone for a while because its requests fail: no connection, no answer, or a status of 500 and
/// above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CircuitBreaker {
    /// Failures in a row that open a target's circuit: 0 (a row alone does not) to 10000, default 5.
    #[schemars(range(max = 10_000))]
    pub consecutive_failures: u32,
    /// Percent of failures within `window` that open it: 0 (a share does not) to 100, default 50.
    #[schemars(range(max = 100))]
    pub failure_percent: u8,
    /// What the share is taken of: "100ms" to "1h", default "10s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub window: Duration,
    /// Requests within `window` below which the share says nothing: 1 to 100000, default 20.
    #[schemars(range(min = 1, max = 100_000))]
    pub min_requests: u32,
    /// How long a circuit stays open, and up to a quarter more at random; twice as long each time that it opens again
    /// before it closed: "10ms" to "1h", default "5s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub open_time: Duration,
    /// Longest that it grows to: "10ms" to "24h", default "1m".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_open_time: Duration,
    /// Requests that are let through at a time after that, and that must all pass to close it: 1 to 1000, default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub probes: u16,
    /// Percent of the available targets above which open circuits are not believed, unless `fail-open` is false: 0 to 100,
    /// default 50.
    #[schemars(range(max = 100))]
    pub max_open_percent: u8,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_percent: 50,
            window: Duration::from_secs(10),
            min_requests: 20,
            open_time: Duration::from_secs(5),
            max_open_time: Duration::from_secs(60),
            probes: 1,
            max_open_percent: 50,
        }
    }
}

/// When a request that is not answered goes to another target too, if it is idempotent and has no body. The first answer
/// wins; the retry budget pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Hedge {
    /// How long to wait for the response's head before another attempt begins: "1ms" to "1m", default "50ms". A little
    /// more than what all but the slowest twentieth of the requests take is a good value.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub after: Duration,
    /// Attempts beside the first: 1 to 5, default 1.
    #[schemars(range(min = 1, max = 5))]
    pub attempts: u8,
}

impl Default for Hedge {
    fn default() -> Self {
        Self { after: Duration::from_millis(50), attempts: 1 }
    }
}
