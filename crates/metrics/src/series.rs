//! Numbers over time: fixed-step rings from which averages, sums and percentiles of a period are read.
//!
//! A [`Store`] keeps a series for each key. A series is three rings: steps of 1 s for 15 minutes, of 1 min for 24 hours, of
//! 5 min for 14 days. Each sample goes to all of them at once, so that no reading depends on which ring answers it: number,
//! sum, minimum and maximum of a step are exact, and percentiles are within 2 percent of the sample at that rank
//! ([`RELATIVE_ERROR`]).
//!
//! Rings grow as samples come in: a series of an instance that lived for a minute costs a minute. A step of equal
//! samples takes 16 bytes; any other takes 64 and two to four for each 4 percent of difference among its samples. What that comes
//! to is shown by `examples/series_cost.rs`.
//!
//! Nothing here has a clock. Samples come with their time in whole seconds since the epoch, and readers say what time it is.
//!
//! ```
//! use equipoise_metrics::series::{Limits, Statistic, Store};
//!
//! let store = Store::new(Limits::default());
//! for second in 0..120 {
//!     store.record("web", second, if second < 60 { 10.0 } else { 30.0 })?;
//! }
//! // The last two whole minutes before the second 125, the oldest first.
//! assert_eq!(store.points(&"web", Statistic::Average, 60, 2, 125), [Some(10.0), Some(30.0)]);
//! # Ok::<(), equipoise_metrics::series::Refused>(())
//! ```

mod digest;
mod distribution;
mod export;
mod line;
mod ring;
mod spread;
mod store;

use serde::{Deserialize, Serialize};

pub use distribution::Distribution;
pub use export::ImportError;
pub use line::LATE;
pub use spread::RELATIVE_ERROR;
pub use store::{Limits, Refused, Store, Tally};

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

impl Statistic {
    /// Which share of the samples lies below, for a percentile.
    pub(crate) fn percent(self) -> Option<u64> {
        match self {
            Self::P50 => Some(50),
            Self::P90 => Some(90),
            Self::P95 => Some(95),
            Self::P99 => Some(99),
            Self::Average | Self::Sum | Self::Minimum | Self::Maximum | Self::SampleCount => None,
        }
    }
}

#[cfg(test)]
mod tests;
