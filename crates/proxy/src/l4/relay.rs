//! One connection that is passed on, as whoever looks after connections sees it.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use equipoise_target::{Endpoint, GroupName};

use super::pump::Flow;
use super::stats::RelayStats;
use crate::downstream::peer::Peer;
use crate::worker::local::Front;

/// Why a connection was ended from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing moved for the idle time-out.
    Idle,
    /// The target left its group, and its time to finish is over.
    TargetLeft,
    /// The listener is gone or the program ends, and the time to finish is over.
    Drained,
}

impl Verdict {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Idle => "idle-timeout",
            Self::TargetLeft => "target-left",
            Self::Drained => "drained",
        }
    }
}

/// Where a connection goes, once that is decided.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) group: GroupName,
    pub(crate) stats: RelayStats,
}

/// One connection that is passed on. No read sets a timer: the sweep asks when something moved last.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) key: u64,
    /// Its listener's address in the configuration.
    pub(crate) bind: Endpoint,
    pub(crate) peer: Peer,
    /// The listener as it is now, so that a long connection keeps no generation alive.
    front: RefCell<Rc<Front>>,
    way: OnceCell<Way>,
    target: Cell<Option<Endpoint>>,
    attempts: Cell<u8>,
    pub(crate) flow: Flow,
    /// What the counters have been told of `flow`.
    told: Cell<(u64, u64)>,
    /// When a sweep saw that something had moved, and how much it was in all.
    seen: Cell<(Instant, u64)>,
    /// When the connection must be over, once it is to end.
    retired_by: Cell<Option<Instant>>,
    verdict: Cell<Option<Verdict>>,
    waker: RefCell<Option<Waker>>,
}

impl Relay {
    pub(crate) fn new(key: u64, peer: Peer, front: &Rc<Front>, now: Instant) -> Self {
        Self {
            key,
            bind: front.listener().bind,
            peer,
            front: RefCell::new(Rc::clone(front)),
            way: OnceCell::new(),
            target: Cell::new(None),
            attempts: Cell::new(0),
            flow: Flow::default(),
            told: Cell::new((0, 0)),
            seen: Cell::new((now, 0)),
            retired_by: Cell::new(None),
            verdict: Cell::new(None),
            waker: RefCell::new(None),
        }
    }

    pub(crate) fn front(&self) -> Rc<Front> {
        Rc::clone(&self.front.borrow())
    }

    /// The listener has changed.
    pub(crate) fn moved_to(&self, front: &Rc<Front>) {
        self.front.replace(Rc::clone(front));
    }

    /// The connection goes to a group.
    pub(crate) fn routed(&self, way: Way) {
        // Decided once for each connection.
        let _ = self.way.set(way);
    }

    pub(crate) fn way(&self) -> Option<&Way> {
        self.way.get()
    }

    /// The connection goes, or would have gone, to this target.
    pub(crate) fn goes_to(&self, target: Endpoint) {
        self.target.set(Some(target));
        self.attempts.set(self.attempts.get().saturating_add(1));
    }

    pub(crate) fn attempts(&self) -> u8 {
        self.attempts.get()
    }

    pub(crate) fn target(&self) -> Option<Endpoint> {
        self.target.get()
    }

    /// Whether the connection goes to the target at `address` as a member of `group`.
    pub(crate) fn is_between(&self, group: &GroupName, address: Endpoint) -> bool {
        self.target.get() == Some(address) && self.way.get().is_some_and(|way| way.group == *group)
    }

    /// The connection is to be over by `deadline`; until then it goes on.
    pub(crate) fn retire(&self, deadline: Instant) {
        self.retired_by.set(Some(self.retired_by.get().map_or(deadline, |earlier| earlier.min(deadline))));
    }

    /// Ends the connection.
    pub(crate) fn judge(&self, verdict: Verdict) {
        if self.verdict.get().is_none() {
            self.verdict.set(Some(verdict));
        }
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Whether the connection is to end, asked at each turn of its task.
    pub(crate) fn verdict(&self, context: &Context<'_>) -> Option<Verdict> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        self.verdict.get()
    }

    /// Ends the connection when it waits too long, and tells the counters what has moved.
    pub(crate) fn sweep(&self, now: Instant) {
        let moved = self.tell();
        let (since, before) = self.seen.get();
        if moved != before {
            self.seen.set((now, moved));
        }
        if self.retired_by.get().is_some_and(|deadline| now >= deadline) {
            self.judge(Verdict::Drained);
        } else if moved == before && now.saturating_duration_since(since) >= self.idle() {
            self.judge(Verdict::Idle);
        }
    }

    fn idle(&self) -> Duration {
        // A listener that passes nothing on any more is about to be gone.
        self.front.borrow().listener().protocol.tcp().map_or(Duration::MAX, |settings| settings.idle)
    }

    /// Tells the counters what has moved since they were told last. How much moved in all.
    pub(crate) fn tell(&self) -> u64 {
        let (received, sent) = (self.flow.received.get(), self.flow.sent.get());
        let (told_received, told_sent) = self.told.replace((received, sent));
        if let Some(way) = self.way.get() {
            way.stats.moved(received - told_received, sent - told_sent);
        }
        received + sent
    }
}
