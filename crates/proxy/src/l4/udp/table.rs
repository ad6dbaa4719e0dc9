//! A worker's sessions of one listener.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ahash::AHashMap;
use equipoise_rule::Connection;
use equipoise_stream::Ends;
use equipoise_target::{Endpoint, GroupName};
use http::Request;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::open;
use super::session::{Parts, Session, bring_back};
use crate::Group;
use crate::downstream::peer::Peer;
use crate::error::ForwardError;
use crate::l4::UdpSettings;
use crate::listen::seat::{Full, Seat};
use crate::log::Passage;
use crate::pick::{NoBerth, Wanted, pick};
use crate::worker::Worker;
use crate::worker::local::{Front, Route};

/// How long a session of a listener that is gone is quiet before it counts as over.
const LAST_CALL: Duration = Duration::from_millis(500);
/// How long a source may be quiet that sent one datagram and no more, once others want its place.
const PRESSED: Duration = Duration::from_secs(2);

/// A worker's sessions of one listener, by source.
#[derive(Debug)]
pub(crate) struct Table {
    /// The listener's address in the configuration.
    pub(crate) bind: Endpoint,
    socket: UdpSocket,
    /// The listener as it is now.
    front: RefCell<Rc<Front>>,
    sessions: RefCell<AHashMap<SocketAddr, Rc<Session>>>,
    /// Sources whose target did not want what they sent. They keep their places, so that there are no more of them than of
    /// sessions.
    refused: RefCell<AHashMap<SocketAddr, Refusal>>,
    /// When sessions must be over, once they are to end.
    retired_by: Cell<Option<Instant>>,
    over: Notify,
}

/// A source whose target did not want what it sent.
#[derive(Debug)]
struct Refusal {
    tried: Vec<Endpoint>,
    since: Instant,
    seat: Seat,
}

impl Table {
    pub(super) fn new(bind: Endpoint, socket: UdpSocket, front: &Rc<Front>) -> Self {
        Self {
            bind,
            socket,
            front: RefCell::new(Rc::clone(front)),
            sessions: RefCell::default(),
            refused: RefCell::default(),
            retired_by: Cell::new(None),
            over: Notify::new(),
        }
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Waits until no more datagrams are to be taken.
    pub(super) async fn over(&self) {
        self.over.notified().await;
    }

    fn front(&self) -> Rc<Front> {
        Rc::clone(&self.front.borrow())
    }

    fn settings(&self) -> UdpSettings {
        self.front.borrow().listener().protocol.udp().copied().unwrap_or_default()
    }

    /// The listener has changed.
    pub(crate) fn moved_to(&self, front: &Rc<Front>) {
        self.front.replace(Rc::clone(front));
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired_by.get().is_some()
    }

    /// The listener is gone: there are no new sessions, and those that are there end when they are quiet, at `deadline` at
    /// the latest.
    pub(crate) fn retire(&self, deadline: Instant) {
        self.retired_by.set(Some(self.retired_by.get().map_or(deadline, |earlier| earlier.min(deadline))));
        self.refused.borrow_mut().clear();
        self.close_if_empty();
    }

    fn close_if_empty(&self) {
        if self.is_retired() && self.sessions.borrow().is_empty() {
            self.over.notify_one();
        }
    }

    /// Ends every session, and the table with them.
    pub(crate) fn close(&self, worker: &Worker) {
        self.retire(Instant::now());
        self.end_where(worker, Some("drained"), |_| true);
        self.over.notify_one();
    }

    /// Ends what is between `group` and the target at `address`.
    pub(crate) fn cut(&self, worker: &Worker, group: &GroupName, address: Endpoint) {
        self.end_where(worker, Some("target-left"), |session| session.group == *group && session.target == address);
    }

    /// Ends sessions that are quiet, and forgets who was refused.
    pub(crate) fn sweep(&self, worker: &Worker, now: Instant) {
        let UdpSettings { idle, sessions: limit, .. } = self.settings();
        let quiet = |session: &Session| now.saturating_duration_since(session.last());
        if let Some(deadline) = self.retired_by.get() {
            self.end_where(worker, None, |session| quiet(session) >= LAST_CALL);
            if now >= deadline {
                self.close(worker);
            }
            self.close_if_empty();
            return;
        }
        self.refused.borrow_mut().retain(|_, refusal| now.saturating_duration_since(refusal.since) < idle);
        self.end_where(worker, None, |session| quiet(session) >= idle);
        let taken = self.front.borrow().place().connections.load(std::sync::atomic::Ordering::Relaxed);
        if taken >= limit - limit / 4 {
            let alone = |session: &Session| session.heard.get() == 1 && quiet(session) >= PRESSED.min(idle);
            self.end_where(worker, Some("pressed-out"), alone);
        }
    }

    fn end_where(&self, worker: &Worker, reason: Option<&'static str>, ends: impl Fn(&Session) -> bool) {
        let ended: Vec<_> = self.sessions.borrow().values().filter(|session| ends(session)).map(Rc::clone).collect();
        for session in ended {
            self.sessions.borrow_mut().remove(&session.client);
            self.end(worker, &session, reason);
        }
    }

    /// Passes a datagram on: by its source's session, or by a new one.
    pub(super) fn take(self: &Rc<Self>, worker: &Rc<Worker>, from: SocketAddr, datagram: &[u8]) {
        let known = self.sessions.borrow().get(&from).cloned();
        let mut session = match known {
            Some(session) => session,
            None => match self.begin(worker, from) {
                Ok(session) => session,
                Err(reason) => return self.dropped(reason),
            },
        };
        loop {
            match session.send(datagram, worker.clock.tick()) {
                Ok(None) => return,
                Ok(Some(reason)) => return self.dropped(reason),
                // It answers for an earlier datagram: this one has not been sent.
                Err(_) => {
                    self.refused(worker, &session);
                    if !self.refused.borrow().contains_key(&from) {
                        return self.dropped("target-refused");
                    }
                    session = match self.begin(worker, from) {
                        Ok(session) => session,
                        Err(reason) => return self.dropped(reason),
                    };
                }
            }
        }
    }

    /// How many targets after the first one a source is tried on.
    fn attempts(&self, group: &GroupName) -> usize {
        let front = self.front.borrow();
        let group = front.route(group).and_then(|route| route.group.as_ref());
        group.map_or(0, |group| group.settings().retry.attempts.into())
    }

    /// A session for a source that has none.
    fn begin(self: &Rc<Self>, worker: &Rc<Worker>, from: SocketAddr) -> Result<Rc<Session>, &'static str> {
        let front = self.front();
        if self.is_retired() {
            return Err("draining");
        }
        let earlier = self.refused.borrow_mut().remove(&from);
        let (tried, seat) = earlier.map(|refusal| (refusal.tried, refusal.seat)).unzip();
        let peer = Peer::from(from);
        let client = peer.ip_or_nobody();
        if !front.listener().access.permits(client) {
            return Err("access-denied");
        }
        let seat = seat.map_or_else(|| self.seat(&front, client), Ok)?;
        let connection = Connection { client, sni: None, alpn: &[] };
        let (name, rule) = front.listener().rules.route_connection(&connection, fastrand::u64(..));
        let name = name.ok_or("no-route")?;
        let found = front.route(name).and_then(|route| Some((route, route.group.as_ref()?)));
        let (route, group) = found.ok_or("no-group")?;
        let parts = self.parts(&front, (route, group), from, tried.unwrap_or_default(), seat)?;
        let session = Rc::new(Session::new(Parts { rule: rule.into(), ..parts }, worker.clock.tick()));
        front.stats.active.increment();
        front.stats.accepted.increment();
        self.sessions.borrow_mut().insert(from, Rc::clone(&session));
        let back = bring_back(Rc::clone(worker), Rc::clone(self), Rc::clone(&session));
        session.brought_back_by(tokio::task::spawn_local(back).abort_handle());
        Ok(session)
    }

    fn seat(&self, front: &Front, client: IpAddr) -> Result<Seat, &'static str> {
        let full = |full: Full| match full {
            Full::Listener => "too-many-sessions",
            full => full.reason(),
        };
        let settings = self.settings();
        let seat = Seat::take(front.place(), settings.sessions).map_err(full)?;
        seat.of_source(front.place(), client, settings.sessions_per_source).map_err(full)
    }

    /// A target and a socket for it.
    fn parts(
        &self,
        front: &Front,
        (route, group): (&Route, &Group),
        client: SocketAddr,
        tried: Vec<Endpoint>,
        seat: Seat,
    ) -> Result<Parts, &'static str> {
        // What a picker may look at of a request is not there.
        let mut head = Request::new(()).into_parts().0;
        let source = Peer::from(client).ip_or_nobody();
        let mut pick = |tried: &[Endpoint]| {
            pick(group, &mut Wanted { head: &mut head, client: source, only: None, tried, now: Instant::now() })
        };
        let (berth, tried) = match pick(&tried) {
            // Who was refused by all begins anew.
            Err(NoBerth::Error(ForwardError::NoTarget { .. })) if !tried.is_empty() => (pick(&[]), Vec::new()),
            picked => (picked, tried),
        };
        let berth = berth.map_err(|error| match error {
            NoBerth::Full => "target-full",
            NoBerth::Error(error) => error.reason(),
        })?;
        let target = berth.target().address().socket().ok_or("no-socket")?;
        let socket = open(target).map_err(|error| {
            tracing::debug!(%error, %target, "a session without a socket");
            "no-socket"
        })?;
        let ends = front.place().address.socket().map(|destination| Ends { source: client, destination });
        let announcement = group.settings().transport.dial.proxy_protocol.map(|version| version.datagram(ends));
        Ok(Parts {
            client,
            group: group.name().clone(),
            rule: "".into(),
            tried,
            socket,
            announcement: announcement.unwrap_or_default().into(),
            stats: front.datagrams(route).clone(),
            breaker: group.settings().breaker,
            berth,
            seat,
        })
    }

    /// The target of `session` does not want what its source sends, or cannot be reached: the next datagram goes to another.
    pub(super) fn refused(&self, worker: &Worker, session: &Rc<Session>) {
        let here = self.sessions.borrow_mut().remove(&session.client).is_some();
        if !here {
            return; // ended meanwhile
        }
        session.judge(self, false);
        let seat = self.end(worker, session, Some("target-refused"));
        let mut tried = session.tried.clone();
        tried.push(session.target);
        if let Some(seat) = seat.filter(|_| tried.len() <= self.attempts(&session.group) && !self.is_retired()) {
            let refusal = Refusal { tried, since: worker.clock.tick(), seat };
            self.refused.borrow_mut().insert(session.client, refusal);
        }
    }

    /// Sends what a target answered.
    pub(super) fn send(&self, client: SocketAddr, datagram: &[u8]) -> Result<(), &'static str> {
        match SockRef::from(&self.socket).send_to(datagram, &client.into()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err("client-slow"),
            Err(_) => Err("client-unreachable"),
        }
    }

    /// Counts a datagram that was not passed on.
    pub(super) fn dropped(&self, reason: &'static str) {
        self.front.borrow().datagram_dropped(reason);
    }

    pub(super) fn circuit_opened(&self, group: &GroupName) {
        let front = self.front.borrow();
        if let Some(route) = front.route(group) {
            front.attempts(route).circuits_opened.increment();
        }
        tracing::warn!(target_group = %group, "a circuit opened: a target refused datagrams");
    }

    /// Ends a session that is no longer among the others, and notes it. What is left is its place.
    fn end(&self, worker: &Worker, session: &Session, reason: Option<&'static str>) -> Option<Seat> {
        let seat = session.end();
        let front = self.front.borrow();
        front.stats.active.decrement();
        if let Some(reason) = reason {
            front.fault(reason);
        }
        if let Some(log) = &front.generation().access_log {
            log.note_passage(&Passage {
                unix_millis: worker.clock.unix_millis(session.started),
                protocol: "udp",
                listener: front.listener().name.as_str(),
                group: session.group.as_str(),
                rule: &session.rule,
                client: Some(session.client),
                sni: None,
                target: Some(session.target),
                attempts: u8::try_from(session.tried.len() + 1).unwrap_or(u8::MAX),
                reason: reason.unwrap_or(""),
                received: session.received.get(),
                sent: session.sent.get(),
                duration: session.started.elapsed(),
            });
        }
        seat
    }
}
