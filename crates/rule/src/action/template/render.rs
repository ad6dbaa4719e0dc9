//! A template filled in for one request.

use http::request::Parts;
use http::{HeaderValue, Uri};

use super::{Part, Template, escapes};
use crate::request::{authority, is_host, split};

impl Template {
    /// The destination for a request; `None` when the template needs a host and the request names no proper one.
    pub(in crate::action) fn render(&self, head: &Parts, is_secure: bool) -> Option<HeaderValue> {
        let mut location = Vec::with_capacity(self.text.len() + 64);
        for part in &self.parts {
            match part {
                Part::Literal(text) => location.extend_from_slice(text.as_bytes()),
                Part::Scheme => location.extend_from_slice(scheme(is_secure).as_bytes()),
                Part::Host => location.extend_from_slice(host(head)?.as_bytes()),
                Part::Port => location.extend_from_slice(port(head, is_secure)?.as_bytes()),
                Part::Path => escape(path(&head.uri), &mut location),
                Part::Query => escape(head.uri.query().unwrap_or_default(), &mut location),
                Part::PathAndQuery => {
                    escape(path(&head.uri), &mut location);
                    if let Some(query) = head.uri.query() {
                        location.push(b'?');
                        escape(query, &mut location);
                    }
                }
            }
        }
        if self.is_path {
            // `//other.example` would lead to another site.
            let slashes = location.iter().take_while(|byte| **byte == b'/').count();
            location.drain(..slashes.saturating_sub(1));
        }
        HeaderValue::from_maybe_shared(bytes::Bytes::from(location)).ok()
    }
}

/// Of the connection: what a client writes into its request proves nothing.
fn scheme(is_secure: bool) -> &'static str {
    if is_secure { "https" } else { "http" }
}

fn path(uri: &Uri) -> &str {
    // `OPTIONS *` has no path.
    Some(uri.path()).filter(|path| path.starts_with('/')).unwrap_or("/")
}

fn host(head: &Parts) -> Option<&str> {
    let (host, _) = split(authority(head)?);
    is_host(host).then_some(host)
}

fn port(head: &Parts, is_secure: bool) -> Option<&str> {
    match authority(head).and_then(|authority| split(authority).1) {
        Some(port) => port.parse::<u16>().is_ok().then_some(port),
        None if is_secure => Some("443"),
        None => Some("80"),
    }
}

fn escape(text: &str, location: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if escapes(byte) {
            location.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        } else {
            location.push(byte);
        }
    }
}
