//! Which requests are let in.

use std::net::Ipv6Addr;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri, Version, header};

use super::fields::{Seen, drop_underscores, join_cookies};
use super::forwarded::passes;
use crate::ListenerLimits;

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the method CONNECT is not served here")]
    Connect,
    #[error("the request target is neither a path nor an absolute URI")]
    Target,
    #[error("the request target holds an encoded NUL")]
    Nul,
    #[error("the path leads above the root, or is encoded wrongly")]
    Path,
    #[error("the request target is too long")]
    TargetTooLong,
    #[error("the request has too many header fields")]
    TooManyFields,
    #[error("the request has no Host field")]
    NoHost,
    #[error("the request has more than one Host field")]
    ManyHosts,
    #[error("the Host field is not a host")]
    BadHost,
    #[error("the host differs from the authority")]
    OtherHost,
    #[error("the connection was made for another host")]
    Misdirected,
    #[error("the only transfer coding served here is a single `chunked`")]
    Coding,
    #[error("the request may have a body and says nothing of its length")]
    NoLength,
    #[error("the request has both Content-Length and Transfer-Encoding")]
    TwoLengths,
    #[error("the request has come through here before, and again and again")]
    Loop,
    #[error("a request for another protocol has no body")]
    UpgradeWithBody,
    #[error("this protocol is not served over HTTP/2")]
    Protocol,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::OtherHost | Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Coding | Self::Protocol => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The code in logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Connect => "connect-refused",
            Self::Target => "bad-target",
            Self::Nul => "nul-in-target",
            Self::Path => "bad-path",
            Self::TargetTooLong => "target-too-long",
            Self::TooManyFields => "too-many-fields",
            Self::NoHost => "no-host",
            Self::ManyHosts => "many-hosts",
            Self::BadHost => "bad-host",
            Self::OtherHost => "other-host",
            Self::Misdirected => "misdirected",
            Self::Coding => "transfer-coding",
            Self::TwoLengths => "two-lengths",
            Self::NoLength => "no-length",
            Self::Loop => "loop",
            Self::UpgradeWithBody => "upgrade-with-body",
            Self::Protocol => "unknown-protocol",
        }
    }
}

/// What is known of a request that was let in.
#[derive(Debug, PartialEq)]
pub(crate) struct Admitted {
    /// The host that it asks for.
    pub(crate) host: Option<HeaderValue>,
    /// Whether it holds fields that say who asks, true or not.
    pub(crate) says_who_asks: bool,
    /// Whether the client says that it takes trailers.
    pub(crate) takes_trailers: bool,
}

/// Checks a request's head and brings it into the one shape that rules, plugins and targets see: a path for its target,
/// one `Host`, no field that concerns the client's connection only.
pub(crate) fn admit(head: &mut Parts, limits: &ListenerLimits) -> Result<Admitted, Refusal> {
    if head.method == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    let seen = Seen::scan(&head.headers);
    check_framing(head, &seen)?;
    check_sizes(head, limits)?;
    if seen.vias > 0 && passes(&head.headers) > limits.passes {
        return Err(Refusal::Loop);
    }
    let host = check_host(head, &seen)?;
    check_target(head)?;
    let takes_trailers = seen.takes_trailers(&head.headers);
    seen.strip(&mut head.headers);
    if seen.underscore && !limits.underscores {
        drop_underscores(&mut head.headers);
    }
    if seen.cookies > 1 {
        join_cookies(&mut head.headers);
    }
    head.extensions.clear(); // nothing that hyper leaves there is for targets
    Ok(Admitted { host, says_who_asks: seen.says_who_asks, takes_trailers })
}

fn check_framing(head: &Parts, seen: &Seen) -> Result<(), Refusal> {
    if seen.codings == 0 {
        // Where a body is meant and has no length, the bytes behind the head could be it (RFC 1945 section 8.3).
        let may_have_body = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
        let no_length = head.version == Version::HTTP_10 && may_have_body && seen.lengths == 0;
        return if no_length { Err(Refusal::NoLength) } else { Ok(()) };
    }
    if seen.lengths > 0 {
        return Err(Refusal::TwoLengths);
    }
    let chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    let single = seen.codings == 1 && head.headers.get(header::TRANSFER_ENCODING).is_some_and(chunked);
    if single { Ok(()) } else { Err(Refusal::Coding) }
}

fn check_sizes(head: &Parts, limits: &ListenerLimits) -> Result<(), Refusal> {
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > limits.target_bytes) {
        return Err(Refusal::TargetTooLong);
    }
    if head.headers.len() > limits.fields {
        return Err(Refusal::TooManyFields);
    }
    Ok(())
}

/// An authority in the target, which every HTTP/2 request has, stands above the field (RFC 9112 section 3.2.2); in
/// HTTP/2 the two must not differ (RFC 9113 section 8.3.1).
fn check_host(head: &mut Parts, seen: &Seen) -> Result<Option<HeaderValue>, Refusal> {
    if seen.hosts > 1 {
        return Err(Refusal::ManyHosts);
    }
    let Some(authority) = head.uri.authority() else {
        return match head.headers.get(header::HOST) {
            Some(host) if is_host(host.as_bytes()) => Ok(Some(host.clone())),
            Some(_) => Err(Refusal::BadHost),
            None if head.version == Version::HTTP_10 => {
                // It need not name one; HTTP/1.1 wants the field, and empty it means none (RFC 9112 section 3.2).
                head.headers.insert(header::HOST, HeaderValue::from_static(""));
                Ok(None)
            }
            None => Err(Refusal::NoHost),
        };
    };
    let text = authority.as_str();
    if !is_host(text.as_bytes()) {
        return Err(Refusal::BadHost);
    }
    let same = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(text.as_bytes());
    match head.headers.get(header::HOST) {
        Some(host) if same(host) => return Ok(Some(host.clone())),
        Some(_) if head.version == Version::HTTP_2 => return Err(Refusal::OtherHost),
        _ => {}
    }
    let host = HeaderValue::from_str(text).map_err(|_| Refusal::BadHost)?;
    head.headers.insert(header::HOST, host.clone());
    Ok(Some(host))
}

/// Which bytes a host may have. A table, because every request is asked.
const LEGAL: [bool; 256] = {
    let mut legal = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        legal[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')')
            || matches!(byte, b'*' | b'+' | b',' | b';' | b'=');
        byte += 1;
    }
    legal
};

/// A host and perhaps a port, in the bytes that RFC 3986 section 3.2 has for them; no user information.
fn is_host(text: &[u8]) -> bool {
    let legal = |byte: &u8| LEGAL[usize::from(*byte)];
    let end = match text {
        [b'[', address @ ..] => address.iter().position(|byte| *byte == b']').map_or(0, |at| at + 2),
        _ => text.iter().position(|byte| *byte == b':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let host = match host {
        [b'[', address @ .., b']'] => std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        _ => !host.is_empty() && host.iter().all(legal),
    };
    host && is_port(port)
}

/// What follows a host: nothing, or a colon and perhaps a number of 16 bits.
fn is_port(text: &[u8]) -> bool {
    let digit = |port: u32, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| port * 10 + u32::from(digit)).filter(|port| *port <= u32::from(u16::MAX))
    };
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().try_fold(0, digit).is_some(),
        _ => false,
    }
}

/// Leaves path and query alone in the target.
fn check_target(head: &mut Parts) -> Result<(), Refusal> {
    let Some(target) = head.uri.path_and_query() else { return Err(Refusal::Target) };
    if head.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Refusal::Target);
    }
    let path = target.path();
    let star = path == "*" && head.method == Method::OPTIONS;
    if !path.starts_with('/') && !star {
        return Err(Refusal::Target);
    }
    if path.as_bytes().windows(3).any(|window| window == b"%00") {
        return Err(Refusal::Nul);
    }
    if head.uri.authority().is_some() {
        head.uri = Uri::from(target.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
