//! One HTTP/2 connection to a target: how much room it has, and whether it still lives.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Ping, PingPong};
use tokio::task::AbortHandle;

/// How long a target with requests under way may be without an answered ping, and then how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// An HTTP/2 connection that may take requests. Its drop lets the requests on it end, and then closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: RefCell<SendRequest<Bytes>>,
    pub(crate) life: Rc<Life>,
    /// Which client it was announced for; 0 for all.
    pub(crate) owner: u64,
    /// Requests under way.
    open: Cell<usize>,
    /// Whether it carried a request before.
    served: Cell<bool>,
    /// Since when it has had nothing to do.
    idle_since: Cell<Instant>,
    /// How long it may have nothing to do; the group says so whose request it carried last.
    idle_timeout: Cell<Duration>,
}

/// What the connection's own task and the sweep know of it. It holds nothing that keeps the connection open.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) key: u64,
    ended: Cell<bool>,
    open: Cell<usize>,
    pings: RefCell<Option<Pings>>,
    task: OnceCell<AbortHandle>,
}

struct Pings {
    sender: PingPong,
    asked: Option<Instant>,
    answered: Instant,
}

impl std::fmt::Debug for Pings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pings").field("asked", &self.asked).field("answered", &self.answered).finish_non_exhaustive()
    }
}

impl Life {
    pub(crate) fn new(key: u64) -> Self {
        Self { key, ended: Cell::new(false), open: Cell::new(0), pings: RefCell::new(None), task: OnceCell::new() }
    }

    pub(crate) fn pings_by(&self, sender: Option<PingPong>, now: Instant) {
        self.pings.replace(sender.map(|sender| Pings { sender, asked: None, answered: now }));
    }

    pub(crate) fn driven_by(&self, task: AbortHandle) {
        // Set once, right after the task was started.
        let _ = self.task.set(task);
    }

    /// Notes the pongs that have come. To be called at each turn of the connection's task.
    pub(crate) fn poll_pongs(&self, cx: &mut Context<'_>) {
        if let Some(pings) = &mut *self.pings.borrow_mut()
            && let Poll::Ready(Ok(_)) = pings.sender.poll_pong(cx)
        {
            pings.asked = None;
            pings.answered = Instant::now();
            // There is one ping at a time: this only has the task woken by the next pong.
            let _ = pings.sender.poll_pong(cx);
        }
    }

    pub(crate) fn ended(&self) {
        self.ended.set(true);
    }

    /// Closes the connection when the target does not answer pings; asks when it has been quiet for long.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut pings = self.pings.borrow_mut();
        let Some(pings) = pings.as_mut().filter(|_| self.open.get() > 0) else { return };
        let past = |since: Instant| now.saturating_duration_since(since) >= PING;
        match pings.asked {
            Some(asked) if past(asked) => {
                if let Some(task) = self.task.get() {
                    task.abort();
                }
            }
            None if past(pings.answered) && pings.sender.send_ping(Ping::opaque()).is_ok() => pings.asked = Some(now),
            _ => {}
        }
    }
}

impl Connection {
    pub(crate) fn new(sender: SendRequest<Bytes>, life: Rc<Life>, owner: u64, now: Instant) -> Self {
        Self {
            sender: RefCell::new(sender),
            life,
            owner,
            open: Cell::new(0),
            served: Cell::new(false),
            idle_since: Cell::new(now),
            idle_timeout: Cell::new(Duration::ZERO),
        }
    }

    /// Room for one request, if there is some: less than the target allows are under way, and it has not said goodbye.
    /// Idle, it is kept for `idle_timeout` from now on.
    pub(crate) fn slot(self: &Rc<Self>, idle_timeout: Duration) -> Option<Slot> {
        let has_room = self.open.get() < self.sender.borrow().current_max_send_streams();
        if !has_room || !self.is_alive() {
            return None;
        }
        self.idle_timeout.set(idle_timeout);
        self.count(self.open.get() + 1);
        Some(Slot { connection: Rc::clone(self), reused: self.served.replace(true) })
    }

    /// Whether it takes new requests at all.
    pub(crate) fn is_alive(&self) -> bool {
        // Of its errors, a GOAWAY is the one that leaves the connection open for what is under way.
        let ready = self.sender.borrow_mut().poll_ready(&mut Context::from_waker(Waker::noop()));
        !self.life.ended.get() && !matches!(ready, Poll::Ready(Err(_)))
    }

    /// Whether nothing has been under way for longer than it may wait.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.open.get() == 0 && now.saturating_duration_since(self.idle_since.get()) >= self.idle_timeout.get()
    }

    fn count(&self, open: usize) {
        self.open.set(open);
        self.life.open.set(open);
    }
}

/// Room for one request on a connection; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connection: Rc<Connection>,
    /// Whether the connection had carried a request before.
    pub(crate) reused: bool,
}

impl Slot {
    pub(crate) fn sender(&self) -> std::cell::RefMut<'_, SendRequest<Bytes>> {
        self.connection.sender.borrow_mut()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Each slot was counted when it was made.
        let open = self.connection.open.get() - 1;
        self.connection.count(open);
        if open == 0 {
            self.connection.idle_since.set(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// A connection with a request under way to a target that is not there yet, driven by a task.
    async fn begin(near: tokio::io::DuplexStream) -> (Rc<Life>, Instant, tokio::task::JoinHandle<()>) {
        let (sender, mut connection) = h2::client::handshake(near).await.unwrap();
        let (life, now) = (Rc::new(Life::new(0)), Instant::now());
        life.pings_by(connection.ping_pong(), now);
        life.open.set(1);
        let task = tokio::spawn(async move {
            let _open = sender;
            let _ = connection.await; // how it ends is seen from outside
        });
        life.driven_by(task.abort_handle());
        (life, now, task)
    }

    fn is_asked(life: &Life) -> bool {
        life.pings.borrow().as_ref().is_some_and(|pings| pings.asked.is_some())
    }

    #[tokio::test]
    async fn a_target_that_answers_no_ping_is_gone() {
        let (near, _far) = tokio::io::duplex(64 << 10);
        let (life, start, task) = begin(near).await;
        life.sweep(start + PING / 2);
        assert!(!is_asked(&life));
        life.sweep(start + PING);
        assert!(is_asked(&life));
        life.sweep(start + PING + PING / 2);
        assert!(!task.is_finished());
        life.sweep(start + 2 * PING);
        assert!(task.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn a_target_that_answers_is_asked_again_only_when_it_has_been_quiet() {
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(async move {
            let mut server = h2::server::handshake(far).await.unwrap();
            while server.accept().await.is_some() {}
        });
        let (life, start, task) = begin(near).await;
        life.sweep(start + PING);
        poll_fn(|cx| {
            life.poll_pongs(cx);
            if is_asked(&life) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        life.sweep(start + PING);
        assert!(!is_asked(&life) && !task.is_finished());
    }

    #[tokio::test]
    async fn a_connection_without_requests_is_left_to_its_idle_time() {
        let (near, _far) = tokio::io::duplex(64 << 10);
        let (life, start, task) = begin(near).await;
        life.open.set(0);
        life.sweep(start + 10 * PING);
        assert!(!is_asked(&life) && !task.is_finished());
    }
}
