//! What is expected of the load.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// What a predictive policy expects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The policy.
    pub policy: String,
    /// Whether it is only shown, and nothing follows from it.
    #[serde(default)]
    pub forecast_only: bool,
    /// When it was made.
    #[serde(with = "humantime_serde")]
    pub made: SystemTime,
    /// How many earlier seasons it was made of; nothing is expected while it is 0.
    #[serde(default)]
    pub seasons: u32,
    /// What is expected, step by step from then on.
    #[serde(default)]
    pub points: Vec<ForecastPoint>,
}

/// What is expected of one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ForecastPoint {
    /// When it begins.
    #[serde(with = "humantime_serde")]
    pub at: SystemTime,
    /// The metric of the whole group; `None` where no season has samples.
    #[serde(default)]
    pub value: Option<f64>,
    /// The instances that it needs.
    #[serde(default)]
    pub capacity: Option<u32>,
}
