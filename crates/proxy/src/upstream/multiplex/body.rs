//! The body of a response that comes over HTTP/2.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Body, Frame, SizeHint};

/// What comes on a stream after the head. A part that was taken makes room for the next: nothing is asked of the target
/// that nobody waits for.
#[derive(Debug)]
pub(crate) struct StreamBody {
    stream: RecvStream,
    /// What the head says about the body's length.
    length: Option<u64>,
    data_ended: bool,
}

impl StreamBody {
    pub(super) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        // An answer to HEAD tells the length of what it does not send.
        let length = if stream.is_end_stream() { Some(0) } else { length };
        Self { stream, length, data_ended: false }
    }

    /// The stream, when what comes on it is no body.
    pub(crate) fn into_stream(self) -> RecvStream {
        self.stream
    }
}

impl StreamBody {
    /// Whether a stream that ended so may have ended well: nothing is known to be missing.
    fn is_enough(&self, error: &h2::Error) -> bool {
        error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR) && self.length.unwrap_or(0) == 0
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.stream.flow_control().release_capacity(data.len())?;
                    self.length = self.length.map(|length| length.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                // The target has said all that it had to say, and wants no more of the request (RFC 9113, 8.1).
                Some(Err(error)) if self.is_enough(&error) => {
                    self.data_ended = true;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.data_ended = true,
            }
        }
        Poll::Ready(ready!(self.stream.poll_trailers(cx))?.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length),
            None if self.is_end_stream() => SizeHint::with_exact(0),
            None => SizeHint::default(),
        }
    }
}
