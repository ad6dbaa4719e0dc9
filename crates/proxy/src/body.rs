//! Bodies on their way through. Nothing is buffered beyond what hyper holds: a part is asked for when there is room.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::limit::berth::Berth;
use crate::policy;
use crate::record::Record;
use crate::tunnel::Opening;
use crate::upstream::kept::Kept;
use crate::upstream::multiplex::StreamBody;
use crate::upstream::pool::Link;
use crate::upstream::{Upstream, Verdict};

/// A request's body on its way to a target.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Empty,
    Stream(Upload),
}

/// A body that the client is still sending.
#[derive(Debug)]
pub(crate) struct Upload {
    incoming: Incoming,
    /// The connection that it goes to, once there is one.
    upstream: Option<Rc<Upstream>>,
    /// What was passed on already, for as long as the target may still refuse to look at it.
    kept: Option<Box<Kept>>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            Self::Empty
        } else {
            Self::Stream(Upload { incoming, upstream: None, kept: None })
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether nobody knows its length before it ends.
    pub(crate) fn is_unsized(&self) -> bool {
        match self {
            Self::Empty => false,
            Self::Stream(upload) => upload.incoming.size_hint().exact().is_none(),
        }
    }

    /// The body, which leaves nothing behind.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Empty)
    }

    /// The body goes to this connection now.
    pub(crate) fn attach(&mut self, to: &Rc<Upstream>) {
        if let Self::Stream(upload) = self {
            upload.upstream = Some(Rc::clone(to));
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self::Stream(Upload { incoming, upstream, kept }) = &mut *self else { return Poll::Ready(None) };
        let again = kept.as_mut().and_then(|kept| kept.again());
        let polled = match again {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None => {
                let polled = Pin::new(&mut *incoming).poll_frame(cx).map_ok(with_safe_trailers);
                Kept::note(kept, &polled);
                polled
            }
        };
        let Some(upstream) = upstream else { return polled };
        match &polled {
            Poll::Pending => upstream.upload_waits(),
            Poll::Ready(Some(Ok(frame))) => upstream.uploaded(frame.data_ref().map_or(0, Bytes::len)),
            Poll::Ready(Some(Err(_))) => upstream.verdict.set(Some(Verdict::BrokenUpload)),
            Poll::Ready(None) => upstream.upload_ended(),
        }
        if incoming.is_end_stream() && kept.as_ref().is_none_or(|kept| kept.is_over()) {
            upstream.upload_ended();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(upload) => {
                upload.incoming.is_end_stream() && upload.kept.as_ref().is_none_or(|kept| kept.is_over())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            // Parts that are sent again go by HTTP/2, which counts for itself.
            Self::Stream(upload) => upload.incoming.size_hint(),
        }
    }
}

fn with_safe_trailers(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        policy::keep_safe(trailers);
    }
    frame
}

impl RequestBody {
    /// Keeps what is passed on from here, up to a limit, so that it can be passed on again.
    pub(crate) fn keep(&mut self) {
        if let Self::Stream(upload) = self {
            upload.kept.get_or_insert_default();
        }
    }

    /// What was passed on will not be asked for again.
    pub(crate) fn forget(&mut self) {
        if let Self::Stream(upload) = self {
            upload.kept = None;
        }
    }

    /// Begins anew. Whether the body is whole: not if more was passed on than is kept.
    pub(crate) fn rewind(&mut self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(upload) => upload.kept.as_mut().is_some_and(|kept| kept.rewind()),
        }
    }
}

/// The body of a target's response.
#[derive(Debug)]
pub(crate) enum TargetBody {
    Line(Incoming),
    /// Boxed: the other is the common one.
    Stream(Box<StreamBody>),
}

/// Why a response's body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    Line(#[from] hyper::Error),
    #[error(transparent)]
    Stream(#[from] h2::Error),
}

impl Body for TargetBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Line(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Line),
            Self::Stream(body) => Pin::new(&mut **body).poll_frame(cx).map_err(BodyError::Stream),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Line(body) => body.is_end_stream(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Line(body) => body.size_hint(),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

/// What a response's body is made of.
#[derive(Debug)]
pub(crate) enum Content {
    /// Made here; taken when it was passed on.
    Own(Option<Bytes>),
    /// From a target.
    Target(Exchange),
    /// None: what follows the head is no HTTP.
    Tunnel(Box<Opening>),
}

/// A response that a target is still sending. Its drop ends the request: cleanly, or by closing the connection.
#[derive(Debug)]
pub(crate) struct Exchange {
    incoming: TargetBody,
    /// There until the drop.
    link: Option<Link>,
    /// In flight until the drop.
    _berth: Berth,
    ended: bool,
}

impl Exchange {
    pub(crate) fn new(incoming: TargetBody, link: Link, berth: Berth) -> Self {
        Self { incoming, link: Some(link), _berth: berth, ended: false }
    }

    fn upstream(&self) -> Option<&Upstream> {
        self.link.as_ref().map(|link| &**link.upstream())
    }

    /// Whether the message is whole.
    fn is_over(&self) -> bool {
        self.ended || self.incoming.is_end_stream()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.is_over()
            && let Some(link) = self.link.take()
        {
            link.release(Instant::now());
        }
    }
}

/// A response's body on its way to the client.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    // Dropped in this order: the target is free before the request is noted.
    content: Content,
    /// Gone when the request goes on as a tunnel.
    record: Option<Record>,
}

impl ResponseBody {
    pub(crate) fn new(content: Content, record: Record) -> Self {
        let mut body = Self { content, record: Some(record) };
        body.settle();
        body
    }

    /// The body of a response after which HTTP ends.
    pub(crate) fn none() -> Self {
        Self { content: Content::Own(None), record: None }
    }

    /// Notes the end of the message when it is there: hyper does not ask a body for more once it knows that it ended.
    fn settle(&mut self) {
        let ended = self.is_end_stream();
        let Some(record) = &mut self.record else { return };
        if let Content::Own(_) = self.content {
            record.ready();
        }
        if ended {
            record.completed();
        }
    }

    fn completed(&mut self) {
        if let Some(record) = &mut self.record {
            record.completed();
        }
    }

    fn passed(&mut self, frame: &Frame<Bytes>) {
        let Some(record) = &mut self.record else { return };
        match frame.data_ref() {
            Some(data) => record.sent(data.len()),
            None => frame.trailers_ref().into_iter().for_each(|trailers| record.told(trailers)),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // Ended from here, without its reader being told.
        if let Content::Target(exchange) = &self.content
            && let Some(verdict) = exchange.upstream().and_then(|upstream| upstream.verdict.get())
            && let Some(record) = &mut self.record
        {
            record.broke_off(Some(verdict));
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let exchange = match &mut this.content {
            Content::Own(bytes) => {
                let frame = bytes.take().map(Frame::data);
                if let Some(frame) = &frame {
                    this.passed(frame);
                }
                this.completed();
                return Poll::Ready(frame.map(Ok));
            }
            Content::Target(exchange) => exchange,
            Content::Tunnel(_) => return Poll::Ready(None),
        };
        let polled = Pin::new(&mut exchange.incoming).poll_frame(cx).map_ok(with_safe_trailers);
        match &polled {
            Poll::Pending => {
                if let Some(upstream) = exchange.upstream() {
                    upstream.download_waits();
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(upstream) = exchange.upstream() {
                    upstream.passed_on();
                }
                exchange.ended |= frame.is_trailers(); // nothing comes after them, and nobody asks
                this.passed(frame);
                this.settle();
            }
            Poll::Ready(Some(Err(_))) => {
                let verdict = exchange.upstream().and_then(|upstream| upstream.verdict.get());
                let words = this.record.as_mut().and_then(|record| {
                    record.broke_off(verdict);
                    record.last_words(verdict)
                });
                if let Some(words) = words {
                    this.content = Content::Own(None);
                    return Poll::Ready(Some(Ok(Frame::trailers(words))));
                }
            }
            Poll::Ready(None) => {
                exchange.ended = true;
                this.completed();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(bytes) => bytes.is_none(),
            Content::Target(exchange) => exchange.is_over(),
            Content::Tunnel(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::Target(exchange) => exchange.incoming.size_hint(),
            Content::Tunnel(_) => SizeHint::with_exact(0),
        }
    }
}
