//! What one check says about one target.

use std::sync::Arc;
use std::time::Duration;

use equipoise_target::Endpoint;

use crate::guard::{Guard, GuardSettings, Subject};
use crate::{Effect, EventKind, Health, Outcome};

#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) subject: Subject,
    pub(super) standing: Standing,
    /// When `standing` last changed.
    pub(super) since: Duration,
    pub(super) last: Option<(Outcome, Duration)>,
}

/// What follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Healthy,
    /// Unhealthy by its check, but the guard holds the last good state.
    Spared,
    Unhealthy,
}

impl Verdict {
    pub(super) fn new(health: Health, now: Duration) -> Self {
        let standing = if health.is_healthy() { Standing::Healthy } else { Standing::Unhealthy };
        Self { subject: Subject::new(health), standing, since: now, last: None }
    }

    pub(super) fn judge(&self, guard: Guard, settings: &GuardSettings) -> Standing {
        match self.subject.health {
            Health::Healthy { .. } => Standing::Healthy,
            Health::Unhealthy { .. } if guard.spares(&self.subject, settings) => Standing::Spared,
            Health::Unhealthy { .. } => Standing::Unhealthy,
        }
    }

    /// Takes on a standing; `Some` when it is a new one.
    pub(super) fn stand(&mut self, standing: Standing, now: Duration) -> Option<()> {
        let is_new = standing != self.standing;
        if is_new {
            (self.standing, self.since) = (standing, now);
        }
        is_new.then_some(())
    }

    /// The event that tells of the present standing.
    pub(super) fn event(&self, address: Endpoint, effect: Effect) -> EventKind {
        let unhealthy = |spared| {
            let reason = self.reason().unwrap_or_else(|| "no reason given".into());
            EventKind::Unhealthy { address, reason, effect, spared }
        };
        match self.standing {
            Standing::Healthy => EventKind::Healthy { address },
            Standing::Spared => unhealthy(true),
            Standing::Unhealthy => unhealthy(false),
        }
    }

    pub(super) fn has_effect(&self) -> bool {
        self.standing == Standing::Unhealthy
    }

    pub(super) fn was_conclusive(&self) -> bool {
        !matches!(self.last, Some((Outcome::Inconclusive(_), _)))
    }

    pub(super) fn reason(&self) -> Option<Arc<str>> {
        match &self.last {
            Some((Outcome::Fail(reason) | Outcome::Inconclusive(reason), _)) => Some(Arc::clone(reason)),
            Some((Outcome::Pass, _)) | None => None,
        }
    }
}
