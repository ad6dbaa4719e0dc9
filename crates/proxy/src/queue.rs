//! queue: a request waits until its full group has a berth for it.

use std::time::Instant;

use crate::Group;
use crate::error::ForwardError;
use crate::limit::berth::Berth;
use crate::limit::gate;
use crate::limit::line::Ticket;
use crate::pick::{NoBerth, Wanted, pick};
use crate::upstream::Terms;
use crate::worker::local::{Front, Route};

/// A berth for a request, waited for if it must be. The attempt begins with it.
pub(crate) async fn berth(
    front: &Front,
    route: &Route,
    group: &Group,
    wanted: &mut Wanted<'_>,
    terms: &mut Terms,
) -> Result<Berth, ForwardError> {
    match pick(group, wanted) {
        Ok(berth) => Ok(berth),
        Err(NoBerth::Error(error)) => Err(error),
        Err(NoBerth::Full) => {
            front.attempts(route).queued.increment();
            // Boxed, so that requests which find room are not the size of those that wait.
            let berth = Box::pin(wait(group, wanted, terms.deadline)).await;
            *terms = terms.attempt(Instant::now(), route);
            berth
        }
    }
}

/// Waits in line, until `deadline` at the latest.
async fn wait(group: &Group, wanted: &mut Wanted<'_>, deadline: Option<Instant>) -> Result<Berth, ForwardError> {
    let limits = group.settings().limits.queue;
    let full = || ForwardError::QueueFull { group: group.name().clone() };
    let ticket = group.tally().line.join(limits.length).ok_or_else(full)?;
    let longest = Instant::now() + limits.wait;
    let until = deadline.map_or(longest, |deadline| deadline.min(longest));
    let waited = tokio::time::timeout_at(until.into(), served(group, wanted, &ticket)).await;
    waited.unwrap_or_else(|_| Err(ForwardError::QueueTimeout { group: group.name().clone() }))
}

async fn served(group: &Group, wanted: &mut Wanted<'_>, ticket: &Ticket) -> Result<Berth, ForwardError> {
    // What was freed before there was a ticket was told to nobody.
    let mut may_look = ticket.is_first();
    loop {
        if may_look {
            wanted.now = Instant::now();
            match look(group, wanted, ticket) {
                Ok(berth) => return Ok(berth),
                Err(NoBerth::Error(error)) => return Err(error),
                // Another may take what this one must not.
                Err(NoBerth::Full) if wanted.only.is_some() || !wanted.tried.is_empty() => ticket.pass_on(),
                Err(NoBerth::Full) => {}
            }
        }
        ticket.called().await;
        may_look = true;
    }
}

fn look(group: &Group, wanted: &mut Wanted<'_>, ticket: &Ticket) -> Result<Berth, NoBerth> {
    let balance = group.balance();
    let barred = wanted.barred(&balance);
    gate::pass(group, &balance, wanted, barred, Some(ticket))
}
