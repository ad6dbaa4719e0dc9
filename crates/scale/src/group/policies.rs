//! What policies want, and what comes of it.

use std::time::Duration;

use super::history::Cooldown;
use super::{Group, Mode};
use crate::fleet::{InFlight, Turn};
use crate::{AlarmBook, GroupFacts, Process, Readings, Wish};

impl Group {
    /// Time has passed. Costs next to nothing while nothing is to be done.
    pub(crate) fn tick(
        &mut self,
        alarms: &AlarmBook,
        readings: &dyn Readings,
        in_flight: &dyn InFlight,
        turn: &mut Turn<'_>,
    ) {
        if self.mode == Mode::Running && self.adopted && !self.settings.policy.is_empty() {
            let wishes = self.wishes(alarms, readings, turn);
            self.follow(&wishes, turn);
        }
        if self.unsettled || self.wake.is_some_and(|wake| wake <= turn.now) {
            self.settle(Some(in_flight), turn);
        }
    }

    fn wishes(&mut self, alarms: &AlarmBook, readings: &dyn Readings, turn: &Turn<'_>) -> Vec<Wish> {
        let facts = GroupFacts {
            name: &self.name,
            desired: self.desired,
            bounds: self.bounds(),
            in_service_since: &self.tally.in_service_since,
            leaving: self.tally.leaving,
            cooldown_until: self.cooldown.ends(turn.now),
            boot_time: self.boot_time(),
            follow_alarms: self.allows(Process::AlarmNotification),
            follow_schedules: self.allows(Process::ScheduledActions),
        };
        let before = self.policies.memory().clone();
        let wishes = self.policies.wishes(&facts, alarms, readings, turn.now);
        self.changed |= before != *self.policies.memory();
        wishes
    }

    /// The largest wish wins. Bounds are kept whoever wins.
    fn follow(&mut self, wishes: &[Wish], turn: &Turn<'_>) {
        if let Some(bounds) = wishes.iter().rev().find_map(|wish| wish.bounds) {
            self.scheduled = Some(bounds);
            self.changed = true;
        }
        let wanting = wishes.iter().filter_map(|wish| wish.desired.map(|desired| (desired, wish)));
        // The first of those that want the same.
        let largest = wanting.rev().max_by_key(|(desired, _)| *desired);
        let desired = largest.map_or(self.desired, |(desired, _)| desired);
        let winner = largest.map(|(_, wish)| wish).or_else(|| wishes.iter().rev().find(|wish| wish.bounds.is_some()));
        let Some(winner) = winner else { return };
        if self.desire(desired, &winner.cause, turn.now)
            && let Some(length) = winner.cooldown
        {
            self.cooldown = Cooldown::begin(length, turn.now);
            self.motive.cools = true;
        }
    }

    /// How long instances took lately from launch to service: half of them longer.
    fn boot_time(&self) -> Option<Duration> {
        let mut sorted = self.boots.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}
