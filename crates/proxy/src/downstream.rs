//! One connection of a client, and what it is waiting for.

pub(crate) mod connection;
pub(crate) mod guard;
pub(crate) mod handshake;
pub(crate) mod interim;
pub(crate) mod io;
pub(crate) mod linger;
pub(crate) mod pace;
pub(crate) mod peer;
pub(crate) mod refused;
pub(crate) mod turnstile;

use std::cell::{Cell, OnceCell, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use equipoise_rule::ClientCertificate;
use equipoise_stream::Ends;
use equipoise_stream::tls::{self, TlsFacts};
use equipoise_target::Endpoint;
use http::HeaderValue;

use crate::downstream::guard::Guard;
use crate::downstream::interim::Interim;
use crate::downstream::peer::Peer;
use crate::tunnel::Ready;
use crate::worker::local::Front;

/// How long an idle connection of a listener that is gone waits for one more request, so that a client which is just
/// sending one is still answered, and told to connect anew.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Most bytes of interim responses that wait to be written, less the last one.
const MOST_HINTS: usize = 64 << 10;

/// The reason of those who take too long to say what they want.
const HEAD_TIMEOUT: &str = "head-timeout";

/// Where a connection is between two requests.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// The TLS handshake is under way.
    Handshake(Instant),
    /// Not a byte has come.
    Fresh(Instant),
    /// A request's head is being received.
    Head(Instant),
    /// At least one request is under way.
    Busy,
    /// Between requests.
    Idle(Instant),
}

/// What the task of a connection is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Serve,
    /// Give the buffers back, if nothing is in them.
    Park,
    /// End as the protocol wants it, now that nothing is under way or the protocol has a way to say so.
    Finish,
    Cut,
}

/// One connection of a client.
#[derive(Debug)]
pub(crate) struct Downstream {
    pub(crate) key: u64,
    /// Its listener's address in the configuration.
    pub(crate) bind: Endpoint,
    pub(crate) peer: Peer,
    /// The address as a field value, if there is one.
    pub(crate) peer_value: Option<HeaderValue>,
    /// The connection's ends as a target may be told of them, if one may want to know.
    pub(crate) ends: Cell<Option<Ends>>,
    /// What was agreed in the TLS handshake, when there was one.
    tls: OnceCell<Arc<TlsFacts>>,
    /// What the client's certificate says, as rules see it, when there is one.
    certificate: OnceCell<Arc<ClientCertificate>>,
    front: RefCell<Rc<Front>>,
    /// What its bytes are held against.
    pub(crate) guard: RefCell<Guard>,
    /// Why a request that had begun is cut before its head was whole: it has its line in the log when that is done.
    pub(crate) overdue: Cell<Option<&'static str>>,
    phase: Cell<Phase>,
    in_flight: Cell<u32>,
    multiplexed: Cell<bool>,
    /// Since when the client takes nothing of what is sent.
    stalled: Cell<Option<Instant>>,
    /// When the connection must be over, once it is to end.
    retired_by: Cell<Option<Instant>>,
    /// Whether everything written so far has left hyper's buffers.
    pub(crate) flushed: Cell<bool>,
    parked: Cell<bool>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
    /// What an HTTP/1 connection goes on as when hyper is done with it.
    becoming: RefCell<Option<Box<Ready>>>,
    /// Interim responses that are to be written before the next response.
    hints: RefCell<BytesMut>,
}

impl Downstream {
    pub(crate) fn new(key: u64, bind: Endpoint, peer: Peer, front: &Rc<Front>, now: Instant) -> Self {
        Self {
            key,
            bind,
            peer,
            peer_value: peer.ip().map(address_value),
            ends: Cell::new(None),
            tls: OnceCell::new(),
            certificate: OnceCell::new(),
            front: RefCell::new(Rc::clone(front)),
            guard: RefCell::new(Guard::new()),
            overdue: Cell::new(None),
            phase: Cell::new(Phase::Fresh(now)),
            in_flight: Cell::new(0),
            multiplexed: Cell::new(false),
            stalled: Cell::new(None),
            retired_by: Cell::new(None),
            flushed: Cell::new(true),
            parked: Cell::new(false),
            order: Cell::new(Order::Serve),
            waker: RefCell::new(None),
            becoming: RefCell::new(None),
            hints: RefCell::default(),
        }
    }

    /// An interim response came for the client. A client that reads nothing may miss it.
    pub(crate) fn hint(&self, interim: &Interim) {
        let mut hints = self.hints.borrow_mut();
        if hints.len() < MOST_HINTS {
            interim.write(&mut hints);
        }
        drop(hints);
        // hyper has nothing to do, but flushes what it has not: that is the moment to write.
        self.wake();
    }

    /// The interim responses that are to be written now.
    pub(crate) fn take_hints(&self) -> BytesMut {
        self.hints.take()
    }

    pub(crate) fn has_hints(&self) -> bool {
        !self.hints.borrow().is_empty()
    }

    /// The connection goes on as a tunnel after the response that is written next.
    pub(crate) fn becomes(&self, tunnel: Box<Ready>) {
        self.becoming.replace(Some(tunnel));
    }

    /// The tunnel that the connection is to be now. It holds this client, so whoever drives the connection takes it out
    /// in any case.
    pub(crate) fn take_tunnel(&self) -> Option<Box<Ready>> {
        self.becoming.take()
    }

    /// The listener as the next request sees it.
    pub(crate) fn front(&self) -> Rc<Front> {
        Rc::clone(&self.front.borrow())
    }

    /// Whom connections to targets are announced for, where they are: no other connection has the same number.
    pub(crate) fn owner(&self) -> u64 {
        self.key + 1 // 0 is nobody
    }

    /// The connection's ends as a target is told of them. Of one that was there before any target wanted to know, the
    /// client's port is not known any more.
    pub(crate) fn ends(&self) -> Option<Ends> {
        let roughly = || Some(Ends { source: self.peer.socket()?, destination: self.bind.socket()? });
        self.ends.get().or_else(roughly)
    }

    /// The listener has changed.
    pub(crate) fn moved_to(&self, front: &Rc<Front>) {
        self.front.replace(Rc::clone(front));
    }

    /// The listener is gone: the connection ends after what is under way, at `deadline` at the latest.
    pub(crate) fn retire(&self, deadline: Instant) {
        self.retired_by.set(Some(self.retired_by.get().map_or(deadline, |earlier| earlier.min(deadline))));
        if self.multiplexed.get() {
            // GOAWAY tells the client which requests are still answered.
            self.tell(Order::Finish);
            return;
        }
        // The last call begins now.
        match self.phase.get() {
            Phase::Fresh(_) => self.phase.set(Phase::Fresh(Instant::now())),
            Phase::Idle(_) => self.phase.set(Phase::Idle(Instant::now())),
            Phase::Handshake(_) => self.phase.set(Phase::Handshake(Instant::now())),
            Phase::Head(_) | Phase::Busy => {}
        }
    }

    /// A TLS handshake comes before anything else.
    pub(crate) fn shakes_hands(&self) {
        if let Phase::Fresh(since) = self.phase.get() {
            self.phase.set(Phase::Handshake(since));
        }
    }

    /// The handshake is over, and the first request is waited for.
    pub(crate) fn shook_hands(&self, facts: Option<&Arc<TlsFacts>>) {
        self.phase.set(Phase::Fresh(Instant::now()));
        if let Some(facts) = facts {
            // There is one handshake, so neither is there yet.
            let _ = self.tls.set(Arc::clone(facts));
            if let Some(shown) = facts.client.as_deref() {
                let _ = self.certificate.set(Arc::new(for_rules(shown)));
            }
        }
    }

    pub(crate) fn tls(&self) -> Option<&Arc<TlsFacts>> {
        self.tls.get()
    }

    pub(crate) fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.certificate.get()
    }

    /// The client speaks HTTP/2: one connection carries several requests, and bytes that belong to none.
    pub(crate) fn multiplexes(&self) {
        self.multiplexed.set(true);
        self.guard.borrow_mut().stand_down();
        self.phase.set(Phase::Idle(Instant::now()));
        if self.is_retired() {
            self.tell(Order::Finish);
        }
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired_by.get().is_some()
    }

    /// Ends the connection with all that is under way.
    pub(crate) fn cut(&self) {
        self.tell(Order::Cut);
    }

    fn is_told(&self, order: Order) -> bool {
        self.order.get() == order
    }

    fn tell(&self, order: Order) {
        if !self.is_told(Order::Cut) {
            self.order.set(order);
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Whether the connection has buffers, and is sure to have nothing in them.
    fn may_park(&self) -> bool {
        let idle = matches!(self.phase.get(), Phase::Idle(_)) && !self.multiplexed.get();
        idle && self.flushed.get() && !self.parked.get() && self.is_told(Order::Serve)
    }

    /// Whether the connection is to give its buffers back now: it may have become busy since it was told.
    pub(crate) fn park(&self) -> bool {
        self.order.set(Order::Serve);
        let park = self.may_park();
        self.parked.set(park);
        park
    }

    /// The client speaks again.
    pub(crate) fn unpark(&self) {
        self.parked.set(false);
    }

    /// What the connection's task is to do, asked at each of its turns.
    pub(crate) fn order(&self, context: &Context<'_>) -> Order {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        self.order.get()
    }

    /// Bytes came in.
    pub(crate) fn received(&self, now: impl FnOnce() -> Instant) {
        if let Phase::Fresh(_) | Phase::Idle(_) = self.phase.get()
            && !self.multiplexed.get()
        {
            self.phase.set(Phase::Head(now()));
        }
    }

    /// The client took what was sent, or did not.
    pub(crate) fn took(&self, progress: bool) {
        if progress {
            self.stalled.set(None);
        } else if self.stalled.get().is_none() {
            self.stalled.set(Some(Instant::now()));
        }
    }

    /// Whether the client has taken nothing for `limit`.
    pub(crate) fn is_stalled(&self, now: Instant, limit: Duration) -> bool {
        self.stalled.get().is_some_and(|since| now.saturating_duration_since(since) >= limit)
    }

    pub(crate) fn request_began(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.phase.set(Phase::Busy);
    }

    pub(crate) fn request_ended(&self, now: Instant) {
        // Each end has its begin.
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.phase.set(Phase::Idle(now));
        }
    }

    /// Ends the connection when it waits too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let front = self.front.borrow();
        let timeouts = &front.listener().timeouts;
        let past = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        if self.retired_by.get().is_some_and(|deadline| now >= deadline) || self.is_stalled(now, timeouts.idle) {
            self.cut();
        } else {
            match self.phase.get() {
                // Who has not even got that far has nothing to lose.
                Phase::Handshake(since) if self.is_retired() && past(since, LAST_CALL) => self.cut(),
                Phase::Handshake(since) if past(since, timeouts.handshake) && !self.is_told(Order::Cut) => {
                    front.shook_hands("tls-timeout");
                    front.fault("tls-timeout");
                    self.cut();
                }
                Phase::Fresh(since) if past(since, timeouts.head) && !self.is_told(Order::Cut) => {
                    front.fault(HEAD_TIMEOUT);
                    self.cut();
                }
                Phase::Head(since) if past(since, timeouts.head) && !self.is_told(Order::Cut) => {
                    self.overdue.set(Some(HEAD_TIMEOUT));
                    self.cut();
                }
                Phase::Fresh(since) | Phase::Idle(since) if self.is_retired() && past(since, LAST_CALL) => {
                    self.tell(Order::Finish);
                }
                // Told to finish, an HTTP/2 client may still sit on what it does not read, or on half a head.
                Phase::Idle(since) if past(since, timeouts.keep_alive + timeouts.idle) => self.cut(),
                Phase::Idle(since) if past(since, timeouts.keep_alive) => self.tell(Order::Finish),
                Phase::Idle(since) if past(since, front.listener().park_after) && self.may_park() => {
                    self.tell(Order::Park);
                }
                _ => {}
            }
        }
    }
}

fn for_rules(shown: &tls::ClientCertificate) -> ClientCertificate {
    let tls::ClientCertificate { subject, issuer, serial, names, fingerprint, .. } = shown.clone();
    ClientCertificate { subject, issuer, serial, names, fingerprint }
}

fn address_value(address: IpAddr) -> HeaderValue {
    let text = match address {
        IpAddr::V4(address) => dotted(address),
        IpAddr::V6(address) => address.to_string().into_bytes(),
    };
    // An address is made of digits, letters, dots and colons.
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static("unknown"))
}

/// What `to_string` does at ten times the price: every new connection pays it.
fn dotted(address: Ipv4Addr) -> Vec<u8> {
    let mut text = Vec::with_capacity(16);
    for octet in address.octets() {
        if octet >= 100 {
            text.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.push(b'0' + octet / 10 % 10);
        }
        text.extend_from_slice(&[b'0' + octet % 10, b'.']);
    }
    text.pop();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for text in ["0.0.0.0", "127.0.0.1", "255.10.9.100", "192.0.2.1", "2001:db8::1"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(address_value(address), text);
        }
    }
}
