//! The line in front of a target group that is full: bounded, first come first served, over all workers.
//!
//! Whoever frees a place calls the first who is not called yet, and nobody else. A caller that finds the place unfit (it
//! tried that target already), or leaves before it looked, passes the call on. Nobody who comes later looks for a place
//! while somebody waits.
//!
//! The line has a lock, which is held for one operation on a map. It is taken only by requests that must wait, and by
//! those that free a place while somebody waits; all others read one counter.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Who waits for one group.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: AtomicUsize,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    /// By ticket, so the first is who came first.
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    called: bool,
    waker: Option<Waker>,
}

impl Line {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A place at the end, unless `most` wait already.
    pub(crate) fn join(self: &Arc<Self>, most: usize) -> Option<Ticket> {
        self.waiting.fetch_update(SeqCst, SeqCst, |waiting| (waiting < most).then_some(waiting + 1)).ok()?;
        let mut places = self.places();
        let number = places.next;
        places.next += 1;
        places.waiting.insert(number, Waiting::default());
        drop(places);
        // What was freed before is seen by who looks after this; who frees later sees that somebody waits.
        fence(SeqCst);
        Some(Ticket { line: Arc::clone(self), number })
    }

    /// Calls whoever comes first, after a place was freed.
    pub(crate) fn freed(&self) {
        fence(SeqCst);
        if !self.is_empty() {
            self.call(Bound::Unbounded);
        }
    }

    /// Calls a few of those who wait: there may be places that nobody freed, since targets came back or limits grew.
    pub(crate) fn stir(&self) {
        (0..self.len().min(16)).for_each(|_| self.call(Bound::Unbounded));
    }

    fn call(&self, after: Bound<u64>) {
        let mut places = self.places();
        let next = places.waiting.range_mut((after, Bound::Unbounded)).find(|(_, waiting)| !waiting.called);
        let waker = next.and_then(|(_, waiting)| {
            waiting.called = true;
            waiting.waker.take()
        });
        drop(places);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // No operation on the map can panic half way.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line, given up by its drop.
#[derive(Debug)]
pub(crate) struct Ticket {
    line: Arc<Line>,
    number: u64,
}

impl Ticket {
    /// Whether nobody came before.
    pub(crate) fn is_first(&self) -> bool {
        self.line.places().waiting.first_key_value().is_some_and(|(first, _)| *first == self.number)
    }

    /// Waits until a place may be free for this ticket.
    pub(crate) async fn called(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut places = self.line.places();
        // A ticket is in the map until its drop.
        let Some(waiting) = places.waiting.get_mut(&self.number) else { return Poll::Ready(()) };
        if std::mem::take(&mut waiting.called) {
            return Poll::Ready(());
        }
        if !waiting.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            waiting.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The free place did not fit: the next one may look.
    pub(crate) fn pass_on(&self) {
        self.line.call(Bound::Excluded(self.number));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let gone = self.line.places().waiting.remove(&self.number);
        self.line.waiting.fetch_sub(1, SeqCst);
        // Called, and gone before it looked.
        if gone.is_some_and(|waiting| waiting.called) {
            self.line.freed();
        }
    }
}

#[cfg(test)]
mod tests;
