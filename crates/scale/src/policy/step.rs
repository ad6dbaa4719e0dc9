//! The further beyond the threshold, the larger the step.

use std::time::Duration;

use equipoise_target::{AlarmName, PolicyName};
use serde::{Deserialize, Serialize};

use super::asked::{Asked, Seen, triggered};
use crate::{Adjustment, AdjustmentKind, Moment, Wish};

/// Settings of a step policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// The alarm that triggers it.
    pub alarm: AlarmName,
    /// How the steps' `by` is meant: `change-in-capacity`, `exact-capacity`, `percent-change-in-capacity`.
    pub adjustment: AdjustmentKind,
    /// The fewest instances that a change in percent is worth.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub at_least: u32,
    /// What is done how far beyond the threshold. The ranges do not overlap and leave no gap.
    pub steps: Vec<StepRange>,
    /// How long a new instance counts as on its way: "0s" to "1day"; the group's `warm-up` when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub warm_up: Option<Duration>,
}

/// One step. Its bounds are distances from the alarm's threshold: for an alarm at 50, `from = 10` begins at 60.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepRange {
    /// Where it begins; at minus infinity when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Where it ends; at infinity when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// The number, negative to scale in.
    pub by: i32,
}

impl StepRange {
    /// Whether a breach falls into it. Upward of the threshold a range has its beginning and not its end, downward its
    /// end and not its beginning.
    fn holds(&self, breach: f64) -> bool {
        let (from, to) = (self.from.unwrap_or(f64::NEG_INFINITY), self.to.unwrap_or(f64::INFINITY));
        if breach < 0.0 || (breach == 0.0 && to <= 0.0) {
            from < breach && breach <= to
        } else {
            from <= breach && breach < to
        }
    }
}

impl Step {
    /// What it wants, once for each time that its alarm has looked and is in state ALARM.
    pub(super) fn wish(&self, name: &PolicyName, seen: &mut Seen, asked: &Asked<'_>) -> Option<Wish> {
        let watch = asked.alarms.watch(&self.alarm)?;
        if !asked.facts.follow_alarms || !seen.first_time(watch.alarming()) {
            return None;
        }
        // When everything is missing and counts as breaching, nobody knows how far: just beyond the threshold.
        let breach = watch.breach().unwrap_or(0.0);
        let step = self.steps.iter().find(|step| step.holds(breach))?;
        let adjustment = Adjustment { kind: self.adjustment, by: step.by, at_least: self.at_least };
        Some(Wish {
            policy: name.clone(),
            desired: Some(self.desired(adjustment, watch.newest()?.at, asked)?),
            bounds: None,
            cooldown: None,
            cause: triggered(&self.alarm, name),
        })
    }

    /// Out: from what was in service already when the last period began, which is what was measured, so that instances on
    /// their way are not asked for twice. In: only by a period that began after the last change, and from everything that
    /// still runs, so that an instance on its way out is not taken twice.
    fn desired(&self, adjustment: Adjustment, period: Moment, asked: &Asked<'_>) -> Option<u32> {
        let (facts, settled) = (asked.facts, asked.settled(self.warm_up, period));
        if adjustment.apply(facts.desired) >= facts.desired {
            return Some(adjustment.apply(settled).max(facts.desired));
        }
        let fresh = settled >= facts.desired && asked.changed().is_none_or(|changed| changed <= period);
        fresh.then(|| adjustment.apply(facts.desired.saturating_add(facts.leaving)).min(facts.desired))
    }
}
