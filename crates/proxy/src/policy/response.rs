//! Which responses are passed on.

use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::fields::Seen;
use super::wire::Defect;

/// Why a response is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadResponse {
    #[error("switched protocols without being asked")]
    UnaskedUpgrade,
    #[error("sent both Content-Length and Transfer-Encoding")]
    TwoLengths,
    #[error("sent a transfer coding other than a single `chunked`")]
    Coding,
    #[error("sent a Content-Length that is not one number")]
    Length,
    #[error("sent a response with {0}")]
    Bytes(Defect),
    #[error("sent too much before its response")]
    TooMuchBefore,
}

/// Checks a response's head and removes the fields that concern the target's connection only.
///
/// A change of protocol is refused unless it is the one that was `asked` for.
pub(crate) fn clean(head: &mut Parts, asked: bool) -> Result<(), BadResponse> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS && !asked {
        return Err(BadResponse::UnaskedUpgrade);
    }
    let seen = Seen::scan(&head.headers);
    if seen.codings > 0 {
        if seen.lengths > 0 {
            return Err(BadResponse::TwoLengths);
        }
        let chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        if seen.codings > 1 || !head.headers.get(header::TRANSFER_ENCODING).is_some_and(chunked) {
            return Err(BadResponse::Coding);
        }
    }
    // Read by hyper too, but not where a response has no body (HEAD, 304), and there the client would read it.
    if seen.lengths > 1 || !head.headers.get(header::CONTENT_LENGTH).is_none_or(is_number) {
        return Err(BadResponse::Length);
    }
    seen.strip(&mut head.headers);
    Ok(())
}

/// Removes the fields of an interim response that concern the target's connection only, and those that frame a body: it
/// has none.
pub(crate) fn clean_interim(fields: &mut HeaderMap) {
    Seen::scan(fields).strip(fields);
    for name in [header::CONTENT_LENGTH, header::TRAILER] {
        fields.remove(name);
    }
}

/// Whether it begins a stream of events (WHATWG, server-sent events) or of gRPC messages, which may be silent for long.
pub(crate) fn is_events(head: &Parts) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let begins = |name: &[u8]| kind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    begins(b"text/event-stream") || begins(b"application/grpc")
}

fn is_number(value: &HeaderValue) -> bool {
    !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[track_caller]
    fn check(status: u16, fields: &[(&str, &str)], want: Result<&[(&str, &str)], BadResponse>) {
        let mut builder = Response::builder().status(status);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let mut head = builder.body(()).unwrap().into_parts().0;
        let got = clean(&mut head, false);
        assert_eq!(got, want.map(|_| ()));
        if let Ok(want) = want {
            let got: Vec<_> =
                head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            assert_eq!(got, want);
        }
    }

    #[test]
    fn an_unasked_switch_is_refused() {
        check(101, &[("upgrade", "websocket")], Err(BadResponse::UnaskedUpgrade));
    }

    #[test]
    fn a_length_that_two_readers_could_read_differently_is_refused() {
        let chunked = ("transfer-encoding", "chunked");
        check(200, &[chunked, ("content-length", "3")], Err(BadResponse::TwoLengths));
        check(200, &[("transfer-encoding", "gzip, chunked")], Err(BadResponse::Coding));
        check(200, &[chunked, chunked], Err(BadResponse::Coding));
        let length = |text| ("content-length", text);
        check(200, &[length("3"), length("3")], Err(BadResponse::Length));
        for bad in ["+3", "3, 3", "", "-1", "0x3"] {
            check(304, &[length(bad)], Err(BadResponse::Length));
        }
        check(304, &[length("3")], Ok(&[length("3")]));
    }

    #[test]
    fn fields_of_the_connection_end_here() {
        let fields = [("connection", "x-a"), ("x-a", "1"), ("keep-alive", "timeout=5"), ("etag", "\"e\"")];
        check(200, &fields, Ok(&[("etag", "\"e\"")]));
        check(200, &[("transfer-encoding", "chunked"), ("trailer", "x-sum")], Ok(&[("trailer", "x-sum")]));
    }
}
