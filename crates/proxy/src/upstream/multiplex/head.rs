//! A request's head in the shape that HTTP/2 has for it.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, Version, header};

use crate::Transport;
use crate::outgoing::Outgoing;

/// The head to send: `Host` becomes `:authority` (RFC 9113 section 8.3.1), framing is left to the protocol. `None` for a
/// head that cannot be said in HTTP/2.
///
/// It is a copy: whatever happens to the stream, the request can be sent again when the target has not taken it.
pub(super) fn head(request: &Outgoing, transport: &Transport) -> Option<Request<()>> {
    let mut head = Request::new(());
    *head.method_mut() = request.head.method.clone();
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = request.head.headers.clone();
    let host = head.headers_mut().remove(header::HOST).filter(|host| !host.is_empty());
    head.headers_mut().remove(header::TRANSFER_ENCODING);
    head.headers_mut().remove(header::CONNECTION); // of an attempt over HTTP/1.1
    if request.takes_trailers {
        head.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
    }
    *head.uri_mut() = match host {
        Some(host) => {
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(if transport.is_tls() { Scheme::HTTPS } else { Scheme::HTTP });
            parts.authority = Some(Authority::from_maybe_shared(Bytes::copy_from_slice(host.as_bytes())).ok()?);
            parts.path_and_query = request.head.uri.path_and_query().cloned();
            Uri::from_parts(parts).ok()?
        }
        None => {
            // Only HTTP/1.0 knows requests without a host, and h2 wants to be told that it is one of those.
            *head.version_mut() = Version::HTTP_11;
            let path = request.head.uri.path_and_query().cloned();
            Uri::from(path.unwrap_or(PathAndQuery::from_static("/")))
        }
    };
    Some(head)
}
