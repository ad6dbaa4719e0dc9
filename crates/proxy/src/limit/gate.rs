//! Whether a target that was picked takes the request now: limits and circuits.
//!
//! The group's choice is asked first, so that nothing is added to a pick while nobody is full or failing. Only when the
//! choice cannot take the request are the others looked at, all at once, and the group chooses among those that can.

use std::sync::Arc;

use equipoise_balance::Tried;
use equipoise_target::{Admission, Lease, Target, TargetIndex};

use crate::Group;
use crate::error::ForwardError;
use crate::group::Balance;
use crate::limit::berth::Berth;
use crate::limit::epoch::millis;
use crate::limit::line::Ticket;
use crate::pick::{NoBerth, Wanted, choose};

/// A berth at a target that has room and whose circuit lets the request through. With a `ticket`, those who wait are
/// behind this request.
pub(crate) fn pass(
    group: &Group,
    balance: &Balance,
    wanted: &mut Wanted<'_>,
    mut barred: Tried,
    ticket: Option<&Ticket>,
) -> Result<Berth, NoBerth> {
    let entry = Entry::new(group, wanted, ticket)?;
    let mut seen = Seen::default();
    // Each turn bars at least the target that was chosen in vain.
    loop {
        let (index, target) = choose(group, balance, wanted, &barred).map_err(|error| seen.verdict(group, error))?;
        match entry.lease(target, seen.ignoring) {
            Ok((lease, admission)) => return Ok(entry.berth(lease, admission)),
            Err(No::Full) => seen.full = true,
            Err(No::Open) => seen.open = true,
        }
        let believed = !seen.ignoring;
        entry.look(balance, &mut barred, index, &mut seen);
        // The group's choice stands, then; another one would be the same target's neighbour again and again.
        if believed
            && seen.ignoring
            && let Ok((lease, admission)) = entry.lease(target, true)
        {
            return Ok(entry.berth(lease, admission));
        }
    }
}

/// What was met while looking.
#[derive(Debug, Default)]
struct Seen {
    full: bool,
    open: bool,
    /// So many circuits are open that they are not believed.
    ignoring: bool,
}

/// Why a target does not take a request.
enum No {
    Full,
    Open,
}

impl Seen {
    /// Why nobody takes the request.
    fn verdict(&self, group: &Group, error: ForwardError) -> NoBerth {
        match error {
            ForwardError::NoTarget { .. } if self.full => NoBerth::Full,
            ForwardError::NoTarget { group: _ } if self.open => {
                ForwardError::CircuitOpen { group: group.name().clone() }.into()
            }
            error => error.into(),
        }
    }
}

/// One request in front of its group, counted there.
struct Entry<'a> {
    group: &'a Group,
    now: u64,
    /// Whether the group's count goes up with this request.
    counted: bool,
    has_ticket: bool,
}

impl<'a> Entry<'a> {
    fn new(group: &'a Group, wanted: &Wanted<'_>, ticket: Option<&Ticket>) -> Result<Self, NoBerth> {
        let (limits, tally) = (&group.settings().limits, group.tally());
        let counted = limits.is_limited();
        if counted {
            // Who comes later does not overtake those who wait.
            let may_enter = ticket.is_some() || tally.line.is_empty();
            if !(may_enter && tally.enter(limits.requests.unwrap_or(u32::MAX))) {
                return Err(NoBerth::Full);
            }
        }
        Ok(Self { group, now: millis(wanted.now), counted, has_ticket: ticket.is_some() })
    }

    fn lease(&self, target: &Arc<Target>, ignoring: bool) -> Result<(Lease, Admission), No> {
        let settings = self.group.settings();
        let admission = match &settings.breaker {
            Some(breaker) if !ignoring => target.circuit().admit(&breaker.terms, self.now),
            _ => Admission::Free,
        };
        if admission == Admission::Refused {
            return Err(No::Open);
        }
        let lease = match settings.limits.requests_per_target {
            Some(limit) => target.lease_within(limit),
            None => Some(target.lease()),
        };
        lease.map(|lease| (lease, admission)).ok_or_else(|| {
            target.circuit().released(admission);
            No::Full
        })
    }

    /// The berth, which from now on answers for the group's count.
    fn berth(mut self, lease: Lease, admission: Admission) -> Berth {
        let tally = std::mem::take(&mut self.counted).then(|| Arc::clone(self.group.tally()));
        Berth::held(lease, admission, tally)
    }

    /// Bars everybody who would say no, and `index`, who has just said it.
    fn look(&self, balance: &Balance, barred: &mut Tried, index: TargetIndex, seen: &mut Seen) {
        let settings = self.group.settings();
        let (mut available, mut left, mut open) = (0, 0, Vec::new());
        for (position, member, _) in balance.snapshot.available() {
            available += 1;
            let refuses = |target: &Target| {
                let breaker = settings.breaker.as_ref().filter(|_| !seen.ignoring);
                breaker.is_some_and(|breaker| target.circuit().state().refuses(&breaker.terms, self.now))
            };
            let is_full = settings.limits.requests_per_target.is_some_and(|limit| member.target.in_flight() >= limit);
            if refuses(&member.target) {
                open.push(position);
            } else if is_full {
                seen.full |= !barred.contains(position);
                barred.add(position);
            } else if !barred.contains(position) && position != index {
                left += 1;
            }
        }
        seen.open |= !open.is_empty();
        let breaker = settings.breaker.as_ref();
        if !seen.ignoring && breaker.is_some_and(|breaker| breaker.is_ignored(open.len(), available, left)) {
            seen.ignoring = true;
            return;
        }
        open.into_iter().chain([index]).for_each(|position| barred.add(position));
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.group.tally().leave();
            // Somebody may have found the group full because of this request. With a ticket it is called itself, or passes
            // the call on.
            if !self.has_ticket {
                self.group.tally().line.freed();
            }
        }
    }
}
