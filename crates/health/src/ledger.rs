//! What the checks of one group said so far, and what follows for each target. Pure but for the targets' counters: time
//! comes in as an argument, as monotonic time since any fixed moment.

mod plan;
mod report;
mod verdict;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use equipoise_target::{Condition, Endpoint, GroupName, Target};

pub(crate) use self::plan::Watch;
use self::verdict::Verdict;
use crate::guard::{Change, Guard, GuardSettings};
use crate::{Effect, EventKind, HealthCheck, HealthEvent, Initial, Outcome, Terms, fold};

/// Names a check for as long as its settings stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CheckId(u64);

#[derive(Debug)]
pub(crate) struct Ledger {
    group: GroupName,
    guard: GuardSettings,
    checks: Vec<Check>,
    targets: BTreeMap<Endpoint, Entry>,
    /// Of targets that are not among `targets` yet: whether they are healthy, as others found.
    beliefs: BTreeMap<Endpoint, Initial>,
    next_id: u64,
}

#[derive(Debug, Clone)]
struct Check {
    id: CheckId,
    label: Arc<str>,
    settings: HealthCheck,
    terms: Terms,
    guard: Guard,
}

#[derive(Debug)]
struct Entry {
    target: Arc<Target>,
    /// One for each of the ledger's checks, in their order.
    verdicts: Vec<Verdict>,
    condition: Condition,
}

/// What one outcome led to.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) events: Vec<HealthEvent>,
    /// Whether the condition of any target changed.
    pub(crate) changed: bool,
}

impl Ledger {
    pub(crate) fn new(group: GroupName) -> Self {
        Self {
            group,
            guard: GuardSettings::default(),
            checks: Vec::new(),
            targets: BTreeMap::new(),
            beliefs: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// Takes over what others found out about targets of the next plan.
    pub(crate) fn believe(&mut self, beliefs: impl IntoIterator<Item = (Endpoint, Initial)>) {
        self.beliefs = beliefs.into_iter().collect();
    }

    /// What all checks together say about a target; ready when it is not known here.
    pub(crate) fn condition(&self, address: Endpoint) -> Condition {
        self.targets.get(&address).map_or(Condition::Ready, |entry| entry.condition)
    }

    /// Takes in one outcome. One from a check or a target that is gone by now changes nothing.
    pub(crate) fn record(&mut self, id: CheckId, address: Endpoint, outcome: Outcome, now: Duration) -> Recorded {
        let position = self.checks.iter().position(|check| check.id == id);
        let Some((position, entry)) = position.zip(self.targets.get_mut(&address)) else { return Recorded::default() };
        let verdict = &mut entry.verdicts[position];
        let mut told = Vec::new();
        if let (Outcome::Inconclusive(reason), true) = (&outcome, verdict.was_conclusive()) {
            told.push(EventKind::Inconclusive { address, reason: Arc::clone(reason) });
        }
        let Check { terms, guard: before, .. } = self.checks[position];
        verdict.subject.record(&outcome, terms.thresholds, (&*entry.target).into(), now);
        let failed = matches!(outcome, Outcome::Fail(_));
        verdict.last = Some((outcome, now));
        // A check that only alarms has nothing to hold. While a check is believed, only a failed look can cast doubt on
        // it, and a look concerns nobody but its target: the usual case does not go through the whole group.
        let may_doubt = terms.effect != Effect::Alarm;
        if may_doubt && (failed || before != Guard::Watching) {
            told.extend(self.ask_guard(position, address));
        }
        let alone = before == Guard::Watching && self.checks[position].guard == Guard::Watching;
        let changed = self.conclude(position, alone.then_some(address), now, &mut told);
        let (group, check) = (&self.group, &self.checks[position].label);
        let event = |kind| HealthEvent { group: group.clone(), check: Arc::clone(check), kind };
        Recorded { events: told.into_iter().map(event).collect(), changed }
    }

    /// Shows the guard what live traffic says by now. `newest` is the target that was looked at last.
    fn ask_guard(&mut self, position: usize, newest: Endpoint) -> Option<EventKind> {
        let Check { terms, guard, .. } = &mut self.checks[position];
        for entry in self.targets.values_mut() {
            entry.verdicts[position].subject.see((&*entry.target).into());
        }
        let subjects = self.targets.values().map(|entry| &entry.verdicts[position].subject);
        let (next, change) = guard.after(subjects, &self.guard, self.guard.window(terms));
        *guard = next;
        match change? {
            Change::Held { failing, of } => {
                let reason = self.targets.get(&newest).and_then(|entry| entry.verdicts[position].reason());
                Some(EventKind::Held { failing, of, reason: reason.unwrap_or_else(|| "no reason given".into()) })
            }
            Change::Released(why) => {
                self.targets.values_mut().for_each(|entry| entry.verdicts[position].subject.vouch());
                Some(EventKind::Released { why })
            }
        }
    }

    /// Draws the consequences for one target or for all, and tells of each verdict that changed.
    fn conclude(&mut self, position: usize, only: Option<Endpoint>, now: Duration, told: &mut Vec<EventKind>) -> bool {
        let Check { guard, terms, .. } = self.checks[position];
        let mut changed = false;
        let range =
            only.map_or((Bound::Unbounded, Bound::Unbounded), |one| (Bound::Included(one), Bound::Included(one)));
        for (address, entry) in self.targets.range_mut(range) {
            let verdict = &mut entry.verdicts[position];
            let standing = verdict.judge(guard, &self.guard);
            told.extend(verdict.stand(standing, now).map(|()| verdict.event(*address, terms.effect)));
            let condition = entry.condition(&self.checks);
            changed |= condition != entry.condition;
            entry.condition = condition;
        }
        changed
    }
}

impl Entry {
    fn condition(&self, checks: &[Check]) -> Condition {
        let failed = self.verdicts.iter().zip(checks).filter(|(verdict, _)| verdict.has_effect());
        fold(failed.map(|(_, check)| check.terms.effect))
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
