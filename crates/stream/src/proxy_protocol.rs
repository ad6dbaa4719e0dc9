//! What a target is told about a connection before its first byte (the PROXY protocol, versions 1 and 2).
//!
//! Addresses in, bytes out.

use std::net::{IpAddr, SocketAddr};

use proxy_header::{Protocol, ProxiedAddress, ProxyHeader};

/// Longest header without extensions: 107 bytes of version 1, 52 of version 2.
const LONGEST: usize = 108;

/// Which version of the PROXY protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

/// Two ends of a client's connection, as the target is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The client.
    pub source: SocketAddr,
    /// Where it connected to.
    pub destination: SocketAddr,
}

impl ProxyProtocol {
    /// The header of a stream: of a client's when there are `ends`, else of a connection of our own, such as a health
    /// check or one for a client on a Unix socket, which has no address that the protocol could carry.
    #[must_use]
    pub fn stream(self, ends: Option<Ends>) -> Vec<u8> {
        self.header(Protocol::Stream, ends)
    }

    /// The header of a datagram. Version 1 knows none and says that the client is unknown.
    #[must_use]
    pub fn datagram(self, ends: Option<Ends>) -> Vec<u8> {
        let ends = ends.filter(|_| self == Self::V2);
        self.header(Protocol::Datagram, ends)
    }

    fn header(self, protocol: Protocol, ends: Option<Ends>) -> Vec<u8> {
        let header = match ends.map(Ends::in_one_family) {
            Some(Ends { source, destination }) => {
                ProxyHeader::with_address(ProxiedAddress { protocol, source, destination })
            }
            None => ProxyHeader::with_local(),
        };
        let mut bytes = vec![0; LONGEST];
        let length = match self {
            Self::V1 => header.encode_to_slice_v1(&mut bytes),
            Self::V2 => header.encode_to_slice_v2(&mut bytes),
        };
        // It has room for every header without extensions, and both addresses are of one family.
        bytes.truncate(length.unwrap_or(0));
        bytes
    }
}

impl Ends {
    /// The ends of a client's connection; `None` when it is closed already.
    #[must_use]
    pub fn of(socket: &tokio::net::TcpStream) -> Option<Self> {
        Some(Self { source: socket.peer_addr().ok()?, destination: socket.local_addr().ok()? })
    }

    /// A header carries two addresses of one family: IPv4 where both are, else IPv6, which has a place for IPv4.
    fn in_one_family(self) -> Self {
        let [source, destination] = [self.source, self.destination].map(canonical);
        if source.is_ipv4() == destination.is_ipv4() {
            return Self { source, destination };
        }
        Self { source: mapped(source), destination: mapped(destination) }
    }
}

/// The address that both families agree on, without an interface's number, which means nothing elsewhere.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn mapped(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::new(ip.into(), address.port())
}

#[cfg(test)]
mod tests {
    use proxy_header::ParseConfig;

    use super::*;

    fn ends(source: &str, destination: &str) -> Ends {
        Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    #[track_caller]
    fn check_text(source: &str, destination: &str, want: &str) {
        let bytes = ProxyProtocol::V1.stream(Some(ends(source, destination)));
        assert_eq!(String::from_utf8(bytes).unwrap(), want);
    }

    #[test]
    fn version_1_is_a_line_of_text() {
        check_text("192.0.2.1:4711", "10.0.0.1:80", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n");
        check_text("[2001:db8::1]:4711", "[2001:db8::2]:80", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n");
        assert_eq!(ProxyProtocol::V1.stream(None), b"PROXY UNKNOWN\r\n");
        assert_eq!(ProxyProtocol::V1.datagram(Some(ends("192.0.2.1:1", "10.0.0.1:2"))), b"PROXY UNKNOWN\r\n");
    }

    #[test]
    fn addresses_of_two_families_are_both_told_as_ipv6() {
        check_text("[::ffff:192.0.2.1]:1", "10.0.0.1:2", "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n");
        check_text("192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n");
    }

    #[test]
    fn version_2_says_what_version_1_cannot() {
        let whole = ends("[2001:db8:ffff:ffff:ffff:ffff:ffff:1]:65535", "[2001:db8:ffff:ffff:ffff:ffff:ffff:2]:65534");
        for (bytes, protocol) in [
            (ProxyProtocol::V2.stream(Some(whole)), Protocol::Stream),
            (ProxyProtocol::V2.datagram(Some(whole)), Protocol::Datagram),
        ] {
            let (header, length) = ProxyHeader::parse(&bytes, ParseConfig::default()).unwrap();
            assert_eq!(length, bytes.len());
            let Ends { source, destination } = whole;
            assert_eq!(header.proxied_address(), Some(&ProxiedAddress { protocol, source, destination }));
        }
        let local = ProxyProtocol::V2.stream(None);
        assert!(ProxyHeader::parse(&local, ParseConfig::default()).unwrap().0.proxied_address().is_none());
    }

    #[test]
    fn the_longest_header_fits() {
        let longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
        for version in [ProxyProtocol::V1, ProxyProtocol::V2] {
            assert!(!version.stream(Some(ends(longest, longest))).is_empty());
        }
    }
}
