//! Addresses. Literals only: what a name stands for changes while the program runs, so resolving is a job of its own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use equipoise_target::{Endpoint, EndpointError, UnixPath};
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serialize, Serializer};

/// Why a text is not an address that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A port was expected.
    #[error("`{0}` lacks a port")]
    NoPort(String),
    /// The part after the last colon is not a port.
    #[error("`{0}` is not a port: use 0 to 65535")]
    BadPort(String),
    /// The address part is missing.
    #[error("`{0}` lacks an address")]
    NoAddress(String),
    /// A name where an address was expected.
    #[error("`{0}` is a name: names are resolved by discovery, which this version does not have yet")]
    Name(String),
    /// Neither a name nor an address.
    #[error("`{0}` is not an address")]
    Malformed(String),
    /// A path that no Unix socket can have.
    #[error("`{text}` is no Unix socket: {source}")]
    Unix {
        /// The text.
        text: String,
        /// What is wrong with its path.
        source: EndpointError,
    },
}

/// What a Unix socket's address starts with.
const UNIX: &str = "unix:";

/// Where a target is, without its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A Unix socket, which has no port.
    Unix(UnixPath),
}

impl Host {
    /// The whole of where a target is; `None` when an IP address lacks its port.
    pub(crate) fn endpoint(self, port: Option<u16>) -> Option<Endpoint> {
        match self {
            Self::Ip(address) => port.map(|port| SocketAddr::new(address, port).into()),
            Self::Unix(path) => Some(path.into()),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.as_str()),
        }
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Longest piece of a refused text that is repeated.
const SHOWN: usize = 80;

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Reads `10.0.0.1:80` or `[::1]:80`.
pub(crate) fn parse_socket(text: &str) -> Result<SocketAddr, AddressError> {
    match parse_host(text)? {
        (address, Some(port)) => Ok(SocketAddr::new(address, port)),
        (_, None) => Err(AddressError::NoPort(shown(text))),
    }
}

/// Reads what a listener or a target can be at: `10.0.0.1:80`, `[::1]:80`, `unix:/run/todo.sock`.
pub(crate) fn parse_endpoint(text: &str) -> Result<Endpoint, AddressError> {
    match unix(text) {
        Some(path) => path.map(Endpoint::Unix),
        None => parse_socket(text).map(Endpoint::Ip),
    }
}

/// Reads where a target is, with or without a port.
pub(crate) fn parse_place(text: &str) -> Result<(Host, Option<u16>), AddressError> {
    match unix(text) {
        Some(path) => path.map(|path| (Host::Unix(path), None)),
        None => parse_host(text).map(|(address, port)| (Host::Ip(address), port)),
    }
}

fn unix(text: &str) -> Option<Result<UnixPath, AddressError>> {
    let path = text.strip_prefix(UNIX)?;
    Some(UnixPath::new(Path::new(path)).map_err(|source| AddressError::Unix { text: shown(text), source }))
}

/// Reads an address with or without a port.
pub(crate) fn parse_host(text: &str) -> Result<(IpAddr, Option<u16>), AddressError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((address, None));
    }
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return Ok((parse_ip(address)?, None));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| refuse(text))?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.contains(':') && bare.len() == host.len() {
        return Err(AddressError::Malformed(shown(text)));
    }
    let address = if bare.is_empty() { Err(AddressError::NoAddress(shown(text))) } else { parse_ip(bare) }?;
    let plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| plain).ok_or_else(|| AddressError::BadPort(shown(port)))?;
    Ok((address, Some(port)))
}

fn parse_ip(text: &str) -> Result<IpAddr, AddressError> {
    text.parse().map_err(|_| refuse(text))
}

fn refuse(text: &str) -> AddressError {
    let nameable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let lettered = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        AddressError::NoAddress(shown(text))
    } else if lettered && text.bytes().all(nameable) {
        AddressError::Name(shown(text))
    } else {
        AddressError::Malformed(shown(text))
    }
}

/// For `#[serde(deserialize_with)]`.
pub(super) fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    struct SocketVisitor;
    impl Visitor<'_> for SocketVisitor {
        type Value = SocketAddr;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address with a port such as \"127.0.0.1:8080\"")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<SocketAddr, E> {
            parse_socket(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(SocketVisitor)
}

/// For `#[serde(deserialize_with)]` on an optional field.
pub(super) fn some_endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Endpoint>, D::Error> {
    struct EndpointVisitor;
    impl Visitor<'_> for EndpointVisitor {
        type Value = Endpoint;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address with a port such as \"127.0.0.1:8080\"")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Endpoint, E> {
            parse_endpoint(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(EndpointVisitor).map(Some)
}

/// For serializing an optional field.
pub(super) fn serialize<S: Serializer>(endpoint: &Option<Endpoint>, serializer: S) -> Result<S::Ok, S::Error> {
    match endpoint {
        Some(endpoint) => serializer.collect_str(endpoint),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let found = parse_socket(text).map(|address| address.to_string()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn literals_with_a_port_are_addresses() {
        check("127.0.0.1:80", Ok("127.0.0.1:80"));
        check("[::1]:80", Ok("[::1]:80"));
        check("0.0.0.0:0", Ok("0.0.0.0:0"));
    }

    #[test]
    fn anything_else_says_what_it_is_instead() {
        check("127.0.0.1", Err("`127.0.0.1` lacks a port"));
        check("::1", Err("`::1` lacks a port"));
        check("[::1]", Err("`[::1]` lacks a port"));
        check(":80", Err("`:80` lacks an address"));
        check("8080", Err("`8080` lacks an address"));
        check("127.0.0.1:http", Err("`http` is not a port: use 0 to 65535"));
        check("127.0.0.1:99999", Err("`99999` is not a port: use 0 to 65535"));
        check("127.0.0.1:+1", Err("`+1` is not a port: use 0 to 65535"));
        check("127.0.0.1:", Err("`` is not a port: use 0 to 65535"));
        let name = "is a name: names are resolved by discovery, which this version does not have yet";
        check("localhost:80", Err(&format!("`localhost` {name}")));
        check("todo.internal", Err(&format!("`todo.internal` {name}")));
        check("http://10.0.0.1:80", Err("`http://10.0.0.1:80` is not an address"));
        check("::1:80", Err("`::1:80` lacks a port"));
        check("1.2.3:80", Err("`1.2.3` is not an address"));
        check("", Err("`` is not an address"));
    }
}
