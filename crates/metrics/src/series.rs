//! Numbers over time: fixed-step rings from which averages, sums and percentiles of a period are read.

use serde::{Deserialize, Serialize};

/// What is made of the samples of a period. Default: `average`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Their sum by their number.
    #[default]
    Average,
    /// Their sum.
    Sum,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// Their number.
    SampleCount,
    /// What half of them stay below.
    P50,
    /// What nine of ten stay below.
    P90,
    /// What 95 of 100 stay below.
    P95,
    /// What 99 of 100 stay below.
    P99,
}
