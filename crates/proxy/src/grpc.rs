//! gRPC, as far as somebody between client and target has to know it: how a call is recognised, how long it may take, and
//! how it is told that it failed. Pure: fields in, fields out.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::body::Content;
use crate::names::{GRPC_MESSAGE, GRPC_STATUS, GRPC_TIMEOUT};

/// Longest text that a failed call is told.
const LONGEST_MESSAGE: usize = 200;

/// How a call ended, as gRPC counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl Code {
    const UNKNOWN: Self = Self(2);
    pub(crate) const DEADLINE_EXCEEDED: Self = Self(4);
    const PERMISSION_DENIED: Self = Self(7);
    const RESOURCE_EXHAUSTED: Self = Self(8);
    const UNIMPLEMENTED: Self = Self(12);
    const INTERNAL: Self = Self(13);
    pub(crate) const UNAVAILABLE: Self = Self(14);
    const UNAUTHENTICATED: Self = Self(16);

    /// Codes that there are.
    pub(crate) const COUNT: usize = 17;

    /// What a status of HTTP means to a call that was answered here, by what gRPC's own table says of answers from those
    /// between ("HTTP to gRPC Status Code Mapping"), save that we know more: a time-out is one, and so is a limit.
    fn of(status: StatusCode, reason: Option<&str>) -> Self {
        if matches!(reason, Some("queue-full" | "queue-timeout" | "rate-limited" | "overload")) {
            return Self::RESOURCE_EXHAUSTED;
        }
        match status.as_u16() {
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 | 405 | 501 => Self::UNIMPLEMENTED,
            408 | 504 => Self::DEADLINE_EXCEEDED,
            413 | 414 | 429 | 431 => Self::RESOURCE_EXHAUSTED,
            502 | 503 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// The code that stands in fields or trailers; UNKNOWN when it is none.
    pub(crate) fn read(fields: &HeaderMap) -> Option<Self> {
        let text = fields.get(&GRPC_STATUS)?.to_str().ok();
        let code = text.and_then(|text| text.parse().ok()).filter(|code| usize::from(*code) < Self::COUNT);
        Some(code.map_or(Self::UNKNOWN, Self))
    }

    /// What a call is told at its end.
    pub(crate) fn trailers(self, message: &str) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert(&GRPC_STATUS, HeaderValue::from(u16::from(self.0)));
        trailers.insert(&GRPC_MESSAGE, encode(message));
        trailers
    }
}

/// Whether the fields are those of a gRPC call.
pub(crate) fn is_call(fields: &HeaderMap) -> bool {
    let kind = fields.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.and_then(|kind| kind.strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest, [] | [b'+' | b';', ..]))
}

/// How long the client waits for the end of its call: at most eight digits and a unit.
pub(crate) fn timeout(fields: &HeaderMap) -> Option<Duration> {
    let text = fields.get(&GRPC_TIMEOUT)?.as_bytes();
    let (unit, digits) = text.split_last()?;
    let legal = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let count: u64 = std::str::from_utf8(digits).ok().filter(|_| legal)?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

/// An answer of our own in the one shape that a call understands: a head that is also the end, with status 200.
pub(crate) fn trailers_only(response: Response<Content>, reason: Option<&str>) -> Response<Content> {
    let (mut head, content) = response.into_parts();
    let content = match content {
        Content::Own(text) => text,
        // A target has answered, and speaks for itself.
        content => return Response::from_parts(head, content),
    };
    let text = content
        .filter(|_| is_plain(&head.headers))
        .unwrap_or_else(|| Bytes::from_static(head.status.canonical_reason().unwrap_or_default().as_bytes()));
    let text = String::from_utf8_lossy(&text);
    head.headers.extend(Code::of(head.status, reason).trailers(text.lines().next().unwrap_or_default()));
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head.status = StatusCode::OK;
    Response::from_parts(head, Content::Own(None))
}

fn is_plain(fields: &HeaderMap) -> bool {
    fields.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// A message as gRPC writes it: printable ASCII, all else and `%` in hexadecimal.
fn encode(message: &str) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = Vec::with_capacity(message.len());
    for byte in message.bytes().take(LONGEST_MESSAGE) {
        match byte {
            b' '..=b'~' if byte != b'%' => text.push(byte),
            _ => text.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
    // Printable ASCII is a value.
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn calls_are_told_from_what_only_looks_like_them() {
        for (kind, want) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            assert_eq!(is_call(&fields("content-type", kind)), want, "{kind}");
        }
    }

    #[test]
    fn a_time_out_is_digits_and_a_unit() {
        let seconds = |count| Some(Duration::from_secs(count));
        for (text, want) in [
            ("1S", seconds(1)),
            ("2M", seconds(120)),
            ("99999999H", seconds(99_999_999 * 3600)),
            ("250m", Some(Duration::from_millis(250))),
            ("0n", seconds(0)),
            ("7u", Some(Duration::from_micros(7))),
            ("S", None),
            ("", None),
            ("100000000S", None),
            ("-1S", None),
            ("+1S", None),
            ("1.5S", None),
            ("1s", None),
        ] {
            assert_eq!(timeout(&fields("grpc-timeout", text)), want, "{text}");
        }
    }

    #[test]
    fn an_answer_of_our_own_becomes_an_end_that_a_call_understands() {
        let answer = |status: u16, text: &'static str| {
            let body = Content::Own(Some(Bytes::from_static(text.as_bytes())));
            let response = Response::builder().status(status).header("content-type", "text/plain").body(body).unwrap();
            let head = trailers_only(response, None).into_parts().0;
            let field = |name| head.headers[name].to_str().unwrap().to_owned();
            (head.status.as_u16(), field("grpc-status"), field("grpc-message"), field("content-type"))
        };
        let want =
            |code: &str, message: &str| (200, code.to_owned(), message.to_owned(), "application/grpc".to_owned());
        assert_eq!(
            answer(503, "503 Service Unavailable: no-target\n"),
            want("14", "503 Service Unavailable: no-target")
        );
        assert_eq!(answer(504, "late"), want("4", "late"));
        assert_eq!(answer(404, "100 % ünknown"), want("12", "100 %25 %C3%BCnknown"));
        assert_eq!(answer(302, ""), want("2", ""));
    }

    #[test]
    fn limits_are_resources_that_are_exhausted() {
        assert_eq!(Code::of(StatusCode::SERVICE_UNAVAILABLE, Some("queue-full")), Code::RESOURCE_EXHAUSTED);
        assert_eq!(Code::of(StatusCode::TOO_MANY_REQUESTS, None), Code::RESOURCE_EXHAUSTED);
    }

    #[test]
    fn a_code_that_is_none_counts_as_unknown() {
        for (text, want) in [("0", 0), ("16", 16), ("17", 2), ("x", 2), ("-1", 2)] {
            assert_eq!(Code::read(&fields("grpc-status", text)), Some(Code(want)), "{text}");
        }
        assert_eq!(Code::read(&HeaderMap::new()), None);
    }
}
