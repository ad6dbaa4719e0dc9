//! Who asks: what a proxy before us says, and what we tell the target.

use std::net::IpAddr;

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, Version, header};

use crate::Networks;
use crate::downstream::peer::Peer;
use crate::names::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PORT, X_FORWARDED_PROTO, X_REQUEST_ID};

/// Fields that we add, the request's name among them: room is made once.
const OURS: usize = 6;

/// Longest request id that is believed: ids end up in logs.
const LONGEST_ID: usize = 128;

/// What the target is told about the connection that a request came in by.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// Address of the connection's other end, as a field value, if it has one.
    pub(crate) peer: Option<&'a HeaderValue>,
    /// The host that was asked for.
    pub(crate) host: Option<&'a HeaderValue>,
    /// Port that the client connected to, if it was one.
    pub(crate) port: Option<&'a HeaderValue>,
    /// Whether the client's connection is inside TLS.
    pub(crate) secure: bool,
    /// Protocol version of the client.
    pub(crate) version: Version,
}

/// Address of the client: the connection's other end, or, when that is a trusted proxy, the last address in
/// `X-Forwarded-For` that is not one. Read from the right, because a client can write what it likes on the left.
pub(crate) fn client(fields: &HeaderMap, peer: Peer, trusted: &Networks) -> Peer {
    let mut client = peer;
    let values = fields.get_all(&X_FORWARDED_FOR).iter().rev();
    for text in values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
        let address = std::str::from_utf8(text).ok().and_then(|text| address(text.trim()));
        match address {
            // Whoever asks this about somebody without an address trusts him.
            Some(address) if client.ip().is_none_or(|ip| trusted.contains(ip)) => client = Peer::behind_proxy(address),
            _ => break,
        }
    }
    client
}

/// An address, perhaps with a port as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let parsed = text.parse::<IpAddr>().ok();
    parsed.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

/// The name that the request came with, if it is one.
pub(crate) fn request_id(fields: &HeaderMap) -> Option<HeaderValue> {
    fields.get(&X_REQUEST_ID).filter(|id| (1..=LONGEST_ID).contains(&id.len())).cloned()
}

/// Removes what a client says about itself, unless a trusted proxy says it. The request's name goes in any case: it has
/// been read.
pub(crate) fn disbelieve(fields: &mut HeaderMap, trusted: bool) {
    fields.remove(&X_REQUEST_ID);
    if !trusted {
        fields.remove(header::FORWARDED);
        // All of the family: targets also believe `X-Forwarded-Prefix`, `-Server` and `-Ssl`.
        let family = |name: &&HeaderName| name.as_str().starts_with("x-forwarded-");
        for name in fields.keys().filter(family).cloned().collect::<Vec<_>>() {
            fields.remove(name);
        }
    }
}

/// Tells the target who asks. What stands there already comes from a trusted proxy or from a rule, and stays.
pub(crate) fn forward(fields: &mut HeaderMap, facts: &Facts<'_>) {
    fields.reserve(OURS);
    // Somebody without an address adds none: the chain holds addresses, and targets read it so.
    if let Some(peer) = facts.peer {
        match fields.entry(&X_FORWARDED_FOR) {
            Entry::Vacant(entry) => drop(entry.insert(peer.clone())),
            Entry::Occupied(mut entry) => {
                let chain = extended(entry.iter(), peer);
                // Not `insert_mult`: of three values or more it panics (http 1.5).
                entry.insert(chain);
            }
        }
    }
    fields.entry(&X_FORWARDED_PROTO).or_insert(proto(facts.secure));
    if let Some(port) = facts.port {
        fields.entry(&X_FORWARDED_PORT).or_insert_with(|| port.clone());
    }
    if let Some(host) = facts.host {
        fields.entry(&X_FORWARDED_HOST).or_insert_with(|| host.clone());
    }
    fields.append(header::VIA, via(facts.version));
}

/// `X-Forwarded-For` as it came, with one more address.
fn extended<'a>(values: impl Iterator<Item = &'a HeaderValue>, peer: &HeaderValue) -> HeaderValue {
    let mut chain = Vec::new();
    for value in values {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer.as_bytes());
    // Made of valid values and a separator, so it is one; the peer alone is true in any case.
    HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).unwrap_or_else(|_| peer.clone())
}

/// How often the request has come through one of us, by its `Via` fields (RFC 9110 section 7.6.3).
pub(super) fn passes(fields: &HeaderMap) -> usize {
    let elements = fields.get_all(header::VIA).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let by = |element: &[u8]| {
        element.trim_ascii().split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()).nth(1) == Some(NAME)
    };
    elements.filter(|element| by(element)).count()
}

/// What we call ourselves in `Via`.
const NAME: &[u8] = b"equipoise";

// The blocks let the compiler check the texts; outside of them every request would.

fn proto(secure: bool) -> HeaderValue {
    if secure { const { HeaderValue::from_static("https") } } else { const { HeaderValue::from_static("http") } }
}

fn via(version: Version) -> HeaderValue {
    match version {
        Version::HTTP_10 => const { HeaderValue::from_static("1.0 equipoise") },
        Version::HTTP_2 => const { HeaderValue::from_static("2 equipoise") },
        _ => const { HeaderValue::from_static("1.1 equipoise") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> Networks {
        Networks::new(vec!["10.0.0.0/8".parse().unwrap()])
    }

    #[track_caller]
    fn check_client(peer: &str, chain: &[&str], want: &str) {
        let mut fields = HeaderMap::new();
        for value in chain {
            fields.append(&X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        let peer = if peer == "unix:" { Peer::Local } else { Peer::behind_proxy(peer.parse().unwrap()) };
        assert_eq!(client(&fields, peer, &trusted()).to_string(), want);
    }

    #[test]
    fn the_client_is_the_first_untrusted_address_from_the_right() {
        check_client("192.0.2.1", &["198.51.100.1"], "192.0.2.1");
        check_client("10.0.0.1", &[], "10.0.0.1");
        check_client("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check_client("10.0.0.1", &["203.0.113.7, 198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check_client("10.0.0.1", &["203.0.113.7", "198.51.100.1:4711, 10.0.0.2"], "198.51.100.1");
        check_client("10.0.0.1", &["::ffff:10.0.0.3", "10.0.0.2"], "10.0.0.3");
        check_client("unix:", &["203.0.113.7, 198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check_client("unix:", &[], "unix:");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        check_client("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2");
        check_client("10.0.0.1", &[""], "10.0.0.1");
    }

    #[test]
    fn only_our_own_name_in_via_counts_as_a_pass() {
        let mut fields = HeaderMap::new();
        for value in [
            "1.1 equipoise, 1.0 fred, 2 equipoise (a comment)",
            "HTTP/1.1 equipoise",
            "1.1 equipoise2",
            "equipoise",
            "",
        ] {
            fields.append(header::VIA, HeaderValue::from_static(value));
        }
        assert_eq!(passes(&fields), 3);
    }

    fn forwarded(trusted: bool, sent: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut fields = HeaderMap::new();
        for (name, value) in sent {
            fields.append(*name, HeaderValue::from_static(value));
        }
        let (peer, port) = (HeaderValue::from_static("192.0.2.1"), HeaderValue::from_static("8080"));
        let host = fields.get(header::HOST).cloned();
        assert_eq!(request_id(&fields), Some(HeaderValue::from_static("mine")));
        disbelieve(&mut fields, trusted);
        let (peer, port, version) = (Some(&peer), Some(&port), Version::HTTP_11);
        forward(&mut fields, &Facts { peer, host: host.as_ref(), port, secure: false, version });
        let text = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().into());
        let mut all: Vec<_> = fields.iter().map(text).collect();
        all.sort();
        all
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const LIES: &[(&str, &str)] = &[
        ("host", "a.example"),
        ("forwarded", "for=1.2.3.4"),
        ("via", "1.0 fred"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", "5.6.7.8"),
        ("x-forwarded-host", "b.example"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/admin"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "mine"),
    ];

    #[test]
    fn a_chain_in_however_many_fields_becomes_one() {
        for count in 1..6 {
            let mut fields = HeaderMap::new();
            for _ in 0..count {
                fields.append(&X_FORWARDED_FOR, HeaderValue::from_static("10.0.0.9"));
            }
            let peer = HeaderValue::from_static("192.0.2.1");
            let facts = Facts { peer: Some(&peer), host: None, port: None, secure: false, version: Version::HTTP_11 };
            forward(&mut fields, &facts);
            let want = "10.0.0.9, ".repeat(count) + "192.0.2.1";
            assert_eq!(fields.get_all(&X_FORWARDED_FOR).iter().collect::<Vec<_>>(), [&want]);
        }
    }

    #[test]
    fn a_client_cannot_say_who_it_is() {
        let want = [
            ("host", "a.example"),
            ("via", "1.0 fred"),
            ("via", "1.1 equipoise"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-host", "a.example"),
            ("x-forwarded-port", "8080"),
            ("x-forwarded-proto", "http"),
        ];
        assert_eq!(forwarded(false, LIES), pairs(&want));
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_named() {
        let want = [
            ("forwarded", "for=1.2.3.4"),
            ("host", "a.example"),
            ("via", "1.0 fred"),
            ("via", "1.1 equipoise"),
            ("x-forwarded-for", "1.2.3.4, 5.6.7.8, 192.0.2.1"),
            ("x-forwarded-host", "b.example"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-prefix", "/admin"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(forwarded(true, LIES), pairs(&want));
    }
}
