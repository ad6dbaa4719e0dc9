//! Notes requests that end before anybody could read their head, and tells why connections do.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;

use crate::downstream::Downstream;
use crate::log::Entry;
use crate::worker::Worker;

/// Counts a request that was refused by its bytes, and notes it in the access log.
pub(crate) fn note(worker: &Worker, client: &Downstream, status: StatusCode, reason: &'static str) {
    let front = client.front();
    front.fault(reason);
    front.stats.requests.increment();
    front.requests(&front.own).request(status.as_u16(), Duration::ZERO, 0, 0);
    if let Some(log) = &front.generation().access_log {
        log.note(&Entry {
            unix_millis: worker.clock.unix_millis(worker.clock.tick()),
            draft: None,
            tls: client.tls().map(AsRef::as_ref),
            listener: front.listener().name.as_str(),
            group: "",
            rule: "",
            client: client.peer,
            target: None,
            attempts: 0,
            grpc: None,
            status: status.as_u16(),
            reason,
            received: 0,
            sent: 0,
            duration: Duration::ZERO,
        });
    }
}

/// Why we ended an HTTP/2 connection, if that was for what its client did.
pub(crate) fn http2(error: &hyper::Error) -> Option<&'static str> {
    let error = error.source()?.downcast_ref::<h2::Error>().filter(|error| error.is_library())?;
    match error.reason()? {
        h2::Reason::NO_ERROR | h2::Reason::CANCEL => None,
        h2::Reason::ENHANCE_YOUR_CALM => Some("http2-flood"),
        _ => Some("http2-protocol"),
    }
}
