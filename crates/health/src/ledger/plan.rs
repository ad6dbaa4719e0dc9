//! A new plan against the old one: what stays the same keeps its state.

use std::sync::Arc;
use std::time::Duration;

use equipoise_target::{Condition, Target};

use super::verdict::{Standing, Verdict};
use super::{Check, CheckId, Entry, Ledger};
use crate::guard::{Guard, Subject};
use crate::{GuardSettings, Health, HealthCheck, Initial, Terms};

/// A check that is to be made on every target of the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    pub(crate) id: CheckId,
    pub(crate) terms: Terms,
    /// Whether somebody waits for its first outcome.
    pub(crate) urgent: bool,
}

/// Where a check of the new plan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The old check at this position, unchanged.
    Same(usize),
    /// The old check at this position, with other settings.
    Changed(usize),
    New,
}

impl Ledger {
    /// Takes over a plan. Gives the checks in the plan's order.
    pub(crate) fn apply(
        &mut self,
        checks: &[HealthCheck],
        targets: &[Arc<Target>],
        guard: GuardSettings,
        now: Duration,
    ) -> Vec<Watch> {
        let origins = origins(&self.checks, checks);
        let checks: Vec<_> =
            checks.iter().zip(&origins).map(|(check, origin)| self.check(check, *origin, guard)).collect();
        let old = std::mem::take(&mut self.targets);
        let beliefs = std::mem::take(&mut self.beliefs);
        for target in targets {
            let belief = beliefs.get(&target.address()).copied();
            let entry = carry(old.get(&target.address()), belief, target, &checks, &origins, now);
            self.targets.insert(target.address(), entry);
        }
        self.checks = checks;
        self.guard = guard;
        for position in 0..self.checks.len() {
            // Silently: whoever applies a plan reads the conditions afterwards.
            let _ = self.conclude(position, None, now, &mut Vec::new());
        }
        self.checks.iter().zip(origins).map(|(check, origin)| check.watch(origin)).collect()
    }

    fn check(&mut self, settings: &HealthCheck, origin: Origin, guard: GuardSettings) -> Check {
        if let Origin::Same(position) = origin {
            let check = self.checks[position].clone();
            return if guard.enabled { check } else { Check { guard: Guard::Watching, ..check } };
        }
        self.next_id += 1;
        Check {
            id: CheckId(self.next_id),
            label: settings.label().into(),
            terms: settings.terms(),
            settings: settings.clone(),
            guard: Guard::default(),
        }
    }
}

impl Check {
    fn watch(&self, origin: Origin) -> Watch {
        let urgent = matches!(origin, Origin::Changed(_)) || self.terms.initial == Initial::Unhealthy;
        Watch { id: self.id, terms: self.terms, urgent }
    }
}

/// Equal checks find each other wherever they moved; the rest follow their position.
fn origins(old: &[Check], new: &[HealthCheck]) -> Vec<Origin> {
    let mut free: Vec<_> = old.iter().map(Some).collect();
    let mut same = |check: &HealthCheck| {
        let position = free.iter().position(|old| old.is_some_and(|old| old.settings == *check))?;
        free[position] = None;
        Some(Origin::Same(position))
    };
    let same: Vec<_> = new.iter().map(&mut same).collect();
    let changed = |position: usize| match free.get(position) {
        Some(Some(_)) => Origin::Changed(position),
        _ => Origin::New,
    };
    same.into_iter().enumerate().map(|(position, same)| same.unwrap_or_else(|| changed(position))).collect()
}

fn carry(
    old: Option<&Entry>,
    belief: Option<Initial>,
    target: &Arc<Target>,
    checks: &[Check],
    origins: &[Origin],
    now: Duration,
) -> Entry {
    let verdict = |(check, origin): (&Check, &Origin)| {
        let verdict = |position: usize| old.map(|entry| &entry.verdicts[position]);
        let thresholds = check.terms.thresholds;
        let known = match *origin {
            Origin::Same(position) => verdict(position).cloned(),
            Origin::Changed(position) => verdict(position).map(|old| Verdict {
                // A state that the guard held is the last good one: the new check has to refute it by itself.
                subject: Subject::new(Health::carried(old.standing != Standing::Unhealthy, thresholds)),
                last: None,
                ..old.clone()
            }),
            Origin::New => None,
        };
        known.unwrap_or_else(|| {
            let initial = belief.unwrap_or(check.terms.initial);
            Verdict::new(Health::initial(initial, thresholds), now)
        })
    };
    let verdicts = checks.iter().zip(origins).map(verdict).collect();
    Entry { target: Arc::clone(target), verdicts, condition: Condition::Ready }
}
