//! What must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use equipoise_scale::{
    Activity, ActivityId, ActivityStatus, Effect, GroupView, Instance, InstanceId, Lifecycle, Moment, Process,
};

/// Where the shell knows an instance to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Launching,
    Running,
    Passed,
    Joined,
    Leaving,
    Drained,
    Stopping,
    Gone,
    /// It went on while the program was away.
    Found,
}

/// What is kept to hold what happens against.
#[derive(Default)]
pub(super) struct Law {
    pub(super) stages: BTreeMap<InstanceId, Stage>,
    activities: BTreeMap<ActivityId, Activity>,
    protected: BTreeSet<InstanceId>,
    there: usize,
    /// Whether the program ends.
    pub(super) ends: bool,
    /// When a simple policy changed the capacity last, in seconds.
    changed: i64,
}

impl Law {
    /// One effect, when it is asked for.
    pub(super) fn effect(&mut self, effect: &Effect, view: Option<&GroupView>, now: Moment) {
        match effect {
            Effect::Launch { instance, .. } => {
                let view = view.unwrap();
                assert!(!view.suspended.contains(&Process::Launch), "launches are suspended");
                assert!(view.back_off.as_ref().is_none_or(|back_off| back_off.until <= now), "it backs off: {view:?}");
                assert!(!view.leaving && view.adopted && !self.ends, "it ends, or does not know what runs: {view:?}");
                let known = self.stages.insert(instance.clone(), Stage::Launching);
                assert_eq!(known, None, "{instance} is launched twice");
            }
            Effect::Check { instance, .. } => self.step(instance, &[Stage::Running, Stage::Found], Stage::Running),
            Effect::Join { instance, .. } => {
                self.step(instance, &[Stage::Passed, Stage::Drained, Stage::Found], Stage::Joined);
            }
            Effect::Leave { instance, .. } => self.step(instance, &[Stage::Joined, Stage::Found], Stage::Leaving),
            Effect::Stop { instance, .. } => {
                let before = self.stages[instance];
                let serving = matches!(before, Stage::Joined | Stage::Leaving | Stage::Gone);
                assert!(!serving, "{instance} is stopped while it is {before:?}");
                self.stages.insert(instance.clone(), Stage::Stopping);
            }
            Effect::Keep(activity) => self.activity(activity),
            _ => {}
        }
    }

    pub(super) fn nothing_runs(&self) -> bool {
        self.stages.values().all(|stage| *stage == Stage::Gone)
    }

    fn step(&mut self, instance: &InstanceId, from: &[Stage], to: Stage) {
        let before = self.stages.insert(instance.clone(), to).unwrap();
        assert!(from.contains(&before), "{instance} goes from {before:?} to {to:?}");
    }

    fn activity(&mut self, activity: &Activity) {
        let before = self.activities.insert(activity.id, activity.clone());
        assert!(before.as_ref().is_none_or(|before| before.end.is_none()), "an activity ends twice: {activity:?}");
        assert_eq!(activity.end.is_none(), activity.status == ActivityStatus::InProgress);
        if before.is_none() {
            self.cooldown(activity);
        }
        let selected = activity.cause.ends_with("was selected.") && activity.description.starts_with("Terminating");
        let instance = activity.instance.as_ref();
        if selected && activity.end.is_none() {
            assert!(instance.is_none_or(|instance| !self.protected.contains(instance)), "protected: {activity:?}");
        }
    }

    /// Simple policies, which are named in and out, rest for five seconds.
    fn cooldown(&mut self, activity: &Activity) {
        let simple =
            [" triggered policy in ", " triggered policy out "].iter().any(|text| activity.cause.contains(text));
        let at = activity.cause.strip_prefix("At ").and_then(|rest| rest.split_once(' '));
        if let Some((at, _)) = at.filter(|_| simple) {
            let at = at.parse::<jiff::Timestamp>().unwrap().as_second();
            assert!(at == self.changed || at >= self.changed + 5, "no cooldown: {activity:?}");
            self.changed = at.max(self.changed);
        }
    }

    /// What the group looks like after a call; `ticked` when that was a tick.
    pub(super) fn view(&mut self, view: &GroupView, now: Moment, ticked: bool) {
        let bounds = view.bounds;
        assert!(view.leaving || (bounds.min..=bounds.max).contains(&view.desired), "{view:?}");
        let mut names = BTreeSet::new();
        for instance in &view.instances {
            assert!(names.insert(&instance.id), "{} is there twice", instance.id);
            assert!(
                agrees(instance.lifecycle, self.stages[&instance.id]),
                "{instance:?} {:?}",
                self.stages[&instance.id]
            );
        }
        let lost = self.stages.iter().find(|(id, stage)| **stage != Stage::Gone && !names.contains(id));
        assert_eq!(lost, None, "an instance is forgotten");
        self.capacity(view, now, ticked);
        self.protected = view.instances.iter().filter(|one| one.protected).map(|one| one.id.clone()).collect();
    }

    fn capacity(&mut self, view: &GroupView, now: Moment, ticked: bool) {
        use Lifecycle::{InService, Pending, Warming};
        let is_active = |lifecycle| matches!(lifecycle, Pending | Warming | InService);
        let goes = !view.suspended.contains(&Process::Terminate);
        // The last target stays while another one is launched in its place.
        let replaced = |one: &&Instance| goes && one.lifecycle == InService && one.unhealthy.is_some();
        let there = view.instances.iter().filter(|one| is_active(one.lifecycle) && !one.pooled);
        let active = there.clone().filter(|one| !replaced(one));
        let (there, active, free) =
            (there.count(), active.clone().count(), active.filter(|one| !one.protected).count());
        let surge = usize::from(view.refresh.is_some());
        let desired = view.desired as usize;
        let most = view.bounds.max as usize + surge + usize::from(there > active);
        assert!(there <= most || there <= self.there, "grew to {there}: {view:?}");
        self.there = there;
        if view.leaving || !view.adopted || self.ends {
            return;
        }
        if ticked && !view.suspended.contains(&Process::Terminate) {
            assert!(active <= desired + surge || free == 0, "{active} are too many: {view:?}");
        }
        let held = view.back_off.as_ref().is_some_and(|back_off| back_off.until > now || back_off.failures >= 3);
        if !held && !view.suspended.contains(&Process::Launch) {
            assert!(active >= desired, "{active} are too few: {view:?}");
        }
    }

    /// The program is killed: what it was told to do is forgotten; what runs goes on, as `found` says of each that was known.
    pub(super) fn restart(&mut self, found: &BTreeMap<InstanceId, Lifecycle>) {
        for (instance, stage) in self.stages.iter_mut().filter(|(_, stage)| **stage != Stage::Gone) {
            *stage = match found.get(instance) {
                None => Stage::Gone,
                Some(Lifecycle::Pending | Lifecycle::Warming) => Stage::Running,
                Some(Lifecycle::Stopping) => Stage::Stopping,
                Some(_) => Stage::Found,
            };
        }
        self.protected.clear();
        // Strangers may be more than there should be.
        self.there = usize::MAX;
    }

    /// Whether nothing is under way.
    pub(super) fn is_at_rest(&self, view: &GroupView) -> bool {
        let serving = self.stages.values().filter(|stage| **stage == Stage::Joined).count();
        let pooled = self.stages.values().filter(|stage| **stage != Stage::Gone).count() - serving;
        self.activities.values().all(|activity| activity.end.is_some())
            && serving == view.desired as usize
            && pooled == view.warm_pool.map_or(0, |pool| pool.ready as usize)
            && view.refresh.is_none()
    }
}

/// Whether what people see is what the shell knows.
fn agrees(lifecycle: Lifecycle, stage: Stage) -> bool {
    match lifecycle {
        Lifecycle::Pending => matches!(stage, Stage::Launching | Stage::Running),
        // One from the pool that may not join yet warms, too.
        Lifecycle::Warming => matches!(stage, Stage::Running | Stage::Passed | Stage::Drained | Stage::Found),
        Lifecycle::Pooled => matches!(stage, Stage::Passed | Stage::Drained | Stage::Found),
        Lifecycle::InService => matches!(stage, Stage::Joined),
        Lifecycle::Draining => !matches!(stage, Stage::Joined | Stage::Stopping | Stage::Launching | Stage::Gone),
        Lifecycle::Stopping => matches!(stage, Stage::Stopping),
    }
}
