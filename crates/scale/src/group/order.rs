//! What people ask of the group.

use std::collections::BTreeSet;

use super::Group;
use super::refresh::Goal;
use crate::fleet::Turn;
use crate::{ActivityStatus, InstanceId, Order, OrderError, Process};

/// Every process: what is meant by none at all.
const ALL: [Process; 7] = [
    Process::Launch,
    Process::Terminate,
    Process::ReplaceUnhealthy,
    Process::AlarmNotification,
    Process::ScheduledActions,
    Process::AddToTargetGroup,
    Process::InstanceRefresh,
];

impl Group {
    /// Follows an order, or says why not.
    pub(crate) fn order(&mut self, order: Order, by: &str, turn: &mut Turn<'_>) -> Result<(), OrderError> {
        match order {
            Order::SetDesired { desired, honor_cooldown } => self.set_desired(desired, honor_cooldown, by, turn)?,
            Order::Refresh => self.refresh_by_order(by, turn),
            Order::CancelRefresh => self.cancel_refresh(by, turn)?,
            Order::RollBack => self.roll_back(by, turn)?,
            Order::Suspend(processes) => {
                self.suspended.extend(all_if_none(processes));
            }
            Order::Resume(processes) => {
                let resumed: BTreeSet<_> = all_if_none(processes).into_iter().collect();
                self.suspended.retain(|process| !resumed.contains(process));
            }
            Order::Protect(instance, protected) => {
                let at = self.find(&instance)?;
                self.members[at].instance.protected = protected;
            }
            Order::Terminate { instance, shrink } => self.terminate_by_order(&instance, shrink, by, turn)?,
        }
        self.changed = true;
        self.settle(None, turn);
        Ok(())
    }

    fn set_desired(&mut self, desired: u32, honor: bool, by: &str, turn: &mut Turn<'_>) -> Result<(), OrderError> {
        self.within_bounds(desired)?;
        if let Some(until) = self.cooldown.ends(turn.now).filter(|_| honor) {
            return Err(OrderError::CoolingDown { group: self.name.clone(), until });
        }
        self.desire(desired, &format!("{by} explicitly set the desired capacity,"), turn.now);
        Ok(())
    }

    fn within_bounds(&self, desired: u32) -> Result<(), OrderError> {
        let bounds = self.bounds();
        if (bounds.min..=bounds.max).contains(&desired) {
            return Ok(());
        }
        Err(OrderError::OutOfBounds { group: self.name.clone(), desired, min: bounds.min, max: bounds.max })
    }

    fn find(&self, instance: &InstanceId) -> Result<usize, OrderError> {
        let missing = || OrderError::NoInstance { group: self.name.clone(), instance: instance.to_string() };
        self.position(instance).ok_or_else(missing)
    }

    fn refresh_by_order(&mut self, by: &str, turn: &mut Turn<'_>) {
        let before = self.end_refresh(ActivityStatus::Cancelled, Some(format!("{by} began another one")), turn);
        let to = self.versions.present();
        // One that was half way is still what a failure goes back from.
        let from =
            before.filter(|refresh| refresh.to == to && !refresh.rolling_back).map_or(to, |refresh| refresh.from);
        let cause = format!("At {} {by} asked for an instance refresh.", turn.now);
        self.begin_refresh(Goal { from, to, everyone: true, rolling_back: false }, cause, turn);
    }

    fn no_refresh(&self) -> OrderError {
        OrderError::NoRefresh { group: self.name.clone() }
    }

    fn cancel_refresh(&mut self, by: &str, turn: &mut Turn<'_>) -> Result<(), OrderError> {
        let ended = self.end_refresh(ActivityStatus::Cancelled, Some(format!("{by} cancelled it")), turn);
        ended.map(drop).ok_or_else(|| self.no_refresh())
    }

    fn roll_back(&mut self, by: &str, turn: &mut Turn<'_>) -> Result<(), OrderError> {
        let left = self.versions.present();
        let half_way = self.refresh.as_ref().filter(|refresh| !refresh.rolling_back && refresh.from != refresh.to);
        let target = half_way.map(|refresh| refresh.from).or(self.versions.previous);
        let target = target.filter(|target| *target != left && self.versions.get(*target).is_some());
        let target = target.ok_or_else(|| self.no_refresh())?;
        // What never came to its end is nothing to come back to.
        self.versions.previous = half_way.is_none().then_some(left);
        self.end_refresh(ActivityStatus::Cancelled, Some(format!("{by} rolled it back")), turn);
        self.versions.turn_to(target);
        let cause = format!("At {} {by} asked to go back to launch template {target}.", turn.now);
        self.begin_refresh(Goal { from: left, to: target, everyone: false, rolling_back: true }, cause, turn);
        Ok(())
    }

    fn terminate_by_order(
        &mut self,
        instance: &InstanceId,
        shrink: bool,
        by: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), OrderError> {
        let at = self.find(instance)?;
        if self.members[at].is_ending() {
            return Ok(());
        }
        let mut why = format!("At {} {by} asked to terminate instance {instance}", turn.now);
        if shrink && self.members[at].is_active() {
            let fewer = self.desired.saturating_sub(1);
            self.within_bounds(fewer)?;
            why = format!("{why}, changing the desired capacity from {} to {fewer}", self.desired);
            self.desired = fewer;
            self.members[at].shrinks = true;
        }
        self.terminate(at, format!("{why}."), turn);
        Ok(())
    }
}

fn all_if_none(processes: Vec<Process>) -> Vec<Process> {
    if processes.is_empty() { ALL.to_vec() } else { processes }
}
