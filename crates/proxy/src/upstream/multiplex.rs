//! send, over HTTP/2: one attempt, on one stream of a connection that carries others beside it.
//!
//! This is h2 itself rather than hyper's client over it: a balancer has to know how many streams a target takes, which
//! ones it refused unseen, and how to end one without touching its neighbours.

mod body;
mod connection;
mod end;
mod head;
mod open;
mod upload;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::{Response, header};
use tokio::task::AbortHandle;

pub(crate) use self::body::StreamBody;
pub(crate) use self::connection::{Connection, Life, Slot};
pub(crate) use self::end::StreamEnd;
pub(crate) use self::open::open;
use self::upload::Upload;
use crate::body::{RequestBody, TargetBody};
use crate::downstream::interim::Interim;
use crate::error::ForwardError;
use crate::outgoing::Outgoing;
use crate::record::Record;
use crate::send::{Answer, Failed, blame, check};
use crate::upstream::dial::{self, Opened};
use crate::upstream::pool::{Link, Pool};
use crate::upstream::{Terms, Upstream, Verdict};
use crate::worker::Worker;
use crate::worker::local::Route;

/// What became of an attempt.
pub(crate) enum Sent {
    /// It is over, one way or the other.
    Over(Result<Answer, Failed>),
    /// The target prefers HTTP/1.1, and this is a connection that speaks it.
    Line(Link),
}

/// Sends the request on a connection that has room for it, or on a new one.
pub(crate) async fn send(
    record: &Record,
    route: &Rc<Route>,
    pool: &Rc<Pool>,
    request: &mut Outgoing,
    terms: &Terms,
) -> Sent {
    loop {
        let slot = match find(record, route, pool, terms).await {
            Ok(Found::Slot(slot)) => slot,
            Ok(Found::Line(link)) => return Sent::Line(link),
            Err(error) => return Sent::Over(Err(Failed { error, unsent: true, reused: false })),
        };
        let reused = slot.reused;
        match exchange(record, route, pool, request, terms, slot).await {
            // The connection had ended, or was about to: that it did so before a new one could know is no failure.
            Err(failed)
                if failed.unsent
                    && reused
                    && matches!(failed.error, ForwardError::StreamRefused { goodbye: true, .. }) => {}
            result => return Sent::Over(result),
        }
    }
}

enum Found {
    Slot(Slot),
    Line(Link),
}

/// Room on a connection. One request opens a new connection for all that wait for it: they will share it.
async fn find(record: &Record, route: &Rc<Route>, pool: &Rc<Pool>, terms: &Terms) -> Result<Found, ForwardError> {
    loop {
        if let Some(slot) = pool.slot(route, terms.owner) {
            return Ok(Found::Slot(slot));
        }
        let Some(turn) = pool.turn() else {
            dial::wait(route, pool, terms).await?;
            continue;
        };
        match dial::connect(record, route, pool, terms).await {
            Ok(Opened::Stream(connection)) => {
                let slot = pool.add(connection, route);
                return slot.map(Found::Slot).ok_or(ForwardError::Goodbye { address: pool.address() });
            }
            Ok(Opened::Line(link)) => {
                pool.multiplexes(false);
                return Ok(Found::Line(link));
            }
            Err(error) => {
                turn.failed(&error);
                return Err(error);
            }
        }
    }
}

async fn exchange(
    record: &Record,
    route: &Rc<Route>,
    pool: &Rc<Pool>,
    request: &mut Outgoing,
    terms: &Terms,
    slot: Slot,
) -> Result<Answer, Failed> {
    let (address, reused) = (pool.address(), slot.reused);
    let unsent = |error| Failed { error, unsent: true, reused };
    let unsayable = || unsent(ForwardError::Unsayable { address });
    let mut head = head::head(request, pool.transport()).ok_or_else(unsayable)?;
    if let Some(asked) = &request.asked {
        let may = slot.sender().is_extended_connect_protocol_enabled() && asked.tell_stream(&mut head);
        may.then_some(()).ok_or_else(unsayable)?;
    }
    let sent = slot.sender().send_request(head, request.body.is_empty() && request.asked.is_none());
    let (response, stream) = sent.map_err(|source| unsent(ForwardError::Stream { address, source }))?;
    let worker = record.worker();
    let upstream = worker.upstreams.join(|key| Upstream::on(key, address, stream));
    upstream.begin(route, terms);
    let mut lane = Lane { key: upstream.key, worker: Rc::clone(worker), upload: None, _slot: slot };
    let body = terms.has_body.then(|| lane.upload(request.body.take(), &upstream));
    let link = Link::stream(lane, Rc::clone(&upstream), Rc::clone(pool));
    if terms.has_body {
        record.carried_by(&upstream);
    }
    record.hears(&upstream);
    match response_on(link.upstream(), response).await {
        Ok(response) => {
            if let Some(body) = body {
                body.borrow_mut().forget();
            }
            let mut answer = check(response.map(|body| TargetBody::Stream(Box::new(body))), link, reused, None)?;
            if let Some(asked) = request.asked.as_ref().filter(|_| answer.response.status().is_success()) {
                asked.is_granted_by(&mut answer.response);
            }
            Ok(answer)
        }
        Err(source) => {
            // Dropped first: whatever the upload was about to do, the body is ours again.
            let verdict = link.upstream().verdict.get();
            drop(link);
            let refused = verdict.is_none() && is_refused(&source);
            let whole = body.is_none_or(|body| {
                request.body = body.borrow_mut().take();
                request.body.rewind()
            });
            let error = match verdict {
                Some(verdict) => blame(verdict, address, route),
                None if refused => ForwardError::StreamRefused { address, goodbye: source.is_go_away() },
                None => ForwardError::Stream { address, source },
            };
            Err(Failed { error, unsent: refused && whole, reused })
        }
    }
}

/// Whether the target says that it has not looked at the request: it is safe to send it again (RFC 9113 section 8.7).
fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
}

/// The response's head. Interim ones before it are few, or the stream ends.
async fn response_on(upstream: &Upstream, mut response: ResponseFuture) -> Result<Response<StreamBody>, h2::Error> {
    let response: Response<RecvStream> = poll_fn(|cx| {
        while let Poll::Ready(Some(found)) = response.poll_informational(cx) {
            let (head, ()) = found?.into_parts();
            if !upstream.interim(Interim { status: head.status, fields: head.headers }) {
                // What it sent after them may be there already.
                upstream.judge(Verdict::Flood);
                return Poll::Ready(Err(Reason::ENHANCE_YOUR_CALM.into()));
            }
        }
        Pin::new(&mut response).poll(cx)
    })
    .await?;
    let length = response.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    Ok(response.map(|stream| StreamBody::new(stream, length)))
}

/// One request's place on a connection.
#[derive(Debug)]
pub(crate) struct Lane {
    key: u64,
    worker: Rc<Worker>,
    upload: Option<AbortHandle>,
    _slot: Slot,
}

impl Lane {
    /// Sends `body` beside whatever else happens, for as long as the lane is there.
    pub(crate) fn upload(&mut self, mut body: RequestBody, upstream: &Rc<Upstream>) -> Rc<RefCell<RequestBody>> {
        body.attach(upstream);
        body.keep();
        let body = Rc::new(RefCell::new(body));
        let task = tokio::task::spawn_local(Upload::new(Rc::clone(&body), Rc::clone(upstream)));
        self.upload = Some(task.abort_handle());
        body
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.abort();
        }
        self.worker.upstreams.leave(self.key);
    }
}
