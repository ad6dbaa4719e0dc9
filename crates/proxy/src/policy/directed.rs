//! Whether a request belongs on the TLS connection that it came on.

use equipoise_stream::tls::TlsFacts;
use http::HeaderValue;

/// Whether a request for `host` may be answered on a connection with these facts (RFC 9110 section 7.4).
///
/// It may when the host is the name that the client asked for in its handshake, or one that the certificate it was shown
/// is good for: HTTP/2 clients use one connection for all of those (RFC 9113 section 9.1.1). A client that asked for no
/// name was directed nowhere, and may ask for any host.
pub(crate) fn is_directed(tls: &TlsFacts, host: Option<&HeaderValue>) -> bool {
    let (Some(name), Some(authority)) = (tls.server_name.as_deref(), host.and_then(|host| host.to_str().ok())) else {
        // Without a host, there is nothing that could differ.
        return true;
    };
    let host = bare(authority);
    host.eq_ignore_ascii_case(name) || tls.answers_for(&host.to_ascii_lowercase())
}

/// The host without port, brackets and the dot of an absolute name.
fn bare(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(address, _)| address);
    }
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_what_surrounds_it() {
        for (authority, want) in [
            ("a.example", "a.example"),
            ("a.example:8443", "a.example"),
            ("a.example.", "a.example"),
            ("a.example.:8443", "a.example"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("192.0.2.1:1", "192.0.2.1"),
        ] {
            assert_eq!(bare(authority), want);
        }
    }
}
