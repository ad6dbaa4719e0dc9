//! When the guard steps in.

use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Percent, Terms};

/// When a check is doubted instead of the targets that fail it. All targets failing together while their live traffic
/// succeeds says more about the check than about the targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GuardSettings {
    /// Whether checks are ever doubted, default true.
    pub enabled: bool,
    /// A check is doubted when more than this share of the targets that were good fail it together, and at least two:
    /// 1 to 100 percent, default 50.
    pub failing_share: Percent,
    /// "Together" means that they began to fail within this time of one another; default twice the check's interval
    /// plus its time-out, since within that time every target is looked at once.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub window: Option<Duration>,
    /// Share of a target's live requests since it began to fail that must succeed to speak for the target: 1 to 100
    /// percent, default 90.
    pub success_share: Percent,
    /// Live requests to a target below which its traffic says nothing: 1 to 50, default 5.
    pub min_requests: NonZeroU8,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            failing_share: Percent::literal::<50>(),
            window: None,
            success_share: Percent::literal::<90>(),
            min_requests: const { NonZeroU8::new(5).unwrap() },
        }
    }
}

impl GuardSettings {
    /// Within what time targets under a check of these terms fall together.
    #[must_use]
    pub fn window(&self, terms: &Terms) -> Duration {
        self.window.unwrap_or(terms.interval * 2 + terms.timeout)
    }
}
