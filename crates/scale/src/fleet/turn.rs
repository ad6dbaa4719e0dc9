//! One call of the fleet: its time, the names it gives, and what comes of it.

use crate::{ActivityId, Effect, InstanceId, Moment};

/// Where names of instances and numbers of activities come from.
#[derive(Debug)]
pub(crate) struct Source {
    names: fastrand::Rng,
    next_activity: ActivityId,
}

impl Source {
    pub(crate) fn new(seed: u64, next_activity: ActivityId) -> Self {
        Self { names: fastrand::Rng::with_seed(seed), next_activity }
    }
}

/// What is handed through a call.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// When the call is.
    pub(crate) now: Moment,
    /// What the shell is to do, in this order.
    pub(crate) effects: Vec<Effect>,
    source: &'a mut Source,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: Moment, source: &'a mut Source) -> Self {
        Self { now, effects: Vec::new(), source }
    }

    /// A name that no instance had before.
    pub(crate) fn instance(&mut self) -> InstanceId {
        InstanceId::from_number(self.source.names.u64(..))
    }

    /// The next number of an activity.
    pub(crate) fn activity(&mut self) -> ActivityId {
        let id = self.source.next_activity;
        self.source.next_activity += 1;
        id
    }
}
