//! decode: the head is checked and brought into one shape, and it is settled who asks.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use equipoise_rule::Client;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::names::X_REQUEST_ID;
use crate::policy::{self, Admitted, Facts, Refusal};
use crate::record::Record;

/// Who asks, as far as it does not stand in the head itself.
#[derive(Debug)]
pub(crate) struct Asker {
    /// Address of the client, behind trusted proxies.
    pub(crate) client: IpAddr,
    /// The host that was asked for, before any rule rewrote it.
    host: Option<HeaderValue>,
    id: HeaderValue,
    /// Whether the client says that it takes trailers.
    pub(crate) takes_trailers: bool,
    /// Whether the request came inside TLS.
    is_secure: bool,
}

/// Checks the head and settles who asks.
pub(crate) fn decode(record: &mut Record, head: &mut Parts) -> Result<Asker, Refusal> {
    let front = record.front();
    let listener = front.listener();
    let peer = record.client().peer;
    let directed = |admitted: Admitted| match record.client().tls() {
        Some(tls) if !policy::is_directed(tls, admitted.host.as_ref()) => Err(Refusal::Misdirected),
        _ => Ok(admitted),
    };
    let admitted = policy::admit(head, &listener.limits).and_then(directed);
    let admitted = match admitted.and_then(|admitted| policy::normalize(head, listener.path_form).map(|()| admitted)) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            record.draft(head, peer, None);
            return Err(refusal);
        }
    };
    let trusted = listener.trusts(peer);
    let client = if trusted { policy::client(&head.headers, peer, &listener.trusted_proxies) } else { peer };
    let mut id = None;
    if admitted.says_who_asks {
        if trusted || listener.keep_request_id {
            id = policy::request_id(&head.headers);
        }
        policy::disbelieve(&mut head.headers, trusted);
    }
    let id = id.unwrap_or_else(|| request_id(record));
    record.draft(head, client, Some(&id));
    if let Some(certificate) = record.client().certificate() {
        head.extensions.insert(Arc::clone(certificate));
    }
    Ok(Asker {
        client: client.ip_or_nobody(),
        host: admitted.host,
        id,
        takes_trailers: admitted.takes_trailers,
        is_secure: record.client().tls().is_some(),
    })
}

impl Asker {
    /// Who asks, as rules see it.
    pub(crate) fn client(&self) -> Client {
        Client::from(self.client).secure(self.is_secure)
    }

    /// Tells the target who asks.
    pub(crate) fn tell(&self, record: &Record, fields: &mut HeaderMap) {
        let facts = Facts {
            peer: record.client().peer_value.as_ref(),
            host: self.host.as_ref(),
            port: record.front().port.as_ref(),
            secure: self.is_secure,
            version: record.version,
        };
        policy::forward(fields, &facts);
        fields.insert(&X_REQUEST_ID, self.id.clone());
    }
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
