//! One connection to a target, and what it is waiting for.

pub(crate) mod dial;
pub(crate) mod kept;
pub(crate) mod multiplex;
pub(crate) mod pool;
pub(crate) mod pools;
pub(crate) mod target_io;
mod terms;
pub(crate) mod transport;

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use equipoise_target::Endpoint;
use h2::{Reason, SendStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::PoolSettings;
use crate::downstream::Downstream;
use crate::downstream::interim::{self, Interim};
use crate::downstream::pace::Pace;
use crate::group::GroupTimeouts;
use crate::policy::{self, Defect};
use crate::tunnel::Switched;
use crate::worker::local::Route;

pub(crate) use self::terms::Terms;

/// Most bytes of a response's head with all interim responses before it, and of a body that comes with it: far more than
/// eight interim heads of a common size.
const MOST_BEFORE_HEAD: usize = 512 << 10;

/// What a request waits for on its connection to the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wait {
    Nothing,
    /// The response's head, since the last sign of progress.
    Head(Instant),
    /// More of the response's body.
    Body(Instant),
    /// The client, which has not asked for more of the body since a sweep first saw it so. Only an HTTP/2 stream waits
    /// like this for long: its socket may be as lively as ever.
    Client(Option<Instant>),
}

/// Why a connection was cut from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The target did not begin to answer in time.
    FirstByte,
    /// The target stopped in the middle of its answer.
    Idle,
    /// The attempt took too long to get its response's head.
    PerTry,
    /// The whole request took too long.
    Total,
    /// The response went on for longer than any stream may.
    Stream,
    /// The client stopped in the middle of its body.
    Upload,
    /// The client sent its body too slowly.
    SlowUpload,
    /// The client's body ended in an error.
    BrokenUpload,
    /// The client stopped taking the response.
    Unread,
    /// The target sent more than any response's beginning.
    Flood,
    /// The target's bytes are not HTTP as it should be.
    Defect(Defect),
    /// The target left its group, and its time to finish is over.
    Cut,
}

/// What ends a request's way to its target.
enum Ender {
    /// The task that drives the connection.
    Line(AbortHandle),
    /// The stream of a connection that others use too.
    Stream(RefCell<SendStream<Bytes>>),
}

impl fmt::Debug for Ender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line(_) => "Line",
            Self::Stream(_) => "Stream",
        })
    }
}

/// One connection to a target, or one stream on a connection of HTTP/2. Time-outs are no timers: a request notes what it waits for and since when, and the sweep
/// cuts what waits too long.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) key: u64,
    pub(crate) address: Endpoint,
    /// What ends it.
    ender: OnceCell<Ender>,
    /// The task that passes the response on, when it can be ended alone.
    reader: RefCell<Option<AbortHandle>>,
    /// Whose request is on the connection.
    route: RefCell<Option<Rc<Route>>>,
    pub(crate) wait: Cell<Wait>,
    /// Since when the client owes the next part of its body.
    upload: Cell<Option<Instant>>,
    /// Longest time that the client may owe it, or take nothing.
    client_limit: Cell<Duration>,
    /// How fast the client's body comes.
    pace: Cell<Pace>,
    /// When the whole request must be over.
    deadline: Cell<Option<Instant>>,
    /// Whether the request asks for a head only.
    pub(crate) bodiless: Cell<bool>,
    /// When the response's head must be here.
    try_until: Cell<Option<Instant>>,
    /// When the response must be over.
    stream_until: Cell<Option<Instant>>,
    /// Whether the response is a stream of events, which may be silent for long.
    events: Cell<bool>,
    /// Whether the whole request was handed to the connection.
    pub(crate) sent_all: Cell<bool>,
    /// Whether the target takes nothing more.
    pub(crate) deaf: Cell<bool>,
    /// Bytes that came while the response's head was waited for.
    before_head: Cell<usize>,
    /// Interim responses that came.
    interim: Cell<u8>,
    /// Who is told of them.
    asker: RefCell<Option<Rc<Downstream>>>,
    /// Bytes of the request's body.
    pub(crate) received: Cell<u64>,
    pub(crate) verdict: Cell<Option<Verdict>>,
    /// Who gets the socket when the target changes its protocol, as this request asks.
    switch: RefCell<Option<oneshot::Sender<Switched>>>,
}

impl Upstream {
    pub(crate) fn new(key: u64, address: Endpoint) -> Self {
        Self {
            key,
            address,
            ender: OnceCell::new(),
            reader: RefCell::new(None),
            route: RefCell::new(None),
            wait: Cell::new(Wait::Nothing),
            upload: Cell::new(None),
            client_limit: Cell::new(Duration::MAX),
            pace: Cell::default(),
            deadline: Cell::new(None),
            bodiless: Cell::new(false),
            try_until: Cell::new(None),
            stream_until: Cell::new(None),
            events: Cell::new(false),
            sent_all: Cell::new(true),
            deaf: Cell::new(false),
            before_head: Cell::new(0),
            interim: Cell::new(0),
            asker: RefCell::new(None),
            received: Cell::new(0),
            verdict: Cell::new(None),
            switch: RefCell::new(None),
        }
    }

    /// A stream of a connection to the target.
    pub(crate) fn on(key: u64, address: Endpoint, stream: SendStream<Bytes>) -> Self {
        let upstream = Self::new(key, address);
        // It was empty.
        let _ = upstream.ender.set(Ender::Stream(RefCell::new(stream)));
        upstream
    }

    /// The socket goes there when the target changes its protocol.
    pub(crate) fn hand_over_to(&self, switch: oneshot::Sender<Switched>) {
        self.switch.replace(Some(switch));
    }

    /// Who gets the socket now that HTTP is over on it.
    pub(crate) fn heir(&self) -> Option<oneshot::Sender<Switched>> {
        self.switch.take()
    }

    pub(crate) fn driven_by(&self, task: AbortHandle) {
        // Set once, right after the task was started.
        let _ = self.ender.set(Ender::Line(task));
    }

    /// What the request is sent on, if it is a stream.
    pub(crate) fn stream(&self) -> Option<RefMut<'_, SendStream<Bytes>>> {
        match self.ender.get() {
            Some(Ender::Stream(stream)) => Some(stream.borrow_mut()),
            _ => None,
        }
    }

    /// A request begins on the connection.
    pub(crate) fn begin(&self, route: &Rc<Route>, terms: &Terms) {
        self.route.replace(Some(Rc::clone(route)));
        self.wait.set(Wait::Head(terms.now));
        self.deadline.set(terms.deadline);
        self.try_until.set(terms.try_until);
        self.client_limit.set(terms.client_limit);
        self.pace.set(Pace::new(terms.body_rate));
        self.bodiless.set(terms.bodiless);
        self.sent_all.set(!terms.has_body);
        self.before_head.set(0);
        self.interim.set(0);
        self.received.set(0);
    }

    /// When its request must be over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.get()
    }

    /// The request is over.
    pub(crate) fn end(&self) {
        self.wait.set(Wait::Nothing);
        self.upload.set(None);
        self.deadline.set(None);
        self.stream_until.set(None);
        self.events.set(false);
        self.reader.replace(None);
        self.route.replace(None);
        self.switch.replace(None);
        self.asker.replace(None);
    }

    /// The response's head has come.
    pub(crate) fn head_came(&self, events: bool) {
        self.events.set(events);
        if let Some(limit) = self.timeouts().and_then(|timeouts| timeouts.stream) {
            self.stream_until.set(Some(Instant::now() + limit));
        }
        self.passed_on();
    }

    fn timeouts(&self) -> Option<GroupTimeouts> {
        let route = self.route.borrow();
        route.as_ref()?.group.as_ref().map(|group| group.settings().timeouts)
    }

    /// The response's head, or a part of its body, has come. The next move is the client's.
    pub(crate) fn passed_on(&self) {
        self.wait.set(Wait::Client(None));
        // Of two that talk to each other, one may listen for long.
        if self.upload.get().is_some() {
            self.upload.set(Some(Instant::now()));
        }
    }

    /// Interim responses go to this client.
    pub(crate) fn asked_by(&self, client: Rc<Downstream>) {
        self.asker.replace(Some(client));
    }

    /// Passes an interim response on. Whether it may have come: they are few.
    pub(crate) fn interim(&self, mut interim: Interim) -> bool {
        self.interim.set(self.interim.get() + 1);
        if let Some(client) = self.asker.borrow().as_ref().filter(|_| interim.is_news()) {
            policy::clean_interim(&mut interim.fields);
            client.hint(&interim);
        }
        self.interim.get() <= interim::MOST
    }

    /// Whether the next byte is a response's first one.
    pub(crate) fn awaits_first(&self) -> bool {
        matches!(self.wait.get(), Wait::Head(_)) && self.before_head.get() == 0
    }

    /// Notes bytes from the target. Whether they may have come: a head is waited for, not a flood of interim ones.
    pub(crate) fn may_come(&self, bytes: usize) -> bool {
        if matches!(self.wait.get(), Wait::Head(_)) {
            self.before_head.set(self.before_head.get() + bytes);
        }
        self.before_head.get() <= MOST_BEFORE_HEAD
    }

    /// The response is passed on by this task.
    pub(crate) fn read_by(&self, task: AbortHandle) {
        self.reader.replace(Some(task));
    }

    /// How connections of the group that the present request goes to are kept.
    pub(crate) fn pool_settings(&self) -> Option<PoolSettings> {
        let route = self.route.borrow();
        route.as_ref()?.group.as_ref().map(|group| group.settings().pool)
    }

    pub(crate) fn is_busy_for(&self, group: &str) -> bool {
        self.route.borrow().as_ref().is_some_and(|route| route.name() == group)
    }

    /// A part of the request's body was passed on.
    pub(crate) fn uploaded(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
        self.upload.set(None);
        if let Wait::Head(_) = self.wait.get() {
            let now = Instant::now();
            self.wait.set(Wait::Head(now));
            // The time that the client takes is not the target's.
            if self.try_until.get().is_some() {
                let limit = self.route.borrow().as_ref().and_then(|route| terms::per_try(route));
                self.try_until.set(limit.map(|limit| now + limit));
            }
        }
    }

    /// The client owes the next part of its body.
    pub(crate) fn upload_waits(&self) {
        if self.upload.get().is_none() {
            self.upload.set(Some(Instant::now()));
        }
    }

    /// The whole body was passed on.
    pub(crate) fn upload_ended(&self) {
        self.sent_all.set(true);
        self.upload.set(None);
    }

    /// The target owes the next part of its body.
    pub(crate) fn download_waits(&self) {
        if !matches!(self.wait.get(), Wait::Body(_)) {
            self.wait.set(Wait::Body(Instant::now()));
        }
    }

    /// Closes the connection, whatever it is doing; of one that others use too, the stream alone.
    pub(crate) fn abort(&self) {
        match self.ender.get() {
            Some(Ender::Line(task)) => task.abort(),
            Some(Ender::Stream(stream)) => stream.borrow_mut().send_reset(Reason::CANCEL),
            None => {}
        }
    }

    /// Closes the connection for a reason that its request will find.
    pub(crate) fn judge(&self, verdict: Verdict) {
        if self.verdict.get().is_none() {
            self.verdict.set(Some(verdict));
            // Whoever takes nothing does not see an error either.
            match self.reader.borrow().as_ref().filter(|_| verdict == Verdict::Unread) {
                Some(reader) => reader.abort(),
                None => self.abort(),
            }
        }
    }

    /// Closes the connection when its request waits too long.
    pub(crate) fn sweep(&self, now: Instant) {
        if let Some(verdict) = self.overdue(now) {
            self.judge(verdict);
        }
    }

    /// Whether the client's body comes too slowly. What is waited for beside a response is a conversation, and may take its
    /// time.
    fn is_slow(&self, now: Instant) -> bool {
        if self.sent_all.get() || !matches!(self.wait.get(), Wait::Head(_)) {
            return false;
        }
        let mut pace = self.pace.get();
        let slow = pace.is_slow(now, self.received.get(), self.upload.get().is_some());
        self.pace.set(pace);
        slow
    }

    fn overdue(&self, now: Instant) -> Option<Verdict> {
        let timeouts = self.timeouts()?;
        let past = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        if self.deadline.get().is_some_and(|deadline| now >= deadline) {
            return Some(Verdict::Total);
        }
        if self.stream_until.get().is_some_and(|until| now >= until) {
            return Some(Verdict::Stream);
        }
        if self.is_slow(now) {
            return Some(Verdict::SlowUpload);
        }
        if let Some(since) = self.upload.get() {
            // While the client owes its body, the target owes nothing.
            return past(since, self.client_limit.get()).then_some(Verdict::Upload);
        }
        match self.wait.get() {
            Wait::Head(_) if self.try_until.get().is_some_and(|until| now >= until) => Some(Verdict::PerTry),
            Wait::Head(since) if past(since, timeouts.first_byte) => Some(Verdict::FirstByte),
            Wait::Body(since) if past(since, if self.events.get() { timeouts.stream_idle } else { timeouts.idle }) => {
                Some(Verdict::Idle)
            }
            Wait::Client(Some(since)) if past(since, self.client_limit.get()) => Some(Verdict::Unread),
            Wait::Client(None) if self.reader.borrow().is_some() => {
                self.wait.set(Wait::Client(Some(now)));
                None
            }
            _ => None,
        }
    }
}
