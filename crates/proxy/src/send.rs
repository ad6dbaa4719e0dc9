//! send: one attempt, on one connection to one target.

use std::rc::Rc;

use equipoise_target::Endpoint;
use http::Response;
use http_body::Body;

use crate::body::TargetBody;
use crate::error::ForwardError;
use crate::group::GroupTimeouts;
use crate::outgoing::Outgoing;
use crate::policy;
use crate::policy::BadResponse;
use crate::record::Record;
use crate::tunnel::Asked;
use crate::upstream::dial::{self, Opened};
use crate::upstream::multiplex::{self, Sent};
use crate::upstream::pool::Link;
use crate::upstream::{Terms, Upstream, Verdict};
use crate::worker::local::Route;

/// A target's answer, as far as it has come, and the connection that the rest comes on.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<TargetBody>,
    pub(crate) link: Link,
}

/// An attempt that came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ForwardError,
    /// Whether nothing of the request has left; then it is where it was.
    pub(crate) unsent: bool,
    /// Whether the connection had carried a request before, so that its end need not speak against the target.
    pub(crate) reused: bool,
}

/// Sends the request to the target at `address` and waits for the response's head.
///
/// A connection that the target closed while it waited in the pool is found out only by using it. As long as nothing of
/// the request has left, that is no failed attempt: the next connection is taken, at last a new one.
pub(crate) async fn send(
    record: &Record,
    route: &Rc<Route>,
    address: Endpoint,
    request: &mut Outgoing,
    terms: &Terms,
) -> Result<Answer, Failed> {
    let pool = route.pools.pool(address);
    loop {
        let (mut link, reused) = match pool.take(route, terms).await {
            Some(link) => (link, true),
            // Boxed like the following, so that they are not the size of every request.
            None if request.asked.is_some() && pool.is_multiplexing() && pool.transport().may_speak_http1() => {
                match Box::pin(dial::aside(record, route, &pool, terms)).await {
                    Ok(link) => (link, false),
                    Err(error) => return Err(Failed { error, unsent: true, reused: false }),
                }
            }
            None if pool.is_multiplexing() => {
                match Box::pin(multiplex::send(record, route, &pool, request, terms)).await {
                    Sent::Over(result) => return result,
                    Sent::Line(link) => (link, false),
                }
            }
            None => match Box::pin(dial::connect(record, route, &pool, terms)).await {
                Ok(Opened::Line(link)) => (link, false),
                Ok(Opened::Stream(connection)) => {
                    drop(pool.add(connection, route));
                    continue;
                }
                Err(error) => return Err(Failed { error, unsent: true, reused: false }),
            },
        };
        if terms.has_body {
            request.body.attach(link.upstream());
            record.carried_by(link.upstream());
        }
        record.hears(link.upstream());
        if request.takes_trailers && request.asked.is_none() {
            request.take_trailers();
        }
        if let Some(asked) = &mut request.asked {
            asked.attach(link.upstream());
        }
        // No other kind of link is taken or opened here.
        let Some(sender) = link.sender() else { continue };
        let mut error = match sender.try_send_request(request.take()).await {
            Ok(response) => return check(response.map(TargetBody::Line), link, reused, request.asked.as_deref()),
            Err(error) => error,
        };
        let unsent = error.take_message().map(|message| request.put_back(message)).is_some();
        if !(unsent && reused && link.upstream().verdict.get().is_none()) {
            let error = explain(link.upstream(), error.into_error(), route);
            return Err(Failed { error, unsent, reused });
        }
    }
}

/// The answer, if it may be passed on.
pub(crate) fn check(
    response: Response<TargetBody>,
    link: Link,
    reused: bool,
    asked: Option<&Asked>,
) -> Result<Answer, Failed> {
    let (mut head, body) = response.into_parts();
    let granted = asked.is_some_and(|asked| asked.is_granted(&head));
    match policy::clean(&mut head, granted) {
        Ok(()) => {
            link.upstream().head_came(body.size_hint().exact().is_none() && policy::is_events(&head));
            Ok(Answer { response: Response::from_parts(head, body), link })
        }
        Err(source) => {
            let error = ForwardError::BadResponse { address: link.upstream().address, source };
            Err(Failed { error, unsent: false, reused })
        }
    }
}

/// What went wrong: what we did to the connection ourselves, or else what hyper saw on it.
fn explain(upstream: &Upstream, source: hyper::Error, route: &Route) -> ForwardError {
    let address = upstream.address;
    match upstream.verdict.get() {
        Some(verdict) => blame(verdict, address, route),
        None if source.is_parse() => ForwardError::Garbage { address, source },
        None => ForwardError::Closed { address, source },
    }
}

/// What went wrong when we ended it ourselves, before there was a response.
pub(crate) fn blame(verdict: Verdict, address: Endpoint, route: &Route) -> ForwardError {
    match verdict {
        // The last three belong to bodies of responses, and there is none yet.
        Verdict::FirstByte | Verdict::Idle | Verdict::Stream | Verdict::Unread => {
            ForwardError::FirstByte { address, limit: timeouts(route).first_byte }
        }
        Verdict::PerTry => ForwardError::PerTry { address, limit: timeouts(route).per_try.unwrap_or_default() },
        Verdict::Total => ForwardError::Total { address },
        Verdict::Upload => ForwardError::Upload,
        Verdict::SlowUpload => ForwardError::SlowUpload,
        Verdict::BrokenUpload => ForwardError::BrokenUpload,
        Verdict::Flood => ForwardError::BadResponse { address, source: BadResponse::TooMuchBefore },
        Verdict::Defect(defect) => ForwardError::BadResponse { address, source: BadResponse::Bytes(defect) },
        Verdict::Cut => ForwardError::Cut { address },
    }
}

/// How long the route's group lets its targets take.
pub(crate) fn timeouts(route: &Route) -> GroupTimeouts {
    // Only requests that a group got are sent anywhere.
    route.group.as_ref().map(|group| group.settings().timeouts).unwrap_or_default()
}
