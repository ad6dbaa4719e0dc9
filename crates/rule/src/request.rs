//! What conditions see of a request.

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv6Addr};

use http::header::HOST;
use http::request::Parts;

/// Longest host compared; domain names end at 253 bytes.
const LONGEST_HOST: usize = 255;

/// One request in front of the conditions.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) client: IpAddr,
    host: &'a OnceCell<Option<Host>>,
}

impl<'a> Request<'a> {
    /// `host` starts empty for each state of the head and saves working the host out for every rule.
    pub(crate) fn new(head: &'a Parts, client: IpAddr, host: &'a OnceCell<Option<Host>>) -> Self {
        Self { head, client, host }
    }

    /// The host without port, in lower case; `None` when the request names none that could be a host.
    pub(crate) fn host(&self) -> Option<&'a [u8]> {
        self.host.get_or_init(|| authority(self.head).and_then(Host::of)).as_ref().map(Host::as_bytes)
    }
}

/// A host in lower case, on the stack.
pub(crate) struct Host {
    bytes: [u8; LONGEST_HOST],
    length: usize,
}

impl Host {
    pub(crate) fn of(authority: &str) -> Option<Self> {
        Self::plain(authority.as_bytes()).or_else(|| Self::any(authority))
    }

    /// Nearly every authority is a name or an IPv4 address, perhaps with a port; then one pass is enough. `None` for others.
    fn plain(authority: &[u8]) -> Option<Self> {
        let mut host = Self { bytes: [0; LONGEST_HOST], length: 0 };
        for (byte, place) in authority.iter().zip(0..) {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => *host.bytes.get_mut(place)? = *byte,
                b'A'..=b'Z' => *host.bytes.get_mut(place)? = byte.to_ascii_lowercase(),
                b':' if authority[place + 1..].iter().all(u8::is_ascii_digit) => break,
                _ => return None,
            }
            host.length = place + 1;
        }
        // `example.org.` is the same name, written absolutely.
        host.length -= usize::from(host.as_bytes().ends_with(b"."));
        (host.length > 0).then_some(host)
    }

    fn any(authority: &str) -> Option<Self> {
        let (host, _) = split(authority);
        let host = host.strip_suffix('.').unwrap_or(host);
        let mut bytes = [0; LONGEST_HOST];
        let place = bytes.get_mut(..host.len())?;
        place.copy_from_slice(host.as_bytes());
        place.make_ascii_lowercase();
        Some(Self { bytes, length: host.len() }).filter(|host| host.length > 0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Host and port as the client named them: the request target's when it has one (it overrides the field, RFC 9112
/// section 3.2.2), else the `Host` field's.
pub(crate) fn authority(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers.get(HOST)?.to_str().ok(),
    }
}

/// Splits an authority into host (with the brackets of an IPv6 address) and port.
pub(crate) fn split(authority: &str) -> (&str, Option<&str>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, rest)| rest);
    let bracket = if authority.starts_with('[') { authority.find(']').map_or(0, |end| end + 1) } else { 0 };
    match authority[bracket..].split_once(':') {
        Some((host, port)) => (&authority[..bracket + host.len()], Some(port)),
        None => (authority, None),
    }
}

/// Whether a text is a host: a name of letters, digits, `-`, `_` and `.`, or an IPv6 address in brackets. Stricter than
/// RFC 3986, whose other characters have no use in a host but mean something to whoever reads a URL carelessly.
pub(crate) fn is_host(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.len() <= LONGEST_HOST && text.bytes().all(legal),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_way_to_the_host_leads_where_the_long_one_does(authority in "[a-cA-C0-2.:@\\[\\]-]{0,12}") {
            let bytes = |host: Option<Host>| host.map(|host| host.as_bytes().to_vec());
            if let Some(host) = Host::plain(authority.as_bytes()) {
                prop_assert_eq!(bytes(Some(host)), bytes(Host::any(&authority)));
            }
        }
    }
}
