//! The policies of one group, asked together.

use std::time::Duration;

use equipoise_target::{PolicyName, ScalingGroupName};
use serde::{Deserialize, Serialize};

use super::asked::{Asked, Seen};
use super::predictive::Forecaster;
use super::scheduled::Timer;
use super::simple::Simple;
use super::step::Step;
use super::target_tracking::Tracker;
use crate::{AlarmBook, Bounds, Moment, Policy, Readings, ScalingGroup};

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
    followed: Vec<Followed>,
    default_cooldown: Duration,
    warm_up: Duration,
    configured: Option<Bounds>,
}

/// A policy at work, and what it was made of.
#[derive(Debug)]
struct Followed {
    name: PolicyName,
    settings: Policy,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Simple(Simple, Seen),
    Step(Step, Seen),
    TargetTracking(Tracker),
    Scheduled(Box<Timer>),
    Predictive(Forecaster),
    /// A door: nobody asks a plugin yet.
    Plugin,
}

impl Work {
    fn new(settings: &Policy, now: Moment) -> Self {
        match settings.clone() {
            Policy::Simple(settings) => Self::Simple(settings, Seen::default()),
            Policy::Step(settings) => Self::Step(settings, Seen::default()),
            Policy::TargetTracking(settings) => Self::TargetTracking(Tracker::new(settings)),
            Policy::Scheduled(settings) => Self::Scheduled(Box::new(Timer::new(settings, now))),
            Policy::Predictive(settings) => Self::Predictive(Forecaster::new(settings)),
            Policy::Plugin(_) => Self::Plugin,
        }
    }
}

impl PolicyBook {
    /// No policies yet, with what an earlier program remembered.
    #[must_use]
    pub fn new(memory: PolicyMemory) -> Self {
        Self { memory, ..Self::default() }
    }

    /// From now on, these are the group's policies. Those that are as before go on as before. A new schedule begins to count
    /// at `now`: what fell due before is not made up, but for the bounds that it set.
    pub fn configure(&mut self, group: &ScalingGroup, now: Moment) {
        let mut before = std::mem::take(&mut self.followed);
        self.followed.extend(group.policy.iter().map(|(name, settings)| {
            let same = before.iter().position(|policy| policy.name == *name && policy.settings == *settings);
            same.map(|place| before.swap_remove(place)).unwrap_or_else(|| Followed {
                name: name.clone(),
                settings: settings.clone(),
                work: Work::new(settings, now),
            })
        }));
        self.default_cooldown = group.default_cooldown;
        self.warm_up = group.warm_up;
        self.configured = Some(Bounds { min: group.min, max: group.max });
    }

    /// What the policies want at `now`, after [`AlarmBook::evaluate`]. A wish is made once, and made again when there is a new
    /// reason. Each is within the bounds, and changes something: the desired capacity, the bounds or both.
    ///
    /// Two rules between policies are kept here, beside "the largest wins", which is the caller's: no alarm scales in below
    /// what a predictive policy expects, and target tracking scales in only as far as every policy of that kind agrees.
    pub fn wishes(
        &mut self,
        facts: &GroupFacts<'_>,
        alarms: &AlarmBook,
        readings: &dyn Readings,
        now: Moment,
    ) -> Vec<Wish> {
        self.memory.note(facts.desired, now);
        let (default_cooldown, warm_up) = (self.default_cooldown, self.warm_up);
        let asked = Asked { facts, alarms, readings, memory: &self.memory, default_cooldown, warm_up, now };
        let mut wishes = wanted::scheduled(&mut self.followed, self.configured, &asked);
        let bounds = wishes.iter().find_map(|wish| wish.bounds).unwrap_or(facts.bounds);
        let (forecast, floor) = wanted::predicted(&mut self.followed, &asked);
        wishes.extend(forecast);
        wishes.extend(wanted::alarmed(&mut self.followed, floor, &asked));
        for wish in &mut wishes {
            wish.desired = wish.desired.map(|desired| bounds.clamp(desired));
        }
        // One that wants what is there already wants no less: it wins over those that do, and is no wish itself.
        let most = wishes.iter().filter_map(|wish| wish.desired).max();
        for wish in &mut wishes {
            wish.desired = wish.desired.filter(|desired| *desired != facts.desired && most != Some(facts.desired));
        }
        wishes.retain(|wish| wish.desired.is_some() || wish.bounds.is_some());
        wishes
    }

    /// The bounds that schedules have set by now; `None` when none did, and the configured ones hold.
    #[must_use]
    pub fn bounds(&self) -> Option<Bounds> {
        wanted::bounds(&self.followed, self.configured?).map(|(_, bounds)| bounds)
    }

    /// What to keep over a restart.
    #[must_use]
    pub fn memory(&self) -> &PolicyMemory {
        &self.memory
    }

    /// What the predictive policies expect, for status.
    #[must_use]
    pub fn forecasts(&self) -> Vec<Forecast> {
        let forecast = |policy: &Followed| match &policy.work {
            Work::Predictive(forecaster) => forecaster.forecast().cloned(),
            _ => None,
        };
        self.followed.iter().filter_map(forecast).collect()
    }

    /// When the scheduled policies fall due next, for status.
    #[must_use]
    pub fn schedules(&self) -> Vec<(PolicyName, Option<Moment>)> {
        let next = |policy: &Followed| match &policy.work {
            Work::Scheduled(timer) => Some((policy.name.clone(), timer.next())),
            _ => None,
        };
        self.followed.iter().filter_map(next).collect()
    }
}

impl PolicyMemory {
    /// Sees whether the desired capacity changed, whoever changed it.
    fn note(&mut self, desired: u32, now: Moment) {
        match self.desired.replace(desired) {
            Some(before) if before < desired => self.grown = Some(now),
            Some(before) if before > desired => self.shrunk = Some(now),
            Some(_) | None => (),
        }
    }
}

impl Bounds {
    fn clamp(self, desired: u32) -> u32 {
        desired.min(self.max).max(self.min)
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

mod wanted;

#[cfg(test)]
mod tests;
