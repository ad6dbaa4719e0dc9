//! An open tunnel, from its first byte to its last.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use super::pipe::{Broken, Pipe};
use super::{Overdue, Switched, Tunnel};
use crate::limit::berth::Berth;
use crate::record::Record;
use crate::stats::ListenerStats;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// One end of a tunnel.
pub(crate) trait End: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> End for T {}

impl fmt::Debug for dyn End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("End")
    }
}

/// Why a tunnel is over, for the record; `None` when both sides said so.
type Why = Option<&'static str>;

/// An open tunnel's place among the worker's; its drop is the tunnel's end, whoever ends it.
struct Open {
    tunnel: Rc<Tunnel>,
    worker: Rc<Worker>,
    stats: Rc<ListenerStats>,
    upstream: Rc<Upstream>,
    client: Box<dyn End>,
    // Dropped in this order: the target is free before the request is noted.
    target: Box<dyn End>,
    _berth: Berth,
    record: Record,
    /// From the client to the target.
    up: Pipe,
    down: Pipe,
}

/// Runs a tunnel until both sides have ended, one breaks, or it is overdue.
pub(super) async fn run(
    (record, berth): (Record, Berth),
    upstream: &Rc<Upstream>,
    (client, first): (Box<dyn End>, BytesMut),
    target: Switched,
) {
    let mut open =
        Open::new((record, berth), upstream, (client, Pipe::new(first)), (target.stream, Pipe::new(target.first)));
    let why = poll_fn(|cx| open.poll(cx)).await;
    open.record.tunnel_ended(why);
}

impl Open {
    fn new(
        (record, berth): (Record, Berth),
        upstream: &Rc<Upstream>,
        (client, up): (Box<dyn End>, Pipe),
        (target, down): (Box<dyn End>, Pipe),
    ) -> Self {
        let worker = Rc::clone(record.worker());
        let stats = Rc::clone(&record.front().stats);
        let route = Rc::clone(record.route().unwrap_or(&record.front().own));
        let now = Instant::now();
        let tunnel = worker.tunnels.open.join(|key| Tunnel::new(key, &route, upstream.address, now));
        stats.tunnels.increment();
        let upstream = Rc::clone(upstream);
        Self { tunnel, worker, stats, upstream, client, target, _berth: berth, record, up, down }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Why> {
        if let Some(overdue) = self.tunnel.overdue(cx) {
            return Poll::Ready(Some(match overdue {
                Overdue::Idle => "tunnel-idle",
                Overdue::TooLong => "stream-timeout",
                Overdue::TargetLeft => "target-left",
            }));
        }
        let mut room = self.worker.tunnels.room.borrow_mut();
        let up = self.up.poll(cx, &mut *self.client, &mut *self.target, &mut room);
        let down = self.down.poll(cx, &mut *self.target, &mut *self.client, &mut room);
        drop(room);
        let (received, sent) = (self.up.moved(), self.down.moved());
        if received + sent > 0 {
            self.tunnel.moved.set(true);
            self.stats.tunnel_bytes_up.add(received);
            self.stats.tunnel_bytes_down.add(sent);
        }
        // To read from the client and write to the target is the way up.
        match (up, down) {
            (Poll::Ready(Err(Broken::Source)), _) | (_, Poll::Ready(Err(Broken::Sink))) => {
                Poll::Ready(Some("client-left"))
            }
            (Poll::Ready(Err(Broken::Sink)), _) | (_, Poll::Ready(Err(Broken::Source))) => {
                Poll::Ready(Some("target-closed"))
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.worker.tunnels.open.leave(self.tunnel.key);
        self.stats.tunnels.decrement();
        self.upstream.received.set(self.up.total());
        self.record.sent(usize::try_from(self.down.total()).unwrap_or(usize::MAX));
    }
}
