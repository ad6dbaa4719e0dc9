//! The policies of one group, asked together.

use std::time::Duration;

use equipoise_target::{PolicyName, ScalingGroupName};
use serde::{Deserialize, Serialize};

use crate::{AlarmBook, Bounds, Moment, Readings, ScalingGroup};

/// What a policy wants. The caller holds `desired` between the bounds; of several wishes the largest wins.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Whose wish it is.
    pub policy: PolicyName,
    /// How many instances; `None` when only the bounds change.
    pub desired: Option<u32>,
    /// Bounds to keep from now on, whoever wins.
    pub bounds: Option<Bounds>,
    /// How long simple policies rest if the capacity changes by this wish.
    pub cooldown: Option<Duration>,
    /// Why, as the beginning of a sentence that goes on with "changing the desired capacity from 1 to 2": "a monitor alarm
    /// `cpu-high` in state ALARM triggered policy `out`".
    pub cause: String,
}

/// What policies must know of their group.
#[derive(Debug, Clone, Copy)]
pub struct GroupFacts<'a> {
    /// Its name.
    pub name: &'a ScalingGroupName,
    /// The desired capacity.
    pub desired: u32,
    /// The present bounds.
    pub bounds: Bounds,
    /// Since when each instance in service has been that. Those that are pending or warming are not in it.
    pub in_service_since: &'a [Moment],
    /// How many are draining or stopping, and will not be replaced.
    pub leaving: u32,
    /// When simple policies may change the group again.
    pub cooldown_until: Option<Moment>,
    /// How long instances took lately from launch to service.
    pub boot_time: Option<Duration>,
    /// Whether alarms and target tracking are followed (not suspended).
    pub follow_alarms: bool,
    /// Whether schedules and forecasts are followed (not suspended).
    pub follow_schedules: bool,
}

/// What is kept of a group's policies over restarts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyMemory {
    /// The desired capacity when the policies were last asked.
    pub desired: Option<u32>,
    /// When it last grew.
    pub grown: Option<Moment>,
    /// When it last shrank.
    pub shrunk: Option<Moment>,
}

/// The policies of one group.
#[derive(Debug, Default)]
pub struct PolicyBook {
    memory: PolicyMemory,
}

impl PolicyBook {
    /// No policies yet, with what an earlier program remembered.
    #[must_use]
    pub fn new(memory: PolicyMemory) -> Self {
        Self { memory }
    }

    /// From now on, these are the group's policies. Schedules begin to count at `now`: what fell due before is not made up.
    pub fn configure(&mut self, group: &ScalingGroup, now: Moment) {
        let _ = (group, now);
    }

    /// What the policies want at `now`, after [`AlarmBook::evaluate`]. Not more often than wanted: a wish is made once, and
    /// made again when there is a new reason.
    pub fn wishes(
        &mut self,
        facts: &GroupFacts<'_>,
        alarms: &AlarmBook,
        readings: &dyn Readings,
        now: Moment,
    ) -> Vec<Wish> {
        let _ = (facts, alarms, readings, now);
        Vec::new()
    }

    /// What to keep over a restart.
    #[must_use]
    pub fn memory(&self) -> &PolicyMemory {
        &self.memory
    }

    /// What the predictive policies expect, for status.
    #[must_use]
    pub fn forecasts(&self) -> Vec<Forecast> {
        Vec::new()
    }
}

/// What a predictive policy expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The policy.
    pub policy: PolicyName,
    /// Whether nothing follows from it.
    pub only: bool,
    /// When it was made.
    pub made: Moment,
    /// How many earlier seasons it was made of; nothing is expected while it is 0.
    pub seasons: u32,
    /// What is expected from now on, one step after the other.
    pub points: Vec<ForecastPoint>,
}

/// What is expected of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecastPoint {
    /// When the step begins.
    pub at: Moment,
    /// The metric of the whole group; `None` where no season has data.
    pub value: Option<f64>,
    /// The instances that it needs.
    pub capacity: Option<u32>,
}
