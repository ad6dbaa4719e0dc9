//! A request's body on its way onto a stream.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::Reason;
use http_body::Body;

use crate::body::RequestBody;
use crate::upstream::Upstream;

/// Hands a body to its stream as fast as the target takes it. Of what the client sent, no more waits here than one part.
#[derive(Debug)]
pub(super) struct Upload {
    /// Shared with whoever sends the request, who takes it back when the target has refused the stream.
    body: Rc<RefCell<RequestBody>>,
    lane: Rc<Upstream>,
    /// Came from the client, and has not found room yet.
    part: Bytes,
    /// Whether `part` is the last one.
    last: bool,
}

/// Whether there is more to do.
type Step = Poll<Option<()>>;

impl Upload {
    pub(super) fn new(body: Rc<RefCell<RequestBody>>, lane: Rc<Upstream>) -> Self {
        Self { body, lane, part: Bytes::new(), last: false }
    }

    /// Sends the present part, piece by piece. `None` when the stream takes nothing any more.
    fn flush(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(mut stream) = self.lane.stream() else { return Poll::Ready(None) };
        while !self.part.is_empty() {
            stream.reserve_capacity(self.part.len());
            if stream.capacity() == 0 {
                match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(_)) => continue,
                    _ => return Poll::Ready(None),
                }
            }
            let piece = self.part.split_to(stream.capacity().min(self.part.len()));
            let end = self.last && self.part.is_empty();
            if stream.send_data(piece, end).is_err() || end {
                return Poll::Ready(None);
            }
        }
        Poll::Ready(Some(()))
    }

    /// Takes the next part from the client. `None` when that was the last.
    fn next(&mut self, cx: &mut Context<'_>) -> Step {
        let mut body = self.body.borrow_mut();
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let ended = body.is_end_stream();
        drop(body);
        let Some(mut stream) = self.lane.stream() else { return Poll::Ready(None) };
        // An error says that the stream is closed already, and why is for the reader of the response to tell.
        let _ = match frame.map(|frame| frame.map(http_body::Frame::into_data)) {
            Some(Ok(Ok(data))) if !data.is_empty() || !ended => {
                (self.part, self.last) = (data, ended);
                return Poll::Ready(Some(()));
            }
            Some(Ok(Err(frame))) => match frame.into_trailers() {
                Ok(trailers) => stream.send_trailers(trailers),
                Err(_) => Ok(()), // there are no other kinds
            },
            Some(Err(_)) => {
                stream.send_reset(Reason::CANCEL);
                Ok(())
            }
            _ => stream.send_data(Bytes::new(), true),
        };
        Poll::Ready(None)
    }
}

impl Future for Upload {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A target that wants no more says so while nothing is there to be sent.
        if self.lane.stream().is_none_or(|mut stream| stream.poll_reset(cx).is_ready()) {
            return Poll::Ready(());
        }
        loop {
            if ready!(self.flush(cx)).is_none() || ready!(self.next(cx)).is_none() {
                return Poll::Ready(());
            }
        }
    }
}
