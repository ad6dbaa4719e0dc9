//! What a load balancer says before its client does: whose header is read, and who is served without one.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::downstream::peer::Peer;
use crate::listen::accept::{self, Accepted, Listening};
use crate::listen::announce::{self, Announced};
use crate::worker::Worker;
use crate::worker::local::Front;
use crate::{Listener, Networks};

/// Longest wait for a header.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for most headers, and for what a client sends with its first packet.
const FIRST_READ: usize = 2048;

/// Who speaks for its clients by the PROXY protocol, versions 1 and 2.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Announcers {
    /// Whose header is read. Over a Unix socket everybody's.
    pub from: Networks,
    /// Closes connections that do not begin with a header, and those of everybody else. Otherwise they are served as
    /// themselves.
    pub required: bool,
}

impl Announcers {
    /// Reads a header from these networks; requires it, if it is `required`.
    #[must_use]
    pub fn new(from: Networks, required: bool) -> Self {
        Self { from, required }
    }
}

/// What a connection is to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The client's own bytes.
    Client,
    /// A header.
    Header,
    /// Nothing: it is closed.
    Nothing,
}

/// What a connection from `peer` is to begin with.
pub(crate) fn expected(listener: &Listener, peer: Peer) -> Expected {
    match &listener.proxy_protocol {
        None => Expected::Client,
        Some(proxy) if peer.ip().is_none_or(|ip| proxy.from.contains(ip)) => Expected::Header,
        Some(proxy) if proxy.required => Expected::Nothing,
        Some(_) => Expected::Client,
    }
}

/// Reads the header, and lets in whom it names. What comes behind it is kept.
pub(crate) async fn read(worker: Rc<Worker>, front: Rc<Front>, mut accepted: Accepted) {
    // It counts as waiting to be accepted: whoever drains waits for it.
    let _waiting = Listening::new(&worker);
    let limit = front.listener().timeouts.head.min(PATIENCE);
    let announced = match tokio::time::timeout(limit, first_bytes(&mut accepted)).await {
        Ok(Some(announced)) => announced,
        Ok(None) => return, // the other side left
        Err(_) => return front.fault("proxy-header-timeout"),
    };
    let required = front.listener().proxy_protocol.as_ref().is_some_and(|proxy| proxy.required);
    match announced {
        Announced::Header { length, ends } => {
            accepted.first.advance(length);
            if let Some(ends) = ends {
                accepted.peer = ends.source.into();
                accepted.ends = Some(ends);
            }
        }
        Announced::Absent if !required => {}
        Announced::Absent | Announced::Malformed | Announced::Incomplete => return front.fault("bad-proxy-header"),
    }
    accept::enter(&worker, &front, accepted);
}

/// Reads until it is clear whether there is a header; `None` when the other side left before.
async fn first_bytes(accepted: &mut Accepted) -> Option<Announced> {
    let mut first = BytesMut::with_capacity(FIRST_READ);
    let announced = loop {
        accepted.stream.readable().await.ok()?;
        match accepted.stream.try_read_buf(&mut first) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return None,
        }
        match announce::read(&first) {
            Announced::Incomplete => first.reserve(FIRST_READ),
            announced => break announced,
        }
    };
    accepted.first = first;
    Some(announced)
}
