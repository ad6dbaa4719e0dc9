//! decode: the head is checked, brought into one shape, and told who asks.

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;

use crate::policy::{self, Facts, Refusal};
use crate::record::Record;

/// Address of the client that asks, once the request is let in.
pub(crate) fn decode(record: &mut Record, head: &mut Parts) -> Result<IpAddr, Refusal> {
    let front = record.front().clone();
    let listener = front.listener();
    let peer = record.client().peer;
    if let Err(refusal) = policy::admit(head, &listener.limits) {
        record.draft(head, peer);
        return Err(refusal);
    }
    let trusted = listener.trusted_proxies.contains(peer);
    let client = if trusted { policy::client(&head.headers, peer, &listener.trusted_proxies) } else { peer };
    let facts = Facts {
        peer: &record.client().peer_value,
        trusted,
        keep_request_id: listener.keep_request_id,
        port: &front.port,
        version: record.version,
    };
    policy::forward(&mut head.headers, &facts, || request_id(record));
    record.draft(head, client);
    Ok(client)
}

/// A name for the request that sorts by time (UUID version 7, RFC 9562 section 5.7).
fn request_id(record: &Record) -> HeaderValue {
    let millis = record.worker().clock.unix_millis(record.started);
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text: &str = id.hyphenated().encode_lower(&mut text);
    // Digits, letters and hyphens.
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes()))
        .unwrap_or(HeaderValue::from_static("unknown"))
}
