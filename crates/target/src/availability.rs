//! Who may take a new request right now, with which effective weight.

use crate::{Membership, TargetIndex};

/// What the rest of the program knows about a target when availability is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Takes its full share.
    Ready,
    /// Takes a reduced share: `percent` / 100 of what its weight would give it, never nothing.
    Degraded {
        /// Share that is left, 1 to 100.
        percent: u8,
    },
    /// Failed its health checks. Comes back when the group fails open.
    Unhealthy,
    /// Being deregistered, or weighted 0. Never takes a new request, even when the group fails open.
    Out,
}

/// Whether a target takes new requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Takes new requests in proportion to `weight`, which is at least 1.
    Available {
        /// Effective weight after health and slow start, in units of 1 / [`Availability::scale`].
        weight: u32,
    },
    /// Takes none.
    Unavailable,
}

/// The standing of every member of one [`Membership`], in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    standings: Box<[Standing]>,
    failed_open: bool,
    scale: u32,
}

impl Availability {
    /// Decides who takes new requests.
    ///
    /// Members of the lowest priority tier that has a ready or degraded member are available. When no tier has one and
    /// `fail_open` holds, every unhealthy member of the lowest tier becomes available again: when all checks fail, the
    /// checks are the likelier culprit, and a chance of an answer beats a certain 503.
    #[must_use]
    pub fn compute(membership: &Membership, condition: impl Fn(TargetIndex) -> Condition, fail_open: bool) -> Self {
        let conditions: Vec<_> = membership
            .iter()
            .map(|(index, member)| match condition(index) {
                _ if member.weight == 0 => (member.priority, Condition::Out),
                condition => (member.priority, condition),
            })
            .collect();
        let lowest = |admit: fn(Condition) -> bool| {
            conditions.iter().filter(|(_, condition)| admit(*condition)).map(|(priority, _)| *priority).min()
        };
        let healthy = |condition| matches!(condition, Condition::Ready | Condition::Degraded { .. });
        let (tier, failed_open) = match lowest(healthy) {
            Some(tier) => (Some(tier), false),
            None if fail_open => {
                let tier = lowest(|condition| condition == Condition::Unhealthy);
                (tier, tier.is_some())
            }
            None => (None, false),
        };
        let reduced = |(priority, condition): &(u32, Condition)| {
            Some(*priority) == tier && matches!(condition, Condition::Degraded { .. })
        };
        // A tenth of 1 is less than 1, and beside others of 1 it must be.
        let scale = if conditions.iter().any(reduced) { 100 } else { 1 };
        let full = |weight: u32| weight.saturating_mul(scale);
        let standings = membership.members().iter().zip(&conditions).map(|(member, (priority, condition))| {
            if Some(*priority) != tier {
                return Standing::Unavailable;
            }
            match condition {
                Condition::Ready => Standing::Available { weight: full(member.weight) },
                Condition::Degraded { percent } => Standing::Available { weight: share(full(member.weight), *percent) },
                Condition::Unhealthy if failed_open => Standing::Available { weight: full(member.weight) },
                Condition::Unhealthy | Condition::Out => Standing::Unavailable,
            }
        });
        Self { standings: standings.collect(), failed_open, scale }
    }

    /// Whether `index` takes new requests.
    #[must_use]
    pub fn is_available(&self, index: TargetIndex) -> bool {
        matches!(self.standing(index), Standing::Available { .. })
    }

    /// The standing of `index`; unavailable when the index is foreign.
    #[must_use]
    pub fn standing(&self, index: TargetIndex) -> Standing {
        self.standings.get(index.get()).copied().unwrap_or(Standing::Unavailable)
    }

    /// All standings in membership order.
    #[must_use]
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// What a member's weight is multiplied by in the weight of its standing: 1, or 100 while the share of somebody is
    /// reduced.
    #[must_use]
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Whether nobody was healthy and the group lets requests through all the same.
    #[must_use]
    pub fn failed_open(&self) -> bool {
        self.failed_open
    }
}

fn share(weight: u32, percent: u8) -> u32 {
    let reduced = u64::from(weight) * u64::from(percent.min(100)) / 100;
    // At most `weight`, which is a `u32`.
    (reduced as u32).max(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{GroupName, Member, Target};

    fn membership(spec: &[(u32, u32)]) -> Membership {
        let members = spec.iter().enumerate().map(|(n, &(weight, priority))| Member {
            target: Arc::new(Target::new(([127, 0, 0, 1], n as u16 + 1))),
            weight,
            priority,
        });
        Membership::new(GroupName::new("g").unwrap(), members.collect())
    }

    #[track_caller]
    fn check(spec: &[(u32, u32)], conditions: &[Condition], fail_open: bool, want: &[u32], failed_open: bool) {
        let membership = membership(spec);
        let got = Availability::compute(&membership, |index| conditions[index.get()], fail_open);
        let weights: Vec<_> = got
            .standings()
            .iter()
            .map(|standing| match standing {
                Standing::Available { weight } => *weight,
                Standing::Unavailable => 0,
            })
            .collect();
        assert_eq!((weights.as_slice(), got.failed_open()), (want, failed_open));
    }

    use Condition::{Degraded, Out, Ready, Unhealthy};

    #[test]
    fn healthy_targets_keep_their_weight() {
        check(&[(3, 0), (1, 0)], &[Ready, Unhealthy], true, &[3, 0], false);
    }

    #[test]
    fn a_degraded_target_keeps_its_part_of_its_share_however_small_its_weight() {
        check(&[(20, 0), (1, 0)], &[Degraded { percent: 10 }; 2], true, &[200, 10], false);
        check(&[(1, 0), (1, 0)], &[Degraded { percent: 10 }, Ready], true, &[10, 100], false);
        check(&[(1, 0), (1, 0)], &[Degraded { percent: 0 }, Ready], true, &[1, 100], false);
        check(&[(1, 1), (1, 0)], &[Degraded { percent: 10 }, Ready], true, &[0, 1], false);
    }

    #[test]
    fn a_group_fails_open_only_when_asked_and_never_to_a_draining_target() {
        check(&[(1, 0); 3], &[Unhealthy, Unhealthy, Out], true, &[1, 1, 0], true);
        check(&[(1, 0); 3], &[Unhealthy, Unhealthy, Out], false, &[0, 0, 0], false);
        check(&[(1, 0)], &[Out], true, &[0], false);
    }

    #[test]
    fn weight_zero_takes_no_new_request() {
        check(&[(0, 0), (1, 0)], &[Ready, Ready], true, &[0, 1], false);
    }

    #[test]
    fn a_higher_tier_waits_until_the_lower_is_gone() {
        check(&[(1, 0), (1, 1)], &[Ready, Ready], true, &[1, 0], false);
        check(&[(1, 0), (1, 1)], &[Unhealthy, Ready], true, &[0, 1], false);
    }
}
