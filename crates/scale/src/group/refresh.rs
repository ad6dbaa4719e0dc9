//! Replacing what runs by instances of another launch template, a few at a time.
//!
//! ```text
//! a new template ─▶ replacing ◀─▶ waiting at a checkpoint
//!                    │  │
//!                    │  └─ too many failures ─▶ given up ─▶ replacing by the template from before
//!                    ▼
//!                   done
//! ```
//!
//! Nothing here launches: an old instance that goes leaves a gap, which the group fills from the present template. Where
//! every instance is needed, one more is wanted meanwhile ([`Group::surge`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Group;
use super::back_off::BackOff;
use super::capacity::count;
use super::member::Member;
use crate::fleet::Turn;
use crate::{ActivityId, ActivityStatus, InstanceId, Moment, Process};

/// A refresh that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshState {
    /// Version of the launch template from before.
    pub from: u32,
    /// Version that instances are replaced with.
    pub to: u32,
    /// When it began.
    pub started: Moment,
    /// How many instances there were to replace, without those of the warm pool.
    pub total: u32,
    /// Those that are still to be replaced.
    pub old: BTreeSet<InstanceId>,
    /// How many of the new ones failed.
    pub failures: u32,
    /// How many of the checkpoints are behind it.
    pub checkpoint: u32,
    /// When it goes on after a checkpoint.
    pub paused_until: Option<Moment>,
    /// Whether it goes back after one that failed, or by order.
    pub rolling_back: bool,
    /// Its activity.
    pub activity: ActivityId,
}

/// What a refresh is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Whether instances of the launch template `to` that run already are replaced, too.
    pub(super) everyone: bool,
    pub(super) rolling_back: bool,
}

impl Group {
    /// Begins to replace. One that is under way has been ended before.
    pub(super) fn begin_refresh(&mut self, goal: Goal, cause: String, turn: &mut Turn<'_>) {
        let is_old = |member: &&Member| !member.is_ending() && (goal.everyone || member.instance.template != goal.to);
        let old: BTreeSet<_> = self.members.iter().filter(is_old).map(|member| member.instance.id.clone()).collect();
        let how = if goal.rolling_back { "Rolling back" } else { "Refreshing" };
        let description = format!("{how} instances from launch template {} to {}", goal.from, goal.to);
        self.open(None, description, cause, turn);
        let activity = self.open.last().map_or(0, |activity| activity.id);
        let Goal { from, to, rolling_back, .. } = goal;
        let started = turn.now;
        let refresh = RefreshState {
            from,
            to,
            started,
            total: 0,
            old,
            failures: 0,
            checkpoint: 0,
            paused_until: None,
            rolling_back,
            activity,
        };
        let total = self.refresh.insert(refresh).old.len();
        self.back_off = BackOff::default();
        self.unsettled = true;
        let pooled = self.old().filter(|(_, member)| member.instance.pooled).count();
        if let Some(refresh) = &mut self.refresh {
            refresh.total = count(total - pooled);
        }
    }

    /// Ends the refresh that is under way, if one is.
    pub(super) fn end_refresh(
        &mut self,
        status: ActivityStatus,
        message: Option<String>,
        turn: &mut Turn<'_>,
    ) -> Option<RefreshState> {
        let refresh = self.refresh.take()?;
        self.close_number(refresh.activity, status, message, turn);
        self.unsettled = true;
        Some(refresh)
    }

    /// One more than desired, while old instances are to be replaced and none can be spared.
    pub(super) fn surge(&self) -> u32 {
        let needed = self.floor() >= self.desired && self.desired > 0;
        u32::from(needed && self.budget() > 0 && self.remaining() > 0)
    }

    /// Takes old instances out, as far as enough stay in service; gives up after too many failures.
    pub(super) fn advance_refresh(&mut self, turn: &mut Turn<'_>) {
        self.give_up_refresh(turn);
        self.pass_checkpoint(turn.now);
        let Some(refresh) = &self.refresh else { return };
        if !self.allows(Process::InstanceRefresh) || !self.allows(Process::Terminate) {
            return;
        }
        let cause = format!(
            "At {} an instance was taken out of service in response to an instance refresh from launch template {} to {}.",
            turn.now, refresh.from, refresh.to
        );
        while let Some(at) = self.next_pooled().or_else(|| self.next_old()) {
            self.terminate(at, cause.clone(), turn);
        }
    }

    /// Completes it when everything is replaced and serves, or pauses when it has come to a checkpoint.
    pub(super) fn complete_refresh(&mut self, turn: &mut Turn<'_>) {
        let serving = count(self.members.iter().filter(|member| member.serves() && member.is_active()).count());
        let calm = serving == self.active() && serving == self.target();
        let Some(refresh) = &self.refresh else { return };
        let waits = refresh.paused_until.is_some() || !self.allows(Process::InstanceRefresh);
        if !calm || waits || self.budget() > 0 {
            return;
        }
        let (percent, activity) = (self.checkpoint(), refresh.activity);
        let Some(percent) = percent.filter(|_| refresh.total > 0) else {
            self.end_refresh(ActivityStatus::Successful, None, turn);
            self.versions.prune(&self.members, None);
            return;
        };
        let until = turn.now.after(self.settings.refresh.checkpoint_wait);
        if let Some(refresh) = &mut self.refresh {
            refresh.paused_until = Some(until);
        }
        self.remark_number(activity, format!("{percent} % are replaced; it goes on at {until}"), turn);
        self.changed = true;
    }

    /// Too many of the new ones failed: new instances come from the launch template from before again.
    fn give_up_refresh(&mut self, turn: &mut Turn<'_>) {
        let limit = self.settings.refresh.max_failures.max(1);
        let Some(refresh) = self.refresh.as_ref().filter(|refresh| refresh.failures >= limit) else { return };
        let (from, to, rolling_back) = (refresh.from, refresh.to, refresh.rolling_back);
        let reason = &self.back_off.reason;
        let message =
            format!("{} instances of launch template {to} failed, the last one because {reason}", refresh.failures);
        self.end_refresh(ActivityStatus::Failed, Some(message), turn);
        if rolling_back || from == to || self.versions.get(from).is_none() {
            return;
        }
        self.versions.turn_to(from);
        self.versions.previous = None;
        self.back_off = BackOff::default();
        if self.settings.refresh.roll_back {
            let cause = format!("At {} an instance refresh to launch template {to} was given up.", turn.now);
            self.begin_refresh(Goal { from: to, to: from, everyone: false, rolling_back: true }, cause, turn);
        }
    }

    fn pass_checkpoint(&mut self, now: Moment) {
        if let Some(refresh) = &mut self.refresh
            && refresh.paused_until.is_some_and(|until| until <= now)
        {
            refresh.paused_until = None;
            refresh.checkpoint += 1;
            self.changed = true;
        }
    }

    /// An old one in the warm pool, if there is one: nobody misses it.
    fn next_pooled(&self) -> Option<usize> {
        self.old().find(|(_, member)| member.instance.pooled).map(|(at, _)| at)
    }

    /// The old one that goes next: those who serve nobody first, then as many as can be spared.
    fn next_old(&self) -> Option<usize> {
        if self.budget() == 0 {
            return None;
        }
        let useless = self.old().find(|(_, member)| !member.serves() && !member.condemned);
        let spare = || self.old().find(|_| self.serving() > self.floor());
        useless.or_else(spare).map(|(at, _)| at)
    }

    /// Whether shrinking may take an old one.
    pub(super) fn refresh_may_take_one(&self) -> bool {
        self.refresh.is_some() && self.serving() > self.floor()
    }

    /// How many must stay in service.
    fn floor(&self) -> u32 {
        let percent = u64::from(self.settings.refresh.min_healthy.min(100));
        count(usize::try_from((u64::from(self.desired) * percent).div_ceil(100)).unwrap_or(usize::MAX))
    }

    fn serving(&self) -> u32 {
        count(self.members.iter().filter(|member| member.serves()).count())
    }

    fn old(&self) -> impl Iterator<Item = (usize, &Member)> {
        let old = self.refresh.as_ref().map(|refresh| &refresh.old);
        let members = self.members.iter().enumerate();
        members
            .filter(move |(_, member)| old.is_some_and(|old| old.contains(&member.instance.id)) && !member.is_ending())
    }

    /// How many are still to be replaced.
    pub(super) fn remaining(&self) -> u32 {
        count(self.old().filter(|(_, member)| !member.instance.pooled).count())
    }

    /// The checkpoint that comes next, in percent.
    fn checkpoint(&self) -> Option<u8> {
        let passed = usize::try_from(self.refresh.as_ref()?.checkpoint).unwrap_or(usize::MAX);
        let sorted: BTreeSet<_> = self.settings.refresh.checkpoints.iter().copied().collect();
        sorted.into_iter().nth(passed)
    }

    /// How many more may be replaced before the refresh pauses or ends.
    fn budget(&self) -> u32 {
        let Some(refresh) = &self.refresh else { return 0 };
        if refresh.paused_until.is_some() || !self.allows(Process::InstanceRefresh) {
            return 0;
        }
        let percent = u64::from(self.checkpoint().unwrap_or(100).min(100));
        let allowed = (u64::from(refresh.total) * percent).div_ceil(100);
        let replaced = u64::from(refresh.total.saturating_sub(self.remaining()));
        count(usize::try_from(allowed.saturating_sub(replaced)).unwrap_or(usize::MAX))
    }
}
