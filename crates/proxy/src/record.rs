//! record: what is noted of a request when it is over, however it ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use equipoise_target::Endpoint;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Version};

use crate::door::Present;
use crate::downstream::Downstream;
use crate::downstream::peer::Peer;
use crate::grpc::Code;
use crate::log::{Draft, Entry};
use crate::upstream::{Upstream, Verdict};
use crate::worker::Worker;
use crate::worker::local::{Front, Route};

/// The status in logs and metrics of a request whose client left before there was an answer; nginx's choice.
const CLIENT_LEFT: u16 = 499;

/// The reason when a client's body ended in an error.
pub(crate) const BROKEN_BODY: &str = "broken-body";

/// One request's account. It begins with the request and goes with the response's body; its drop closes it, so that
/// nothing that ends a request early can end it unnoted.
#[derive(Debug)]
pub(crate) struct Record {
    worker: Rc<Worker>,
    client: Rc<Downstream>,
    front: Rc<Front>,
    route: Option<Rc<Route>>,
    pub(crate) started: Instant,
    pub(crate) version: Version,
    /// Whether the request is a call of gRPC.
    pub(crate) is_call: bool,
    /// How the call ended, as far as its client was told.
    ended: Option<Code>,
    status: u16,
    reason: Option<&'static str>,
    whole: bool,
    /// Whether the client's connection has been told that the request is over.
    over: bool,
    sent: u64,
    /// The connection that the request was last on, for what was received.
    upstream: RefCell<Option<Rc<Upstream>>>,
    line: Option<Box<Line>>,
    /// Its place among the listener's requests at a time, if those are counted.
    present: Option<Present>,
}

/// What the access log wants to know beside the counts.
#[derive(Debug)]
struct Line {
    draft: Draft,
    client: Peer,
    rule: Box<str>,
    attempts: Cell<u8>,
    target: Cell<Option<Endpoint>>,
}

impl Record {
    pub(crate) fn new(worker: Rc<Worker>, client: Rc<Downstream>, version: Version) -> Self {
        client.request_began();
        let front = client.front();
        front.stats.requests.increment();
        Self {
            front,
            worker,
            client,
            route: None,
            started: Instant::now(),
            version,
            is_call: false,
            ended: None,
            status: CLIENT_LEFT,
            reason: None,
            whole: false,
            over: false,
            sent: 0,
            upstream: RefCell::default(),
            line: None,
            present: None,
        }
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    pub(crate) fn client(&self) -> &Downstream {
        &self.client
    }

    pub(crate) fn client_handle(&self) -> Rc<Downstream> {
        Rc::clone(&self.client)
    }

    pub(crate) fn route(&self) -> Option<&Rc<Route>> {
        self.route.as_ref()
    }

    pub(crate) fn front(&self) -> &Rc<Front> {
        &self.front
    }

    /// The request was let in, and counts as one of those that the listener has at a time.
    pub(crate) fn is_here(&mut self, present: Option<Present>) {
        self.present = present;
    }

    /// Keeps what the access log will say of the head.
    pub(crate) fn draft(&mut self, head: &Parts, client: Peer, id: Option<&HeaderValue>) {
        if self.front.generation().access_log.is_some() {
            let draft = Draft::new(head, self.version, id.cloned());
            self.line = Some(Box::new(Line {
                draft,
                client,
                rule: "".into(),
                attempts: Cell::default(),
                target: Cell::default(),
            }));
        }
    }

    pub(crate) fn decided_by(&mut self, rule: &str) {
        if let Some(line) = &mut self.line {
            line.rule = rule.into();
        }
    }

    pub(crate) fn routed(&mut self, route: &Rc<Route>) {
        self.route = Some(Rc::clone(route));
    }

    /// An attempt goes to this target.
    pub(crate) fn attempt(&self, target: Endpoint) {
        if let Some(line) = &self.line {
            line.attempts.set(line.attempts.get().saturating_add(1));
            line.target.set(Some(target));
        }
    }

    /// Of several attempts this target's is the one that counts.
    pub(crate) fn decided_at(&self, target: Endpoint) {
        if let Some(line) = &self.line {
            line.target.set(Some(target));
        }
    }

    /// The request, which has a body, goes over this connection.
    pub(crate) fn carried_by(&self, upstream: &Rc<Upstream>) {
        self.upstream.replace(Some(Rc::clone(upstream)));
    }

    /// The client hears of interim responses on this connection, if it can: hyper has no way to write them, and only for
    /// HTTP/1.1 is there one around it.
    pub(crate) fn hears(&self, upstream: &Upstream) {
        if self.version == Version::HTTP_11 {
            upstream.asked_by(Rc::clone(&self.client));
        }
    }

    /// The response of this connection is passed on from here.
    pub(crate) fn passes_on(&self, upstream: &Upstream) {
        if self.version == Version::HTTP_2
            && let Some(task) = self.worker.stream()
        {
            upstream.read_by(task);
        }
    }

    pub(crate) fn answered(&mut self, status: StatusCode, fields: &HeaderMap) {
        self.status = status.as_u16();
        self.told(fields);
    }

    /// Notes how a call ended, if these fields or trailers say so.
    pub(crate) fn told(&mut self, fields: &HeaderMap) {
        if self.is_call {
            self.ended = Code::read(fields).or(self.ended);
        }
    }

    /// What the client of a call is told when its target breaks off, which a reset would leave open.
    pub(crate) fn last_words(&mut self, verdict: Option<Verdict>) -> Option<HeaderMap> {
        let code = match verdict {
            Some(Verdict::Total | Verdict::Idle) => Code::DEADLINE_EXCEEDED,
            _ => Code::UNAVAILABLE,
        };
        let words = self.is_call.then(|| code.trailers(self.reason.unwrap_or_default()))?;
        self.told(&words);
        Some(words)
    }

    /// Why the request failed, if it did.
    pub(crate) fn failure(&self) -> Option<&'static str> {
        self.reason
    }

    pub(crate) fn failed(&mut self, reason: &'static str) {
        self.reason = Some(if reason == BROKEN_BODY { self.broken_body() } else { reason });
    }

    /// What was wrong with the client's body, as far as it is known.
    fn broken_body(&self) -> &'static str {
        self.client.guard.borrow_mut().reason().unwrap_or(BROKEN_BODY)
    }

    /// The whole response is ready. An HTTP/2 client may never take it, and its connection must not count as busy for that.
    pub(crate) fn ready(&mut self) {
        if self.version == Version::HTTP_2 {
            self.end(Instant::now());
        }
    }

    fn end(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.over, true) {
            self.client.request_ended(now);
        }
    }

    /// A part of the response's body was passed on.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The response's last byte was passed on.
    pub(crate) fn completed(&mut self) {
        self.whole = true;
    }

    /// The request goes on as a tunnel. Until its end is known, it is one that was cut.
    pub(crate) fn opens_tunnel(&mut self, upstream: &Rc<Upstream>) {
        self.carried_by(upstream);
        self.reason = Some("tunnel-cut");
    }

    /// The tunnel is over; without a reason when both sides ended it.
    pub(crate) fn tunnel_ended(&mut self, reason: Option<&'static str>) {
        self.reason = reason;
        self.whole = true;
    }

    /// The target ended in the middle of its response.
    pub(crate) fn broke_off(&mut self, verdict: Option<Verdict>) {
        self.reason = Some(match verdict {
            Some(Verdict::Idle) => "response-stalled",
            Some(Verdict::Total) => "total-timeout",
            Some(Verdict::Stream) => "stream-timeout",
            Some(Verdict::Upload) => "body-timeout",
            Some(Verdict::SlowUpload) => "slow-body",
            Some(Verdict::BrokenUpload) => self.broken_body(),
            Some(Verdict::Unread) => "client-stalled",
            Some(Verdict::Cut) => "target-left",
            Some(Verdict::FirstByte | Verdict::PerTry | Verdict::Flood | Verdict::Defect(_)) | None => "response-cut",
        });
    }

    fn reason(&self, now: Instant) -> Option<&'static str> {
        let limit = self.front.listener().timeouts.idle;
        let ended = || if self.client.is_stalled(now, limit) { "client-stalled" } else { "client-left" };
        self.reason.or_else(|| (!self.whole).then(ended))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = Instant::now();
        self.end(now);
        let duration = now.saturating_duration_since(self.started);
        let received = self.upstream.borrow().as_ref().map_or(0, |upstream| upstream.received.get());
        let route = self.route.as_ref().unwrap_or(&self.front.own);
        self.front.requests(route).request(self.status, duration, received, self.sent);
        if let Some(code) = self.ended {
            self.front.call_ended(route, code);
        }
        let reason = self.reason(now);
        if let Some(reason) = reason {
            self.front.fault(reason);
        }
        if let (Some(log), Some(line)) = (&self.front.generation().access_log, &self.line) {
            log.note(&Entry {
                unix_millis: self.worker.clock.unix_millis(self.started),
                draft: Some(&line.draft),
                tls: self.client.tls().map(AsRef::as_ref),
                listener: self.front.listener().name.as_str(),
                group: route.name(),
                rule: &line.rule,
                client: line.client,
                target: line.target.get(),
                attempts: line.attempts.get(),
                status: self.status,
                grpc: self.ended.map(|code| code.0),
                reason: reason.unwrap_or(""),
                received,
                sent: self.sent,
                duration,
            });
        }
    }
}
