//! One adjustment, then a rest.

use std::time::Duration;

use equipoise_target::{AlarmName, PolicyName};
use serde::{Deserialize, Serialize};

use super::asked::{Asked, Seen, triggered};
use crate::{Adjustment, AdjustmentKind, Wish};

/// Settings of a simple policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Simple {
    /// The alarm that triggers it.
    pub alarm: AlarmName,
    /// How `by` is meant: `change-in-capacity`, `exact-capacity`, `percent-change-in-capacity`.
    pub adjustment: AdjustmentKind,
    /// The number, negative to scale in.
    pub by: i32,
    /// The fewest instances that a change in percent is worth.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub at_least: u32,
    /// How long no simple policy changes the group afterwards: "0s" to "1day"; the group's `default-cooldown` when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub cooldown: Option<Duration>,
}

impl Simple {
    /// What it wants: one adjustment each time that its alarm has looked and is in state ALARM. A cooldown puts that off to
    /// its end, if the alarm is still in state ALARM then.
    pub(super) fn wish(&self, name: &PolicyName, seen: &mut Seen, asked: &Asked<'_>) -> Option<Wish> {
        let resting = asked.facts.cooldown_until.is_some_and(|until| asked.now < until);
        let watch = asked.alarms.watch(&self.alarm)?;
        if !asked.facts.follow_alarms || resting || !seen.first_time(watch.alarming()) {
            return None;
        }
        let adjustment = Adjustment { kind: self.adjustment, by: self.by, at_least: self.at_least };
        Some(Wish {
            policy: name.clone(),
            desired: Some(adjustment.apply(asked.facts.desired)),
            bounds: None,
            cooldown: Some(self.cooldown.unwrap_or(asked.default_cooldown)),
            cause: triggered(&self.alarm, name),
        })
    }
}
