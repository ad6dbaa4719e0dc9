//! What the group does, as activities with their causes.

use std::time::Duration;

use super::Group;
use crate::fleet::Turn;
use crate::{Activity, ActivityId, ActivityStatus, Effect, InstanceId, Moment};

/// Why the desired capacity was changed, until the actual one has followed: the beginning of causes.
#[derive(Debug, Default)]
pub(super) struct Motive {
    /// Sentences; empty when nothing was changed.
    pub(super) text: String,
    /// Whether simple policies rest until what follows from it is done.
    pub(super) cools: bool,
}

/// The rest of simple policies: from a change until `length` after the last activity that it led to.
#[derive(Debug, Default)]
pub(super) struct Cooldown {
    /// When it ends, if no activity ends before.
    pub(super) until: Option<Moment>,
    length: Duration,
    /// Activities under way that it waits for.
    waits_for: Vec<ActivityId>,
}

impl Cooldown {
    /// One that an earlier program wrote down.
    pub(super) fn restored(until: Option<Moment>) -> Self {
        Self { until, ..Self::default() }
    }

    /// Begins with a change at `now`.
    pub(super) fn begin(length: Duration, now: Moment) -> Self {
        Self { until: Some(now.after(length)), length, waits_for: Vec::new() }
    }

    /// When simple policies may change the group again, as far as that is known; `None` if they may now.
    pub(super) fn ends(&self, now: Moment) -> Option<Moment> {
        let until = if self.waits_for.is_empty() { self.until } else { self.until.max(Some(now.after(self.length))) };
        // Of no length is over at once, even while its activity goes on.
        until.filter(|until| *until > now)
    }
}

impl Group {
    /// An activity begins.
    pub(super) fn open(
        &mut self,
        instance: Option<&InstanceId>,
        description: String,
        cause: String,
        turn: &mut Turn<'_>,
    ) {
        let activity = Activity {
            id: turn.activity(),
            group: self.name.clone(),
            instance: instance.cloned(),
            description,
            cause,
            start: turn.now,
            end: None,
            status: ActivityStatus::InProgress,
            message: None,
        };
        if self.motive.cools {
            self.cooldown.waits_for.push(activity.id);
        }
        turn.effects.push(Effect::Keep(activity.clone()));
        self.open.push(activity);
        self.changed = true;
    }

    /// The activity about an instance ends, if one is under way.
    pub(super) fn close(
        &mut self,
        instance: &InstanceId,
        status: ActivityStatus,
        message: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        if let Some(at) = self.open.iter().position(|activity| activity.instance.as_ref() == Some(instance)) {
            self.close_at(at, status, message, turn);
        }
    }

    /// The activity of this number ends, if it is under way.
    pub(super) fn close_number(
        &mut self,
        id: ActivityId,
        status: ActivityStatus,
        message: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        if let Some(at) = self.open.iter().position(|activity| activity.id == id) {
            self.close_at(at, status, message, turn);
        }
    }

    fn close_at(&mut self, at: usize, status: ActivityStatus, message: Option<String>, turn: &mut Turn<'_>) {
        let activity = self.open.remove(at);
        let waiting = self.cooldown.waits_for.len();
        self.cooldown.waits_for.retain(|id| *id != activity.id);
        if self.cooldown.waits_for.len() < waiting {
            self.cooldown.until = Some(turn.now.after(self.cooldown.length));
        }
        let message = message.or(activity.message);
        turn.effects.push(Effect::Keep(Activity { end: Some(turn.now), status, message, ..activity }));
        self.changed = true;
    }

    /// Says what the activity about an instance waits for.
    pub(super) fn remark(&mut self, instance: &InstanceId, message: String, turn: &mut Turn<'_>) {
        let activity = self.open.iter_mut().find(|activity| activity.instance.as_ref() == Some(instance));
        if let Some(activity) = activity {
            activity.message = Some(message);
            turn.effects.push(Effect::Keep(activity.clone()));
        }
    }

    /// Says what the activity of this number waits for.
    pub(super) fn remark_number(&mut self, id: ActivityId, message: String, turn: &mut Turn<'_>) {
        if let Some(activity) = self.open.iter_mut().find(|activity| activity.id == id) {
            activity.message = Some(message);
            turn.effects.push(Effect::Keep(activity.clone()));
        }
    }

    /// An activity that is over when it begins.
    pub(super) fn record(
        &mut self,
        instance: Option<&InstanceId>,
        description: String,
        cause: String,
        turn: &mut Turn<'_>,
    ) {
        let id = turn.activity();
        turn.effects.push(Effect::Keep(Activity {
            id,
            group: self.name.clone(),
            instance: instance.cloned(),
            description,
            cause,
            start: turn.now,
            end: Some(turn.now),
            status: ActivityStatus::Successful,
            message: None,
        }));
    }

    /// Changes the desired capacity, held between the bounds; `why` is the beginning of a sentence. Whether it changed.
    pub(super) fn desire(&mut self, wanted: u32, why: &str, now: Moment) -> bool {
        let bounds = self.bounds();
        let wanted = wanted.min(bounds.max).max(bounds.min);
        if wanted == self.desired {
            return false;
        }
        let text = format!("At {now} {why} changing the desired capacity from {} to {wanted}. ", self.desired);
        self.motive = Motive { text, cools: false };
        self.desired = wanted;
        self.unsettled = true;
        self.changed = true;
        true
    }
}
