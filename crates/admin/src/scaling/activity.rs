//! What a scaling group did, and why.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// One activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its number: it only grows, also over restarts.
    pub id: u64,
    /// Whose it is.
    pub group: String,
    /// The instance that it is about, if it is about one.
    #[serde(default)]
    pub instance: Option<String>,
    /// What is done, such as "launching instance i-…".
    pub description: String,
    /// Everything that led to it, as sentences that begin with a time.
    #[serde(default)]
    pub cause: String,
    /// When it began.
    #[serde(with = "humantime_serde")]
    pub start: SystemTime,
    /// When it ended.
    #[serde(default, with = "humantime_serde")]
    pub end: Option<SystemTime>,
    /// How it stands.
    pub status: ActivityStatus,
    /// Why it failed, or what it waits for.
    #[serde(default)]
    pub message: Option<String>,
}

/// How an activity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityStatus {
    /// Under way.
    InProgress,
    /// Done.
    Successful,
    /// It came to nothing; the message says why.
    Failed,
    /// Something else took its place.
    Cancelled,
}

impl ActivityStatus {
    /// As it stands in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
