//! The ledger read out.

use std::sync::Arc;
use std::time::Duration;

use super::verdict::{Standing, Verdict};
use super::{Check, Ledger};
use crate::guard::Guard;
use crate::{CheckReport, GroupReport, TargetReport, VerdictReport};

impl Ledger {
    pub(crate) fn report(&self, now: Duration) -> GroupReport {
        let targets = self.targets.iter().map(|(address, entry)| TargetReport {
            address: *address,
            condition: entry.condition,
            checks: entry.verdicts.iter().map(|verdict| verdict.report(now)).collect(),
        });
        GroupReport {
            group: self.group.clone(),
            checks: self.checks.iter().map(Check::report).collect(),
            targets: targets.collect(),
        }
    }
}

impl Check {
    fn report(&self) -> CheckReport {
        CheckReport {
            label: Arc::clone(&self.label),
            layer: self.terms.layer,
            effect: self.terms.effect,
            held: matches!(self.guard, Guard::Holding { .. }),
        }
    }
}

impl Verdict {
    fn report(&self, now: Duration) -> VerdictReport {
        VerdictReport {
            health: self.subject.health,
            spared: self.standing == Standing::Spared,
            last: self.last.as_ref().map(|(outcome, at)| (outcome.clone(), now.saturating_sub(*at))),
            unchanged_for: now.saturating_sub(self.since),
        }
    }
}
