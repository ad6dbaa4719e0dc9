//! What the monitor tells while it watches.

use std::fmt;
use std::sync::Arc;

use equipoise_target::{Endpoint, GroupName};

use crate::Effect;

/// Something that an operator may want to know. `Display` tells it in one line.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthEvent {
    /// The target group.
    pub group: GroupName,
    /// The check, as [`HealthCheck::label`](crate::HealthCheck::label) names it.
    pub check: Arc<str>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A target is believed to be unhealthy from now on.
    Unhealthy {
        /// The target.
        address: Endpoint,
        /// Why the last look failed.
        reason: Arc<str>,
        /// What that does to the target, unless it is `spared`.
        effect: Effect,
        /// Whether the guard holds the target's last good state, so that nothing happens to it.
        spared: bool,
    },
    /// A target is believed to be healthy from now on.
    Healthy {
        /// The target.
        address: Endpoint,
    },
    /// A check could not be made; told once until it can be made again.
    Inconclusive {
        /// The target.
        address: Endpoint,
        /// What stood in the way.
        reason: Arc<str>,
    },
    /// The alarm of war story two: most targets fail this check together while their live traffic succeeds, so the
    /// check is judged and its targets keep their last good state.
    Held {
        /// Targets that fail the check.
        failing: usize,
        /// Targets that were good before.
        of: usize,
        /// Why the last look at one of them failed.
        reason: Arc<str>,
    },
    /// The guard let go.
    Released {
        /// Why.
        why: Release,
    },
}

/// Why the guard let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Most targets pass the check again.
    CheckRecovered,
    /// Live traffic to most targets fails too: the check was right, or became right.
    TrafficFails,
}

impl fmt::Display for HealthEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, check, kind } = self;
        write!(f, "target group `{group}`, check `{check}`: ")?;
        match kind {
            EventKind::Unhealthy { address, reason, spared: true, .. } => {
                write!(f, "{address} fails ({reason}), but the check itself is in doubt and the target is kept")
            }
            EventKind::Unhealthy { address, reason, effect, .. } => match effect {
                Effect::Eject => write!(f, "{address} is unhealthy and takes no new requests: {reason}"),
                Effect::Degrade { to } => write!(f, "{address} is unhealthy and keeps {to} of its weight: {reason}"),
                Effect::Alarm => write!(f, "{address} is unhealthy: {reason}"),
            },
            EventKind::Healthy { address } => write!(f, "{address} is healthy"),
            EventKind::Inconclusive { address, reason } => write!(f, "{address} could not be checked: {reason}"),
            EventKind::Held { failing, of, reason } => write!(
                f,
                "{failing} of {of} targets fail together ({reason}) while their live traffic succeeds: the check is \
                 judged, not the targets; their last good state is held"
            ),
            EventKind::Released { why: Release::CheckRecovered } => {
                f.write_str("most targets pass again: their own results count again")
            }
            EventKind::Released { why: Release::TrafficFails } => {
                f.write_str("live traffic fails too: the check is believed again")
            }
        }
    }
}
