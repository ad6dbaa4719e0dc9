//! All scaling groups and alarms together: the pure core's door.

mod effect;
mod event;
mod order;
mod turn;

use std::collections::{BTreeMap, BTreeSet};

use equipoise_target::{AlarmName, GroupName, ScalingGroupName};

pub use effect::Effect;
pub use event::Event;
pub use order::{Order, OrderError};
pub(crate) use turn::{Source, Turn};

use crate::group::Group;
use crate::provider::Found;
use crate::{
    Alarm, AlarmBook, AlarmState, Forecast, GroupState, GroupView, Instance, InstanceId, LaunchTemplate, Moment,
    Readings, ScalingGroup, Transition,
};

/// What is to be scaled, as configured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Scaling groups by name.
    pub groups: BTreeMap<ScalingGroupName, ScalingGroup>,
    /// Alarms by name.
    pub alarms: BTreeMap<AlarmName, Alarm>,
}

/// Requests under way, for the choice of who goes first.
pub trait InFlight {
    /// Requests under way at an instance; 0 when it is no target.
    fn in_flight(&self, group: &ScalingGroupName, instance: &InstanceId) -> u32;
}

/// All scaling groups and alarms. Pure: the same calls give the same answers.
#[derive(Debug)]
pub struct Fleet {
    source: Source,
    groups: BTreeMap<ScalingGroupName, Group>,
    alarms: AlarmBook,
    /// What an earlier program knew, until the first configuration comes.
    restored: BTreeMap<ScalingGroupName, GroupState>,
    /// Groups that are not there any more since the shell last asked what changed.
    forgotten: BTreeSet<ScalingGroupName>,
}

impl Fleet {
    /// Nothing to scale yet. Names of instances come from `seed`; `next_activity` is the first free number of an activity.
    #[must_use]
    pub fn new(seed: u64, next_activity: u64) -> Self {
        Self {
            source: Source::new(seed, next_activity),
            groups: BTreeMap::new(),
            alarms: AlarmBook::default(),
            restored: BTreeMap::new(),
            forgotten: BTreeSet::new(),
        }
    }

    /// Takes over what an earlier program knew of a group. Before the first [`Fleet::configure`].
    pub fn restore(&mut self, group: ScalingGroupName, state: GroupState) {
        self.restored.insert(group, state);
    }

    /// What is to be kept of a group, so that a later program can restore it; `None` for a group that is not there.
    #[must_use]
    pub fn state(&self, group: &ScalingGroupName) -> Option<GroupState> {
        self.groups.get(group).map(Group::state)
    }

    /// From now on, this is to be scaled. Groups that are not in it are scaled in to nothing and forgotten then.
    pub fn configure(&mut self, plan: &Plan, now: Moment) -> Vec<Effect> {
        self.alarms.configure(plan, now);
        let mut turn = Turn::new(now, &mut self.source);
        for (name, settings) in &plan.groups {
            match self.groups.get_mut(name) {
                Some(group) => group.configure(settings, &mut turn),
                None => {
                    let restored = self.restored.remove(name);
                    let mut group = match restored.and_then(|state| Group::restored(name, settings, state)) {
                        Some(group) => group,
                        None => Group::new(name, settings, now),
                    };
                    group.configure(settings, &mut turn);
                    self.groups.insert(name.clone(), group);
                }
            }
        }
        for (name, state) in std::mem::take(&mut self.restored) {
            match Group::abandoned(&name, state) {
                Some(group) => drop(self.groups.insert(name, group)),
                None => drop(self.forgotten.insert(name)),
            }
        }
        for (_, group) in self.groups.iter_mut().filter(|(name, _)| !plan.groups.contains_key(*name)) {
            group.leave(&mut turn);
        }
        let effects = turn.effects;
        self.forget();
        effects
    }

    /// What a group's provider found running, after [`Fleet::configure`]: known instances go on, strangers of the group are
    /// taken in, and those that are gone are replaced. A group that was never told launches nothing; so it is to be
    /// called for each of [`Fleet::groups`], also for those that are no longer configured.
    pub fn adopt(&mut self, group: &ScalingGroupName, found: Vec<Found>, now: Moment) -> Vec<Effect> {
        let mut turn = Turn::new(now, &mut self.source);
        if let Some(group) = self.groups.get_mut(group) {
            group.adopt(found, &mut turn);
        }
        let effects = turn.effects;
        self.forget();
        effects
    }

    /// Time has passed: alarms are evaluated, policies followed, capacities brought to what is desired.
    pub fn tick(&mut self, readings: &dyn Readings, in_flight: &dyn InFlight, now: Moment) -> Vec<Effect> {
        let transitions = self.alarms.evaluate(readings, now);
        let mut turn = Turn::new(now, &mut self.source);
        for transition in transitions {
            announce(&self.alarms, &transition, &mut turn);
        }
        for group in self.groups.values_mut() {
            group.tick(&self.alarms, readings, in_flight, &mut turn);
        }
        let effects = turn.effects;
        self.forget();
        effects
    }

    /// Something happened to an instance. What comes too late, or of an instance that is not there, changes nothing.
    pub fn happened(
        &mut self,
        group: &ScalingGroupName,
        instance: &InstanceId,
        event: Event,
        now: Moment,
    ) -> Vec<Effect> {
        let mut turn = Turn::new(now, &mut self.source);
        if let Some(group) = self.groups.get_mut(group) {
            group.happened(instance, event, &mut turn);
        }
        let effects = turn.effects;
        self.forget();
        effects
    }

    /// Somebody wants something; `by` says who, for the history.
    ///
    /// # Errors
    /// [`OrderError`] says why nothing changes.
    pub fn order(
        &mut self,
        group: &ScalingGroupName,
        order: Order,
        by: &str,
        now: Moment,
    ) -> Result<Vec<Effect>, OrderError> {
        let mut turn = Turn::new(now, &mut self.source);
        let there = self.groups.get_mut(group).filter(|group| !group.is_leaving());
        there.ok_or_else(|| OrderError::NoGroup(group.to_string()))?.order(order, by, &mut turn)?;
        Ok(turn.effects)
    }

    /// The program ends: scales every group in that does not keep its instances. Nothing is launched from now on.
    pub fn shut_down(&mut self, now: Moment) -> Vec<Effect> {
        let mut turn = Turn::new(now, &mut self.source);
        for group in self.groups.values_mut() {
            group.shut_down(&mut turn);
        }
        let effects = turn.effects;
        self.forget();
        effects
    }

    /// Whether nothing is left to wait for after [`Fleet::shut_down`]: only instances that are kept run.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.groups.values().all(Group::is_shut_down)
    }

    /// Groups whose [`Fleet::state`] may differ from when this was last called, also those that were forgotten: what is
    /// to be written down.
    pub fn changed(&mut self) -> Vec<ScalingGroupName> {
        let mut names = std::mem::take(&mut self.forgotten);
        let changed = self.groups.iter_mut().filter_map(|(name, group)| group.take_changed().then_some(name));
        names.extend(changed.cloned());
        names.into_iter().collect()
    }

    /// The launch template of a version that [`Effect::Launch`] named, or that an instance was started from.
    #[must_use]
    pub fn template(&self, group: &ScalingGroupName, version: u32) -> Option<&LaunchTemplate> {
        self.groups.get(group)?.template(version)
    }

    /// What there is to see of a group.
    #[must_use]
    pub fn view(&self, group: &ScalingGroupName) -> Option<GroupView> {
        self.groups.get(group).map(Group::view)
    }

    /// A group's instances in the order of their launches, without a copy of them.
    pub fn instances<'a>(&'a self, group: &ScalingGroupName) -> impl Iterator<Item = &'a Instance> + use<'a> {
        self.groups.get(group).into_iter().flat_map(Group::instances)
    }

    /// What a group's predictive policies expect.
    #[must_use]
    pub fn forecasts(&self, group: &ScalingGroupName) -> Vec<Forecast> {
        self.groups.get(group).map(Group::forecasts).unwrap_or_default()
    }

    /// Every alarm with what it says.
    #[must_use]
    pub fn alarms(&self) -> &AlarmBook {
        &self.alarms
    }

    /// Every group, also those that are no longer configured and still have instances, with its target group.
    #[must_use]
    pub fn groups(&self) -> Vec<(ScalingGroupName, GroupName)> {
        self.groups.iter().map(|(name, group)| (name.clone(), group.target_group().clone())).collect()
    }

    /// Drops groups of which nothing is left.
    fn forget(&mut self) {
        let forgotten = &mut self.forgotten;
        self.groups.retain(|name, group| {
            let gone = group.is_gone();
            if gone {
                forgotten.insert(name.clone());
            }
            !gone
        });
    }
}

/// Tells of an alarm's change, and has done what its settings say.
fn announce(alarms: &AlarmBook, transition: &Transition, turn: &mut Turn<'_>) {
    let settings = alarms.settings(&transition.alarm);
    let actions = settings.map(|alarm| match transition.to {
        AlarmState::Ok => &alarm.on_ok,
        AlarmState::Alarm => &alarm.on_alarm,
        AlarmState::InsufficientData => &alarm.on_insufficient_data,
    });
    turn.effects.push(Effect::Alarmed(transition.clone()));
    for action in actions.into_iter().flatten() {
        let alarm = transition.alarm.clone();
        turn.effects.push(Effect::Act { alarm, action: action.clone(), transition: transition.clone() });
    }
}
