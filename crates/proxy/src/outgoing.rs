//! A request on its way to a target.

use http::request::Parts;
use http::{HeaderValue, Request, Version, header};
use hyper::body::Incoming;

use crate::body::RequestBody;
use crate::tunnel::Asked;

/// A request that every step works on in its place: a head is a quarter of a kilobyte, and moving it about is dearer
/// than most of what is done to it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) head: Parts,
    pub(crate) body: RequestBody,
    /// Whether the client said that it takes trailers.
    pub(crate) takes_trailers: bool,
    /// The tunnel that it asks for.
    pub(crate) asked: Option<Box<Asked>>,
}

impl Outgoing {
    pub(crate) fn new(request: Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        Self { head, body: RequestBody::new(body), takes_trailers: false, asked: None }
    }

    /// Gives the target what it needs to find the end of the message, whichever version and framing the client used.
    pub(crate) fn frame(&mut self) {
        self.head.version = Version::HTTP_11;
        if self.body.is_unsized() {
            // hyper sends no body with GET and HEAD unless it is told how.
            self.head.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }

    /// Tells a target of HTTP/1.1 that the client takes trailers (RFC 9110 section 10.1.4).
    pub(crate) fn take_trailers(&mut self) {
        self.head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
        self.head.headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }

    /// The request, to be sent. What stays behind is empty until the request is put back or replaced.
    pub(crate) fn take(&mut self) -> Request<RequestBody> {
        let head = std::mem::replace(&mut self.head, Request::new(()).into_parts().0);
        Request::from_parts(head, self.body.take())
    }

    /// Takes the request back that was not sent.
    pub(crate) fn put_back(&mut self, request: Request<RequestBody>) {
        (self.head, self.body) = request.into_parts();
    }
}
