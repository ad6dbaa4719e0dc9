//! The PROXY protocol on its way in: what stands before a connection's first byte, as a pure function of the bytes so far.
//!
//! Version 1 is a line of text, version 2 a binary header. Both are read by the `proxy-header` crate; here is what it does
//! not decide: whether a header has begun at all, and how long one may be.

use std::net::SocketAddr;

use equipoise_stream::Ends;
use proxy_header::{Error, ParseConfig, ProxyHeader};

/// Longest line of version 1, with its end (section 2.1 of the specification).
const LINE: usize = 107;

/// Longest header of version 2 that is read. Addresses take 52 bytes; the rest is for extensions, a client's certificate
/// being the largest of them.
pub(crate) const LONGEST: usize = 4096;

/// What a header of version 2 begins with.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a header of version 1 begins with.
const TEXT: &[u8] = b"PROXY ";

/// Bytes of version 2 before its addresses: the beginning, command, family and length.
const FIXED: usize = 16;

/// What is known of a connection's first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// They may be the beginning of a header.
    Incomplete,
    /// They are no header's beginning.
    Absent,
    /// A header of `length` bytes.
    Header {
        length: usize,
        /// The ends of the client's connection; `None` when the proxy speaks for itself, or names no IP addresses.
        ends: Option<Ends>,
    },
    /// A header's beginning, and then something that no header has.
    Malformed,
}

/// Reads the header that `bytes` begin with.
pub(crate) fn read(bytes: &[u8]) -> Announced {
    let length = match (begins(bytes, BINARY), begins(bytes, TEXT)) {
        (true, _) if bytes.len() < FIXED => return Announced::Incomplete,
        (true, _) => FIXED + usize::from(u16::from_be_bytes([bytes[14], bytes[15]])),
        (_, true) if bytes.len() < TEXT.len() => return Announced::Incomplete,
        (_, true) => LINE,
        _ => return Announced::Absent,
    };
    if length > LONGEST {
        return Announced::Malformed;
    }
    // Nothing behind the header is looked at.
    parse(&bytes[..bytes.len().min(length)], length)
}

/// Whether `bytes` and `mark` agree as far as both go.
fn begins(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.iter().zip(mark).all(|(byte, mark)| byte == mark)
}

fn parse(bytes: &[u8], longest: usize) -> Announced {
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    match ProxyHeader::parse(bytes, config) {
        Ok((header, length)) => {
            let ends = header
                .proxied_address()
                .map(|address| Ends { source: canonical(address.source), destination: canonical(address.destination) });
            Announced::Header { length, ends }
        }
        Err(Error::BufferTooShort) if bytes.len() < longest => Announced::Incomplete,
        Err(_) => Announced::Malformed,
    }
}

/// An IPv4 address that is written as an IPv6 one is the IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
