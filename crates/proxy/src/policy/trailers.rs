//! Which trailers are passed on, either way.

use http::{HeaderMap, HeaderName, header};

/// Removes trailers that would say something else than the head did to a reader that merges them into it: how the message
/// is framed or coded, where it goes, who asks and what they may (RFC 9110 section 6.5.1).
pub(crate) fn keep_safe(trailers: &mut HeaderMap) {
    if trailers.keys().all(is_safe) {
        return;
    }
    for name in trailers.keys().filter(|name| !is_safe(name)).cloned().collect::<Vec<_>>() {
        trailers.remove(name);
    }
}

fn is_safe(name: &HeaderName) -> bool {
    let unsafe_standard = matches!(
        *name,
        header::AUTHORIZATION
            | header::CACHE_CONTROL
            | header::CONNECTION
            | header::COOKIE
            | header::EXPECT
            | header::FORWARDED
            | header::HOST
            | header::LOCATION
            | header::MAX_FORWARDS
            | header::RANGE
            | header::SET_COOKIE
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
            | header::VIA
            | header::WWW_AUTHENTICATE
    );
    let family = ["content-", "if-", "proxy-", "x-forwarded-", "access-control-"];
    let text = name.as_str();
    let other = matches!(text, "keep-alive" | "x-request-id" | "x-real-ip") || text.contains('_');
    !(unsafe_standard || other || family.iter().any(|start| text.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_trailers_that_change_nothing_of_the_head_stay() {
        let mut trailers = HeaderMap::new();
        let names =
            ["x-sum", "content-length", "grpc-status", "transfer-encoding", "set-cookie", "x-forwarded-for", "x_a"];
        for name in names {
            trailers.append(name, HeaderValue::from_static("1"));
        }
        keep_safe(&mut trailers);
        assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-sum", "grpc-status"]);
    }
}
