//! From the configuration to what is wanted: the difference to what was wanted before.

use equipoise_target::ScalingGroupName;

use super::back_off::BackOff;
use super::refresh::Goal;
use super::{Bounds, Group, Mode};
use crate::fleet::Turn;
use crate::{ActivityStatus, Moment, PolicyBook, PolicyMemory, Process, ScalingGroup};

impl Group {
    /// A group that was not there before. It wants nothing yet: [`Group::configure`] follows.
    pub(crate) fn new(name: &ScalingGroupName, settings: &ScalingGroup, now: Moment) -> Self {
        let mut group = Self::bare(name, settings, PolicyBook::new(PolicyMemory::default()));
        group.desire(settings.desired.unwrap_or(settings.min), "the scaling group was created,", now);
        group
    }

    /// From now on, these are the settings.
    pub(crate) fn configure(&mut self, settings: &ScalingGroup, turn: &mut Turn<'_>) {
        let before = std::mem::replace(&mut self.settings, settings.clone());
        if self.mode == Mode::Leaving {
            self.mode = Mode::Running;
            self.desire(settings.desired.unwrap_or(settings.min), "the scaling group was configured again,", turn.now);
        }
        let bounds = self.scheduled.unwrap_or(configured(&before));
        self.policies.configure(settings, turn.now);
        self.apply_bounds(bounds, turn.now);
        if before.desired != settings.desired
            && let Some(desired) = settings.desired
        {
            self.desire(desired, "the configuration changed,", turn.now);
        }
        if self.versions.say(&settings.launch_template) {
            self.take_template(turn);
        }
        self.changed = true;
        self.settle(None, turn);
    }

    /// Minimum and maximum as schedules have set them; as configured where none did.
    fn apply_bounds(&mut self, old: Bounds, now: Moment) {
        let set = self.policies.bounds();
        if set.is_none() || self.allows(Process::ScheduledActions) {
            self.scheduled = set;
        }
        let new = self.bounds();
        let why = format!(
            "the configuration changed minimum and maximum from {} and {} to {} and {},",
            old.min, old.max, new.min, new.max
        );
        self.desire(self.desired, &why, now);
    }

    /// The configuration says another launch template: instances are replaced, unless that is suspended.
    fn take_template(&mut self, turn: &mut Turn<'_>) {
        let (from, to) = (self.versions.present(), self.versions.configured);
        let message = format!("launch template {to} took its place");
        // What a refresh that did not come to its end was to replace is nothing to go back to.
        let good = match self.end_refresh(ActivityStatus::Cancelled, Some(message), turn) {
            Some(refresh) if !refresh.rolling_back => refresh.from,
            _ => from,
        };
        self.versions.previous = Some(good);
        self.versions.turn_to(to);
        self.back_off = BackOff::default();
        if self.allows(Process::InstanceRefresh) {
            let cause =
                format!("At {} the configuration changed the launch template from version {from} to {to}.", turn.now);
            self.begin_refresh(Goal { from: good, to, everyone: false, rolling_back: false }, cause, turn);
        }
        self.versions.prune(&self.members, Some(good));
    }

    /// It is no longer configured.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>) {
        if self.mode == Mode::Running {
            self.mode = Mode::Leaving;
            self.end_refresh(
                ActivityStatus::Cancelled,
                Some("the scaling group is no longer configured".to_owned()),
                turn,
            );
            self.changed = true;
            self.settle(None, turn);
        }
    }

    /// The program ends.
    pub(crate) fn shut_down(&mut self, turn: &mut Turn<'_>) {
        if self.mode == Mode::Running {
            self.mode = if self.settings.keep_at_exit { Mode::Kept } else { Mode::Stopping };
            self.changed = true;
            self.settle(None, turn);
        }
    }
}

pub(super) fn configured(settings: &ScalingGroup) -> Bounds {
    Bounds { min: settings.min, max: settings.max }
}
