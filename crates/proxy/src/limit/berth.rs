//! What an attempt holds at its target and its group while it is under way.

use std::sync::Arc;
use std::time::Instant;

use equipoise_target::{Admission, Lease, Target, Turn};

use crate::limit::breaker::Breaker;
use crate::limit::epoch::millis;
use crate::limit::tally::Tally;

/// A lease, and what else is given back with it.
#[derive(Debug)]
pub(crate) struct Berth {
    // Dropped in this order: who is called to the place finds it free.
    lease: Lease,
    held: Option<Box<Held>>,
}

/// There only for groups with limits, and for probes of a circuit.
#[derive(Debug)]
struct Held {
    probe: Option<(Arc<Target>, Admission)>,
    tally: Option<Arc<Tally>>,
}

impl Berth {
    /// A lease and nothing else.
    pub(crate) fn plain(lease: Lease) -> Self {
        Self { lease, held: None }
    }

    /// With an attempt that was counted in `tally`, and what the target's circuit said.
    pub(crate) fn held(lease: Lease, admission: Admission, tally: Option<Arc<Tally>>) -> Self {
        let probe = (admission != Admission::Free).then(|| (Arc::clone(lease.target()), admission));
        let held = (probe.is_some() || tally.is_some()).then(|| Box::new(Held { probe, tally }));
        Self { lease, held }
    }

    pub(crate) fn target(&self) -> &Arc<Target> {
        self.lease.target()
    }

    /// Tells the target's circuit how the attempt ended, and gives back its probe.
    pub(crate) fn judge(&mut self, breaker: &Breaker, good: bool) -> Turn {
        let probe = self.held.as_mut().and_then(|held| held.probe.take());
        let admission = probe.map_or(Admission::Free, |(_, admission)| admission);
        let (circuit, now) = (self.target().circuit(), millis(Instant::now()));
        if good {
            circuit.passed(admission, &breaker.terms, now)
        } else {
            circuit.failed(admission, &breaker.terms, now, fastrand::u32(..))
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((target, admission)) = self.probe.take() {
            target.circuit().released(admission);
        }
        if let Some(tally) = &self.tally {
            tally.leave();
            tally.line.freed();
        }
    }
}
