//! Tunnels: connections that began as a request and carry something else now, such as WebSocket.
//!
//! A tunnel opens only after a target said yes to what was asked (`policy/upgrade.rs`). From then on hyper is out of the
//! way on both sides and bytes are passed on as they come. Its request goes on until the tunnel ends: the lease, the
//! record and the client's connection belong to it. Like any other wait, its time-outs are no timers but the sweep's.

mod ask;
mod opening;
mod pipe;
mod run;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use equipoise_target::Endpoint;

use crate::worker::local::Route;
use crate::worker::members::Members;

pub(crate) use ask::{Asked, ask};
pub(crate) use opening::{Opening, Ready, Switched, open};

/// A worker's tunnels.
#[derive(Debug)]
pub(crate) struct Tunnels {
    pub(crate) open: Members<Tunnel>,
    /// Where bytes are on their way through, for one call at a time.
    room: RefCell<Box<[u8]>>,
}

impl Tunnels {
    pub(crate) fn new() -> Self {
        Self { open: Members::new(), room: RefCell::new(vec![0; pipe::ROOM].into()) }
    }
}

/// Why a tunnel is ended from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Nothing moved for too long.
    Idle,
    /// It has been open for longer than any stream may be.
    TooLong,
    /// The target left its group, and its time to finish is over.
    TargetLeft,
}

/// One open tunnel, as whoever walks over all of them sees it.
#[derive(Debug)]
pub(crate) struct Tunnel {
    key: u64,
    route: Rc<Route>,
    target: Endpoint,
    idle: Duration,
    /// When it must be over.
    until: Option<Instant>,
    /// Whether a byte moved since the last sweep: time is looked at by the sweep alone.
    moved: Cell<bool>,
    last_moved: Cell<Instant>,
    overdue: Cell<Option<Overdue>>,
    waker: RefCell<Option<Waker>>,
}

impl Tunnel {
    pub(crate) fn new(key: u64, route: &Rc<Route>, target: Endpoint, now: Instant) -> Self {
        // Only requests that a group got are sent anywhere.
        let timeouts = route.group.as_ref().map(|group| group.settings().timeouts).unwrap_or_default();
        Self {
            key,
            route: Rc::clone(route),
            target,
            idle: timeouts.stream_idle,
            until: timeouts.stream.map(|limit| now + limit),
            moved: Cell::new(false),
            last_moved: Cell::new(now),
            overdue: Cell::new(None),
            waker: RefCell::new(None),
        }
    }

    /// Ends the tunnel if it is one between `group` and `target`.
    pub(crate) fn cut(&self, group: &str, target: Endpoint) {
        if self.target == target && self.route.name() == group {
            self.end(Overdue::TargetLeft);
        }
    }

    /// Ends the tunnel when it waits too long.
    pub(crate) fn sweep(&self, now: Instant) {
        if self.moved.take() {
            self.last_moved.set(now);
        }
        if self.until.is_some_and(|until| now >= until) {
            self.end(Overdue::TooLong);
        } else if now.saturating_duration_since(self.last_moved.get()) >= self.idle {
            self.end(Overdue::Idle);
        }
    }

    fn end(&self, why: Overdue) {
        self.overdue.set(self.overdue.get().or(Some(why)));
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Why the tunnel is to end, asked at each of its turns.
    fn overdue(&self, cx: &Context<'_>) -> Option<Overdue> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.overdue.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(300);

    fn tunnel(start: Instant) -> Tunnel {
        let tunnel = Tunnel::new(0, &Rc::default(), Endpoint::Ip(([127, 0, 0, 1], 80).into()), start);
        Tunnel { until: Some(start + 3 * IDLE), idle: IDLE, ..tunnel }
    }

    #[test]
    fn a_tunnel_ends_when_nothing_moved_for_long() {
        let start = Instant::now();
        let tunnel = tunnel(start);
        tunnel.sweep(start + IDLE / 2);
        tunnel.moved.set(true);
        tunnel.sweep(start + IDLE);
        assert_eq!(tunnel.overdue.get(), None);
        tunnel.sweep(start + 2 * IDLE);
        assert_eq!(tunnel.overdue.get(), Some(Overdue::Idle));
    }

    #[test]
    fn a_tunnel_ends_when_it_was_open_for_long_however_busy_it_is() {
        let start = Instant::now();
        let tunnel = tunnel(start);
        tunnel.moved.set(true);
        tunnel.sweep(start + 3 * IDLE);
        assert_eq!(tunnel.overdue.get(), Some(Overdue::TooLong));
    }

    #[test]
    fn only_the_target_that_left_loses_its_tunnels() {
        let tunnel = tunnel(Instant::now());
        tunnel.cut("", Endpoint::Ip(([127, 0, 0, 1], 81).into()));
        tunnel.cut("other", tunnel.target);
        assert_eq!(tunnel.overdue.get(), None);
        tunnel.cut("", tunnel.target);
        assert_eq!(tunnel.overdue.get(), Some(Overdue::TargetLeft));
    }
}
