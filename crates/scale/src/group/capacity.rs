//! Brings what there is to what is wanted.

use super::member::Step;
use super::{Group, Mode};
use crate::fleet::{InFlight, Turn};
use crate::{Moment, Process};

/// What policies ask for each time, counted when something changed: nothing is done for each instance in each second.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Since when each instance in service has been that.
    pub(super) in_service_since: Vec<Moment>,
    /// How many go without another one in their place.
    pub(super) leaving: u32,
}

impl Group {
    /// Looks at what there is and at what is wanted, and does what is missing. Who goes when the group shrinks is only
    /// chosen with `in_flight`, so that those without requests can be preferred; that waits for the next tick.
    pub(super) fn settle(&mut self, in_flight: Option<&dyn InFlight>, turn: &mut Turn<'_>) {
        if self.adopted {
            self.unsettled = false;
            self.overdue(turn);
            match self.mode {
                Mode::Running => self.keep_capacity(in_flight, turn),
                Mode::Leaving => self.end_all("the scaling group is no longer configured", turn),
                Mode::Stopping => self.end_all("the program ends", turn),
                Mode::Kept => {}
            }
        }
        self.count(turn.now);
    }

    fn keep_capacity(&mut self, in_flight: Option<&dyn InFlight>, turn: &mut Turn<'_>) {
        self.join_held(turn);
        self.replace_unhealthy(turn);
        self.forgive(turn.now);
        self.advance_refresh(turn);
        self.grow(turn);
        self.shrink(in_flight, turn);
        if self.active() == self.target() {
            self.motive = super::Motive::default();
        }
        self.fill_pool(turn);
        self.complete_refresh(turn);
    }

    /// How many instances are in service or on their way there.
    pub(super) fn active(&self) -> u32 {
        count(self.members.iter().filter(|member| member.is_active()).count())
    }

    /// How many there should be.
    pub(super) fn target(&self) -> u32 {
        self.desired.saturating_add(self.surge())
    }

    fn grow(&mut self, turn: &mut Turn<'_>) {
        let (active, target) = (self.active(), self.target());
        if active >= target || !self.allows(Process::Launch) {
            return;
        }
        let cause = self.cause("started", "increasing", active, target, turn.now);
        for _ in active..target {
            if self.take_from_pool(&cause, turn) {
                continue;
            }
            if !self.may_launch(turn.now) {
                break;
            }
            self.launch(false, cause.clone(), turn);
        }
    }

    /// Whether one more launch may be under way: not while the group backs off.
    pub(super) fn may_launch(&self, now: Moment) -> bool {
        let on_the_way = |step: &Step| matches!(step, Step::Launching | Step::LaunchHooks(_) | Step::Checking);
        let under_way = || self.members.iter().filter(|member| on_the_way(member.step())).count();
        let at_once = self.back_off.at_once();
        !self.back_off.holds(now) && (at_once == usize::MAX || under_way() < at_once)
    }

    fn shrink(&mut self, in_flight: Option<&dyn InFlight>, turn: &mut Turn<'_>) {
        let (active, target) = (self.active(), self.target());
        if active <= target || !self.allows(Process::Terminate) {
            return;
        }
        let Some(in_flight) = in_flight else {
            self.unsettled = true;
            return;
        };
        let cause = self.cause("taken out of service", "shrinking", active, target, turn.now);
        for _ in target..active {
            let Some(at) = self.first_to_go(in_flight) else { break };
            let cause = format!("{cause} At {} instance {} was selected.", turn.now, self.members[at].instance.id);
            if !self.return_to_pool(at, &cause, turn) {
                self.members[at].shrinks = true;
                self.terminate(at, cause, turn);
            }
        }
    }

    /// Why instances come or go: what changed the desired capacity, and the difference.
    fn cause(&self, what: &str, how: &str, from: u32, to: u32, now: Moment) -> String {
        let reason = match &self.refresh {
            Some(refresh) if self.motive.text.is_empty() => {
                format!("an instance refresh to launch template {}", refresh.to)
            }
            _ => "a difference between desired and actual capacity".to_owned(),
        };
        let why = &self.motive.text;
        format!("{why}At {now} an instance was {what} in response to {reason}, {how} the capacity from {from} to {to}.")
    }

    /// Everything ends: nobody is protected from that, and nothing is suspended.
    fn end_all(&mut self, why: &str, turn: &mut Turn<'_>) {
        for at in 0..self.members.len() {
            let member = &self.members[at];
            if !member.is_ending() || member.is_of_pool() {
                self.terminate(
                    at,
                    format!("At {} an instance was taken out of service because {why}.", turn.now),
                    turn,
                );
            }
        }
    }

    /// Patience has ended with some.
    fn overdue(&mut self, turn: &mut Turn<'_>) {
        for at in 0..self.members.len() {
            let member = &self.members[at];
            if member.due.is_none_or(|due| turn.now < due) {
                continue;
            }
            match member.step() {
                Step::Stopping => self.stop(at, turn),
                _ if self.mode == Mode::Running && !self.allows(Process::Terminate) => {}
                Step::Launching => self.fail(at, "it was not started in time", turn),
                _ => {
                    let grace = self.grace(at);
                    let last = member.instance.unhealthy.as_deref().unwrap_or("no check ended");
                    let reason = format!("it did not pass its checks within {grace:?}: {last}");
                    self.fail(at, &reason, turn);
                }
            }
        }
    }

    /// Counts anew what is asked for each second, and when there is something to do again.
    fn count(&mut self, now: Moment) {
        let serving = self.members.iter().filter(|member| *member.step() == Step::Serving);
        self.tally.in_service_since.clear();
        self.tally.in_service_since.extend(serving.map(|member| member.instance.since));
        self.tally.leaving = count(self.members.iter().filter(|member| member.shrinks).count());
        let due = self.members.iter().filter_map(|member| member.due);
        let held_back = self.back_off.until.filter(|until| *until > now);
        let paused = self.refresh.as_ref().and_then(|refresh| refresh.paused_until);
        self.wake = due.chain(held_back).chain(paused).chain(self.forgiven_at()).min();
    }
}

/// Groups hold at most some thousands.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
