//! door: whether a request comes in at all. It may come too often, or one too many, or to a worker that cannot keep up.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::request::Parts;

use crate::Listener;
use crate::limit::rate::Limiter;
use crate::record::Record;
use crate::reply::Failure;

/// What all workers count of a listener's requests together. Listeners without limits have none.
#[derive(Debug)]
pub(crate) struct Door {
    /// Requests at a time, and how many there may be.
    requests: Option<(Arc<AtomicUsize>, usize)>,
    limiters: Vec<Arc<Limiter>>,
}

impl Door {
    /// The door of `listener`, which goes on with the counts of an `earlier` one.
    pub(crate) fn new(listener: &Listener, earlier: Option<&Self>) -> Option<Self> {
        let counted = || earlier.and_then(|door| door.requests.as_ref()).map(|(count, _)| Arc::clone(count));
        let requests = listener.limits.requests.map(|limit| (counted().unwrap_or_default(), limit));
        let known = |limit| earlier.and_then(|door| door.limiters.iter().find(|known| known.settings() == limit));
        let limiters: Vec<_> = listener
            .rate_limits
            .iter()
            .map(|limit| known(limit).map_or_else(|| Arc::new(Limiter::new(limit.clone())), Arc::clone))
            .collect();
        (requests.is_some() || !limiters.is_empty()).then_some(Self { requests, limiters })
    }

    /// Lets a request in, as one of those that the listener has at a time, until the drop of what it gets.
    fn enter(&self, head: &Parts, client: IpAddr) -> Result<Option<Present>, Failure> {
        let present = self.requests.as_ref().map(|(count, limit)| Present::enter(count, *limit));
        let present = present.map(|present| present.ok_or(Failure::Overload)).transpose()?;
        self.limiters.iter().try_for_each(|limiter| limiter.admit(head, client))?;
        Ok(present)
    }
}

/// Lets the request in, or says why not.
pub(crate) fn enter(record: &mut Record, head: &Parts, client: IpAddr) -> Result<(), Failure> {
    if record.worker().shedding.get().refuses(|| fastrand::u16(..1000)) {
        return Err(Failure::Overload);
    }
    if let Some(door) = &record.front().place().door {
        let present = door.enter(head, client)?;
        record.is_here(present);
    }
    Ok(())
}

/// One of the listener's requests at a time.
#[derive(Debug)]
pub(crate) struct Present(Arc<AtomicUsize>);

impl Present {
    fn enter(count: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let present = Self(Arc::clone(count)); // taken back by its drop, also when it was one too many
        (count.fetch_add(1, Relaxed) < limit).then_some(present)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
