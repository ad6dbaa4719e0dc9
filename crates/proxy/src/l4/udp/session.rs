//! One source's session with one target.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use equipoise_target::{Endpoint, GroupName, Turn};
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::BATCH;
use super::table::Table;
use crate::l4::stats::DatagramStats;
use crate::limit::berth::Berth;
use crate::limit::breaker::Breaker;
use crate::listen::seat::Seat;
use crate::worker::Worker;

/// One source's session with one target.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: SocketAddr,
    pub(super) target: Endpoint,
    pub(super) group: GroupName,
    pub(super) rule: Box<str>,
    pub(super) started: Instant,
    /// Targets that refused what this source sent, before this one.
    pub(super) tried: Vec<Endpoint>,
    pub(super) received: Cell<u64>,
    pub(super) sent: Cell<u64>,
    socket: UdpSocket,
    /// What each datagram to the target begins with.
    announcement: Box<[u8]>,
    stats: DatagramStats,
    breaker: Option<Breaker>,
    /// Given back when the session ends.
    berth: RefCell<Option<Berth>>,
    /// When a datagram passed last, either way.
    last: Cell<Instant>,
    /// Datagrams from the client; whoever sent one and no more may never have been there.
    pub(super) heard: Cell<u64>,
    answered: Cell<bool>,
    task: OnceCell<AbortHandle>,
    seat: RefCell<Option<Seat>>,
}

/// What a session is made of.
pub(super) struct Parts {
    pub(super) client: SocketAddr,
    pub(super) group: GroupName,
    pub(super) rule: Box<str>,
    pub(super) tried: Vec<Endpoint>,
    pub(super) socket: UdpSocket,
    pub(super) announcement: Box<[u8]>,
    pub(super) stats: DatagramStats,
    pub(super) breaker: Option<Breaker>,
    pub(super) berth: Berth,
    pub(super) seat: Seat,
}

/// The target does not want it, or cannot be reached.
pub(super) struct Refused;

impl Session {
    pub(super) fn new(parts: Parts, now: Instant) -> Self {
        let Parts { client, group, rule, tried, socket, announcement, stats, breaker, berth, seat } = parts;
        stats.relayed.connections.increment();
        Self {
            client,
            target: berth.target().address(),
            group,
            rule,
            started: Instant::now(),
            tried,
            received: Cell::new(0),
            sent: Cell::new(0),
            socket,
            announcement,
            stats,
            breaker,
            berth: RefCell::new(Some(berth)),
            last: Cell::new(now),
            heard: Cell::new(0),
            answered: Cell::new(false),
            task: OnceCell::new(),
            seat: RefCell::new(Some(seat)),
        }
    }

    pub(super) fn brought_back_by(&self, task: AbortHandle) {
        // Set once, right after the task was started.
        let _ = self.task.set(task);
    }

    pub(super) fn last(&self) -> Instant {
        self.last.get()
    }

    /// Sends a datagram of the client to the target. A reason when it was dropped.
    pub(super) fn send(&self, datagram: &[u8], now: Instant) -> Result<Option<&'static str>, Refused> {
        self.last.set(now);
        // Asked of the socket itself: the reactor does not know yet that a new one can be written to.
        let socket = SockRef::from(&self.socket);
        let sent = match self.announcement.len() {
            0 => socket.send(datagram),
            _ => socket.send(&[&*self.announcement, datagram].concat()),
        };
        match sent {
            Ok(_) => {
                self.heard.set(self.heard.get() + 1);
                self.received.set(self.received.get() + datagram.len() as u64);
                self.stats.received(datagram.len());
                Ok(None)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Ok(Some("target-slow")),
                _ if error.raw_os_error() == Some(TOO_LARGE) => Ok(Some("too-large")),
                _ => Err(Refused),
            },
        }
    }

    /// Passes on what the target has sent, up to a batch.
    fn pass_back(&self, worker: &Worker, table: &Table, buffer: &mut [u8]) -> Result<(), Refused> {
        for _ in 0..BATCH {
            let length = match self.socket.try_recv(buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Refused),
            };
            self.last.set(worker.clock.tick());
            if !self.answered.replace(true) {
                self.judge(table, true);
            }
            match table.send(self.client, &buffer[..length]) {
                Ok(()) => {
                    self.sent.set(self.sent.get() + length as u64);
                    self.stats.sent(length);
                }
                Err(reason) => table.dropped(reason),
            }
        }
        Ok(())
    }

    /// What the target did with the session.
    pub(super) fn judge(&self, table: &Table, good: bool) {
        let mut berth = self.berth.borrow_mut();
        let Some(berth) = berth.as_mut() else { return }; // ended
        if good {
            berth.target().succeeded(self.started.elapsed());
        } else {
            berth.target().failed();
        }
        let Some(breaker) = &self.breaker else { return };
        if berth.judge(breaker, good) == Turn::Opened {
            table.circuit_opened(&self.group);
        }
    }

    /// Ends the way back. The place is for whoever wants it, or for the next one.
    pub(super) fn end(&self) -> Option<Seat> {
        self.stats.relayed.ended(self.started.elapsed());
        self.berth.take();
        if let Some(task) = self.task.get() {
            task.abort();
        }
        self.seat.take()
    }
}

/// EMSGSIZE, which has no kind of its own.
const TOO_LARGE: i32 = rustix::io::Errno::MSGSIZE.raw_os_error();

/// Brings back what the target sends, until the session ends.
pub(super) async fn bring_back(worker: Rc<Worker>, table: Rc<Table>, session: Rc<Session>) {
    while session.socket.readable().await.is_ok() {
        let mut buffer = worker.stock.buffer();
        let passed = session.pass_back(&worker, &table, &mut buffer);
        worker.stock.keep_buffer(buffer);
        if passed.is_err() {
            return table.refused(&worker, &session);
        }
        // A target that sends without end lets others have their turn.
        tokio::task::yield_now().await;
    }
}
