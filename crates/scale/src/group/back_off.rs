//! How long a group waits after launches that came to nothing.

use serde::{Deserialize, Serialize};

use crate::Moment;

/// How many launches in a row came to nothing, and when the next one may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    /// Launches in a row that failed: that did not start, did not pass in time, or ended soon after.
    pub failures: u32,
    /// When the next launch may be.
    pub until: Option<Moment>,
    /// Why the last one failed.
    pub reason: String,
}
