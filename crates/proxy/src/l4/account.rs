//! account: what is noted of a connection when it is over, however it ends.

use std::rc::Rc;
use std::time::Instant;

use super::relay::Relay;
use crate::listen::seat::Seat;
use crate::log::Passage;
use crate::stats::ListenerStats;
use crate::worker::Worker;
use crate::worker::local::Front;

/// One connection's account, closed by its drop, and the connection's place among the worker's.
pub(crate) struct Account {
    worker: Rc<Worker>,
    relay: Rc<Relay>,
    stats: Rc<ListenerStats>,
    started: Instant,
    /// The rule that decided, for the log.
    rule: Box<str>,
    sni: Option<Box<str>>,
    reason: Option<&'static str>,
    _seat: Seat,
}

impl Account {
    pub(crate) fn new(worker: &Rc<Worker>, relay: &Rc<Relay>, front: &Rc<Front>, seat: Seat) -> Self {
        // Its listener may have left while it waited to be accepted.
        if let Some(deadline) = worker.draining.get() {
            relay.retire(deadline);
        } else if !worker.local.borrow().fronts.contains_key(&relay.bind) {
            relay.retire(Instant::now() + front.generation().drain_timeout);
        }
        front.stats.active.increment();
        Self {
            worker: Rc::clone(worker),
            relay: Rc::clone(relay),
            stats: Rc::clone(&front.stats),
            started: Instant::now(),
            rule: "".into(),
            sni: None,
            reason: None,
            _seat: seat,
        }
    }

    pub(crate) fn decided_by(&mut self, rule: &str) {
        self.rule = rule.into();
    }

    pub(crate) fn asked_for(&mut self, sni: Option<&str>) {
        self.sni = sni.map(Into::into);
    }

    pub(crate) fn failed(&mut self, reason: &'static str) {
        self.reason = Some(reason);
    }

    fn note(&self, front: &Front) {
        let Some(log) = &front.generation().access_log else { return };
        log.note_passage(&Passage {
            unix_millis: self.worker.clock.unix_millis(self.started),
            protocol: front.listener().protocol.as_str(),
            listener: front.listener().name.as_str(),
            group: self.relay.way().map_or("", |way| way.group.as_str()),
            rule: &self.rule,
            client: self.relay.peer.socket(),
            sni: self.sni.as_deref(),
            target: self.relay.target(),
            attempts: self.relay.attempts(),
            reason: self.reason.unwrap_or(""),
            received: self.relay.flow.received.get(),
            sent: self.relay.flow.sent.get(),
            duration: self.started.elapsed(),
        });
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let (front, relay) = (self.relay.front(), &self.relay);
        relay.tell();
        if let Some(way) = relay.way() {
            way.stats.ended(self.started.elapsed());
        }
        if let Some(reason) = self.reason {
            front.fault(reason);
        }
        self.note(&front);
        self.worker.relays.leave(relay.key);
        self.stats.active.decrement();
        self.worker.left.notify_waiters();
    }
}
