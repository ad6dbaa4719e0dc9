//! hyper with bytes on one side and nothing on the other.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ListenerLimits;
use crate::policy::{self, Refusal};

/// A connection whose other end has sent `input` and then closed its side.
#[derive(Debug)]
struct Memory<'a> {
    input: &'a [u8],
    output: Vec<u8>,
    /// Gets no answer: the input is all there will ever be, and its end is not told.
    silent: bool,
}

impl AsyncRead for Memory<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (part, rest) = self.input.split_at(self.input.len().min(buf.remaining()));
        if part.is_empty() && self.silent {
            return Poll::Pending;
        }
        buf.put_slice(part);
        self.input = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A body that is all there, with or without its length known.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Option<Bytes>,
    pub(super) sized: bool,
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            Some(_) if !self.sized => SizeHint::new(),
            Some(bytes) => SizeHint::with_exact(bytes.len() as u64),
            None => SizeHint::with_exact(0),
        }
    }
}

/// A runtime for one check.
fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing but memory");
    runtime.block_on(future)
}

/// How many whole requests a hyper server finds in the bytes, with the policy behind it.
pub(super) fn requests(bytes: &[u8]) -> usize {
    let whole = std::cell::Cell::new(0);
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let whole = &whole;
        async move {
            let (mut head, mut body) = request.into_parts();
            let mut response = Response::new(Whole { bytes: None, sized: true });
            if policy::admit(&mut head, &ListenerLimits::default()) == Err(Refusal::Coding) {
                // Answered without a look at its body, and the connection ends.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                return Ok::<_, Infallible>(response);
            }
            let intact = loop {
                match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => break false,
                    None => break true,
                }
            };
            whole.set(whole.get() + usize::from(intact));
            Ok(response)
        }
    });
    let io = TokioIo::new(Memory { input: bytes, output: Vec::new(), silent: false });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.half_close(true);
    // How it ends does not matter; what it let through does.
    let _ = block_on(builder.serve_connection(io, service));
    whole.get()
}

/// The bytes that a hyper client makes of a request.
pub(super) fn sent(request: Request<Whole>) -> Vec<u8> {
    block_on(async {
        let io = TokioIo::new(Memory { input: b"", output: Vec::new(), silent: true });
        let builder = hyper::client::conn::http1::Builder::new();
        let (mut sender, mut connection) = builder.handshake(io).await.expect("memory does not fail");
        let mut response = std::pin::pin!(sender.send_request(request));
        // Each turn of the connection writes all that it can; no answer will come.
        for _ in 0..8 {
            let turn = poll_fn(|cx| {
                let _ = response.as_mut().poll(cx);
                Poll::Ready(Pin::new(&mut connection).poll(cx))
            });
            if turn.await.is_ready() {
                break;
            }
        }
        connection.into_parts().io.into_inner().output
    })
}
