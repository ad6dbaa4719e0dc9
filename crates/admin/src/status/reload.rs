//! The answers of the two calls that change something.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::seconds;

/// A reload that came to an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reload {
    /// When it ended, by the wall clock: for people, nothing is decided by it.
    #[serde(with = "humantime_serde")]
    pub at: SystemTime,
    /// The generation that serves after it.
    pub generation: u64,
    /// How it ended.
    pub result: ReloadResult,
    /// One line for people: what asked for it and what came of it.
    #[serde(default)]
    pub message: String,
    /// What differs from the generation before, one line each.
    #[serde(default)]
    pub changes: Vec<String>,
    /// How long it took.
    #[serde(default, with = "seconds")]
    pub took: Duration,
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadResult {
    /// A new generation serves.
    Applied,
    /// The content was the same; the generation stayed.
    Unchanged,
    /// The old generation serves on; the message says why.
    Refused,
}

/// How to drain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DrainRequest {
    /// Longest wait for requests under way, as `"30s"`; the configured one when absent.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

/// A drain that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drain {
    /// Requests that were under way when it was asked.
    pub in_flight: u64,
    /// Longest wait for them from now.
    #[serde(with = "seconds")]
    pub deadline: Duration,
}
