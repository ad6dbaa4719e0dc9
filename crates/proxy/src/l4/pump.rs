//! The pump: bytes from one stream to another, both ways, until each way has ended.
//!
//! A direction starts by copying through a buffer that it holds only while bytes are in it. Once a direction has moved
//! much and still moves it in large pieces, the kernel moves it (`pipe.rs`).
//!
//! ```text
//! Copying ── 64 KiB in all, and a large read ──▶ Splicing
//!    ▲                                              │
//!    └──────────── several small reads ─────────────┘
//! ```

mod direction;
mod raw;

use std::cell::Cell;
use std::io;
use std::task::{Context, Poll, ready};

use equipoise_stream::Stream;

use self::direction::Direction;
use super::stock::Stock;

/// A side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Target,
}

/// Not everything arrived.
#[derive(Debug)]
pub(crate) enum Broken {
    /// A side broke off.
    Off(Side, io::Error),
    /// A side took no more; the other one got all that it said.
    Deaf(Side),
}

/// Both directions of one connection.
#[derive(Debug)]
pub(crate) struct Pump {
    up: Direction,
    down: Direction,
    /// A side that took no more, while the other still had something to say to it.
    deaf: Option<Side>,
}

/// Counts of bytes that were passed on, for whoever looks at the connection from outside.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// From the client to the target.
    pub(crate) received: Cell<u64>,
    /// From the target to the client.
    pub(crate) sent: Cell<u64>,
}

impl Pump {
    /// A pump for a connection of which `first` was read from the client already, or is to go before what it says.
    pub(crate) fn new(first: Vec<u8>) -> Self {
        Self { up: Direction::new(first), down: Direction::new(Vec::new()), deaf: None }
    }

    /// Moves what can be moved. Ready when both directions have ended, or one broke off so that nothing more can come.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (client, target): (&mut Stream, &mut Stream),
        stock: &Stock,
        flow: &Flow,
    ) -> Poll<Result<(), Broken>> {
        let up = self.up.poll(cx, client, target, stock, &flow.received);
        let up = self.judge(up, Side::Client, Side::Target);
        let down = self.down.poll(cx, target, client, stock, &flow.sent);
        let down = self.judge(down, Side::Target, Side::Client);
        // An error of either side ends the connection, whatever the other direction is doing.
        let (up, down) = match (up, down) {
            // What a side that takes no more has said is passed on all the same, and then ends like this.
            (Poll::Ready(Err(Broken::Off(side, _))), _) | (_, Poll::Ready(Err(Broken::Off(side, _))))
                if self.deaf == Some(side) =>
            {
                return Poll::Ready(Err(Broken::Deaf(side)));
            }
            (Poll::Ready(Err(broken)), _) | (_, Poll::Ready(Err(broken))) => return Poll::Ready(Err(broken)),
            both => both,
        };
        ready!(up).and(ready!(down)).and(self.deaf.map_or(Ok(()), |side| Err(Broken::Deaf(side)))).into()
    }

    /// What a direction's outcome means. A side that broke off while it was read has nothing more to say. One that takes no
    /// more may have sent its last words before, and they are to arrive.
    fn judge(&mut self, moved: Poll<Result<(), direction::Error>>, from: Side, to: Side) -> Poll<Result<(), Broken>> {
        match ready!(moved) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(direction::Error::Read(source)) => Poll::Ready(Err(Broken::Off(from, source))),
            Err(direction::Error::Write(error)) => {
                tracing::debug!(%error, side = ?to, "takes no more");
                self.deaf.get_or_insert(to);
                Poll::Ready(Ok(()))
            }
        }
    }
}

#[cfg(test)]
impl Pump {
    fn holds_nothing(&self) -> bool {
        self.up.holds_nothing() && self.down.holds_nothing()
    }
}

#[cfg(test)]
mod tests;
