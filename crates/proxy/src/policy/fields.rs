//! Header fields that concern one connection only (RFC 9110 section 7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::names::{KEEP_ALIVE, PROXY_CONNECTION, X_REQUEST_ID};

/// What one pass over the fields found. Most messages have nothing to remove, and then nothing is looked up again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) hosts: usize,
    pub(super) codings: usize,
    pub(super) lengths: usize,
    pub(super) cookies: usize,
    pub(super) vias: usize,
    /// `Connection` is there, and may name others.
    connection: bool,
    /// One of the other fields that end here.
    hop: bool,
    /// One of the fields that say who asks.
    pub(super) says_who_asks: bool,
    /// A name holds an underscore.
    pub(super) underscore: bool,
}

impl Seen {
    pub(super) fn scan(fields: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for name in fields.iter().map(|(name, _)| name) {
            match *name {
                header::HOST => seen.hosts += 1,
                header::CONTENT_LENGTH => seen.lengths += 1,
                header::COOKIE => seen.cookies += 1,
                header::VIA => seen.vias += 1,
                header::TRANSFER_ENCODING => seen.codings += 1,
                header::CONNECTION => seen.connection = true,
                header::TE | header::UPGRADE | header::EXPECT => seen.hop = true,
                header::FORWARDED => seen.says_who_asks = true,
                ref other => {
                    let text = other.as_str().as_bytes();
                    seen.hop |= matches!(text, b"keep-alive" | b"proxy-connection");
                    seen.says_who_asks |= text.starts_with(b"x-forwarded-") || text == b"x-request-id";
                    seen.underscore |= text.contains(&b'_');
                }
            }
        }
        seen
    }

    /// Whether `TE` is there and says that trailers are welcome.
    pub(super) fn takes_trailers(&self, fields: &HeaderMap) -> bool {
        let tokens = |value: &HeaderValue| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"trailers"))
        };
        self.hop && fields.get_all(header::TE).iter().any(tokens)
    }

    /// Removes what ends at this connection: the standard fields, and those that `Connection` names.
    ///
    /// `Transfer-Encoding` goes too: the framing towards the other side is ours to choose.
    pub(super) fn strip(&self, fields: &mut HeaderMap) {
        if self.connection {
            if !fields.get_all(header::CONNECTION).iter().all(names_nothing) {
                for name in named(fields) {
                    fields.remove(name);
                }
            }
            fields.remove(header::CONNECTION);
        }
        if self.codings > 0 {
            fields.remove(header::TRANSFER_ENCODING);
        }
        if self.hop {
            for name in [&header::TE, &header::UPGRADE, &header::EXPECT, &KEEP_ALIVE, &PROXY_CONNECTION] {
                fields.remove(name);
            }
        }
    }
}

/// Whether it is one of the values that nearly every `Connection` has, and no list of fields.
fn names_nothing(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"close") || value.as_bytes().eq_ignore_ascii_case(b"keep-alive")
}

/// The fields that `Connection` names, less those that no client may have removed: framing, the host, and what tells
/// the target who asks.
fn named(fields: &HeaderMap) -> Vec<HeaderName> {
    let values = fields.get_all(header::CONNECTION).iter();
    let tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names = tokens.filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok());
    names.filter(|name| !kept(name)).collect()
}

fn kept(name: &HeaderName) -> bool {
    matches!(*name, header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::VIA | header::FORWARDED)
        || *name == X_REQUEST_ID
        || name.as_str().starts_with("x-forwarded-")
}

/// Removes every field whose name holds an underscore.
pub(super) fn drop_underscores(fields: &mut HeaderMap) {
    let names: Vec<HeaderName> = fields.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in names {
        fields.remove(name);
    }
}

/// Puts cookies together that HTTP/2 let the client send apart: HTTP/1 has one field for them (RFC 9113, 8.2.3).
pub(super) fn join_cookies(fields: &mut HeaderMap) {
    let values: Vec<&[u8]> = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Made of valid values and a separator, so it is one.
    if let Ok(joined) = HeaderValue::from_bytes(&values.join(&b"; "[..])) {
        fields.insert(header::COOKIE, joined);
    }
}
