//! Changing the protocol of a connection: who may ask for it, and what counts as a yes.
//!
//! HTTP/1.1 asks with `Upgrade` (RFC 9110 section 7.8), HTTP/2 with an extended CONNECT (RFC 8441). Both end here, and the
//! target is asked anew: nothing that the client sent goes on by itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, response};
use hyper::ext::Protocol;
use sha1::{Digest, Sha1};

use super::request::Refusal;
use crate::Upgrades;

/// What a server appends to a client's key before it hashes it (RFC 6455 section 4.2.2).
const WEBSOCKET_SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A change of protocol that a request asks for, and may ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upgrade {
    /// The protocol's name, which the target must repeat.
    token: HeaderValue,
    /// The key that stands for a client which has none to send, because it speaks HTTP/2.
    key: Option<Key>,
    /// The key of a client of HTTP/1.1.
    client_key: Option<HeaderValue>,
}

/// A WebSocket key of ours and the answer to it.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    sent: HeaderValue,
    accepted: HeaderValue,
}

impl Upgrade {
    /// The change that an HTTP/1.1 request asks for. `None` when it asks for none that is wanted here: then it is a
    /// request like any other, which is what RFC 9110 lets a server make of it.
    pub(crate) fn of_fields(head: &Parts, wanted: &Upgrades) -> Result<Option<Self>, Refusal> {
        let all = |name| head.headers.get_all(name).iter().flat_map(tokens);
        let named = all(header::CONNECTION).any(|token| token.eq_ignore_ascii_case(b"upgrade"));
        let token = all(header::UPGRADE).find(|token| wanted.contains(token));
        let Some(token) = token.filter(|_| named && head.version == Version::HTTP_11) else { return Ok(None) };
        if has_body(&head.headers) {
            return Err(Refusal::UpgradeWithBody);
        }
        // A part of a valid value.
        let token = HeaderValue::from_bytes(token).map_err(|_| Refusal::Protocol)?;
        let client_key = head.headers.get(header::SEC_WEBSOCKET_KEY).cloned();
        Ok(Some(Self { token, key: None, client_key }))
    }

    /// The change that an extended CONNECT asks for. The request becomes the one that asks for it in HTTP/1.1. `nonce`
    /// makes the key.
    pub(crate) fn of_protocol(
        head: &mut Parts,
        protocol: &Protocol,
        wanted: &Upgrades,
        nonce: [u8; 16],
    ) -> Result<Self, Refusal> {
        // Of the others nobody has written down what the same request looks like in HTTP/1.1.
        let token = Some("websocket").filter(|token| protocol.as_str() == *token && wanted.contains(token.as_bytes()));
        let token = token.ok_or(Refusal::Protocol)?;
        if has_body(&head.headers) {
            return Err(Refusal::UpgradeWithBody);
        }
        head.method = Method::GET;
        Ok(Self { token: HeaderValue::from_static(token), key: Some(Key::new(nonce)), client_key: None })
    }

    /// Asks a target for the change.
    pub(crate) fn ask(&self, fields: &mut HeaderMap) {
        fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(header::UPGRADE, self.token.clone());
        if let Some(key) = &self.key {
            fields.insert(header::SEC_WEBSOCKET_KEY, key.sent.clone());
            fields.entry(header::SEC_WEBSOCKET_VERSION).or_insert(HeaderValue::from_static("13"));
        }
    }

    /// Makes of a request for HTTP/1.1 one for a stream of HTTP/2. Whether that can be said.
    pub(crate) fn ask_stream<B>(&self, request: &mut Request<B>) -> bool {
        if !self.token.as_bytes().eq_ignore_ascii_case(b"websocket") {
            return false;
        }
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        for name in [header::UPGRADE, header::CONNECTION, header::SEC_WEBSOCKET_KEY] {
            request.headers_mut().remove(name);
        }
        true
    }

    /// Makes of a target's yes on a stream of HTTP/2 the one that HTTP/1.1 has.
    pub(crate) fn granted_by_stream<B>(&self, response: &mut Response<B>) {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        if let Some(key) = &self.client_key {
            response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, Key::accepted(key.as_bytes()));
        }
    }

    /// Whether the target's response is a yes to what was asked.
    pub(crate) fn is_granted(&self, head: &response::Parts) -> bool {
        let fields = &head.headers;
        let all = |name| fields.get_all(name).iter().flat_map(tokens);
        let mut switched = all(header::UPGRADE);
        let same = switched.next().is_some_and(|token| token.eq_ignore_ascii_case(self.token.as_bytes()));
        let only = switched.next().is_none();
        let named = all(header::CONNECTION).any(|token| token.eq_ignore_ascii_case(b"upgrade"));
        let accepted = |key: &Key| fields.get(header::SEC_WEBSOCKET_ACCEPT) == Some(&key.accepted);
        let key = self.key.as_ref().is_none_or(accepted);
        head.status == StatusCode::SWITCHING_PROTOCOLS && same && only && named && key
    }

    /// Tells the client of the yes, in its own version of HTTP.
    pub(crate) fn grant(&self, head: &mut response::Parts) {
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER] {
            head.headers.remove(name);
        }
        if self.key.is_some() {
            head.status = StatusCode::OK;
            for name in [header::SEC_WEBSOCKET_ACCEPT, header::CONNECTION, header::UPGRADE] {
                head.headers.remove(name);
            }
        } else {
            head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            head.headers.insert(header::UPGRADE, self.token.clone());
        }
    }
}

impl Key {
    fn new(nonce: [u8; 16]) -> Self {
        let sent = STANDARD.encode(nonce);
        Self { accepted: Self::accepted(sent.as_bytes()), sent: value(sent) }
    }

    /// The answer to a key.
    fn accepted(sent: &[u8]) -> HeaderValue {
        let digest = Sha1::new().chain_update(sent).chain_update(WEBSOCKET_SALT).finalize();
        value(STANDARD.encode(digest))
    }
}

fn value(text: String) -> HeaderValue {
    // Letters, digits and three signs.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// The elements of a list.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

fn has_body(fields: &HeaderMap) -> bool {
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    fields.contains_key(header::TRANSFER_ENCODING) || lengths.any(|length| length.as_bytes() != b"0")
}

#[cfg(test)]
mod tests;
