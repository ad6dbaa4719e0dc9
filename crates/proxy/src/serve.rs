//! One request, in a straight line: decode, route, pick, send, report, retry, reply, record.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use equipoise_rule::Destination;
use equipoise_target::{Endpoint, GroupName};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;

use crate::Group;
use crate::body::{Content, Exchange, ResponseBody};
use crate::decode::{Asker, decode};
use crate::door;
use crate::downstream::Downstream;
use crate::error::ForwardError;
use crate::grpc;
use crate::hedge::{Scene, race};
use crate::limit::berth::Berth;
use crate::outgoing::Outgoing;
use crate::pick::Wanted;
use crate::queue;
use crate::record::Record;
use crate::reply::{self, Failure};
use crate::report::report;
use crate::retry::{Attempts, Whole};
use crate::send::{Answer, send};
use crate::tunnel::{self, Opening};
use crate::upstream::Terms;
use crate::worker::Worker;
use crate::worker::local::Route;

/// Longest time that a stream of HTTP/2 may stand still on the client's side.
const STALLED: Duration = Duration::from_secs(30);

/// Answers one request. Whatever goes wrong is an answer too.
///
/// Not an `async fn`: that would hold its arguments beside what becomes of them, and each request pays for the size of it.
pub(crate) fn serve(
    worker: Rc<Worker>,
    client: Rc<Downstream>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
    let bodiless = request.method() == Method::HEAD;
    let mut record = Record::new(worker, client, request.version());
    let mut request = Outgoing::new(request);
    async move {
        let response = match answer(&mut record, &mut request).await {
            Ok(response) => response,
            Err(failure) => fail(&mut record, &failure),
        };
        Ok(finish(response, record, bodiless))
    }
}

async fn answer(record: &mut Record, request: &mut Outgoing) -> Result<Response<Content>, Failure> {
    record.is_call = record.version == Version::HTTP_2 && grpc::is_call(&request.head.headers);
    tunnel::ask(record, request)?;
    let asker = decode(record, &mut request.head)?;
    request.takes_trailers = asker.takes_trailers;
    door::enter(record, &request.head, asker.client)?;
    let front = Rc::clone(record.front());
    let routed = front.listener().rules.route(&mut request.head, asker.client(), fastrand::u64(..));
    record.decided_by(routed.rule);
    if routed.refused_edits > 0 {
        front.stats.refused_edits.add(routed.refused_edits.into());
    }
    let answered = match routed.destination {
        Destination::Group(group) => forward(record, &asker, &group, None, request).await,
        Destination::Target(group, address) => forward(record, &asker, &group, Some(address), request).await,
        Destination::Redirect { status, location } => Ok(reply::redirect(status, location)),
        Destination::Respond { status, headers, body } => Ok(reply::fixed(status, &headers, body)),
        Destination::Refuse => Err(ForwardError::Refused),
    };
    let mut response = answered.unwrap_or_else(|error| fail(record, &error.into()));
    routed.response_edits.apply(response.headers_mut());
    if let Some(cookie) = routed.set_cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The response of a target of `group`: of `only`, or of one that the group picks.
async fn forward(
    record: &mut Record,
    asker: &Asker,
    group: &GroupName,
    only: Option<Endpoint>,
    request: &mut Outgoing,
) -> Result<Response<Content>, ForwardError> {
    let front = Rc::clone(record.front());
    let found = front.route(group).and_then(|route| Some((route, route.group.as_ref()?)));
    let (route, group) = found.ok_or_else(|| ForwardError::NoGroup { group: group.clone() })?;
    record.routed(route);
    request.frame();
    let mut attempts = Attempts::new(&front, route, &group.settings().retry, request);
    let mut terms = terms(record, route, group, request);
    let mut whole = Whole::AsRouted;
    loop {
        let (head, tried) = (&mut request.head, attempts.tried());
        let mut wanted = Wanted { head, client: asker.client, only, tried, now: terms.now };
        let berth = match queue::berth(&front, route, group, &mut wanted, &mut terms).await {
            Ok(berth) => berth,
            Err(error) => return Err(attempts.exhausted(error)),
        };
        if whole == Whole::AsRouted {
            asker.tell(record, &mut request.head.headers);
            if let Some(asked) = &request.asked {
                asked.tell(&mut request.head);
            }
        }
        record.attempt(berth.target().address());
        let hedge = attempts.hedge().filter(|_| only.is_none() && request.asked.is_none());
        let (mut berth, attempt) = match hedge {
            None => {
                let attempt = send(record, route, berth.target().address(), request, &terms).await;
                (berth, attempt)
            }
            Some(hedge) => {
                let scene =
                    Scene { record, asker, route, terms: &terms, hedge, takes_trailers: request.takes_trailers };
                Box::pin(race(scene, berth, request, &mut attempts)).await
            }
        };
        let address = berth.target().address();
        report(record, route, &mut berth, &attempt, terms.now);
        whole = match attempt {
            Ok(answer) => match attempts.after_status(answer.response.status(), address, request) {
                Some(whole) => whole,
                None => return Ok(passed_on(record, request, answer, berth)),
            },
            Err(failed) => attempts.after(failed, address, request)?,
        };
        drop(berth);
        if let Some(pause) = attempts.pause(terms.deadline) {
            Box::pin(tokio::time::sleep(pause)).await;
        }
        terms = terms.attempt(Instant::now(), route);
    }
}

/// The response on its way to the client, with what it holds of its target until its last byte.
fn passed_on(record: &Record, request: &mut Outgoing, answer: Answer, berth: Berth) -> Response<Content> {
    let Answer { response, link } = answer;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // No other is let in than the one that was asked for.
        let asked = request.asked.take();
        let open = |body| Some(Content::Tunnel(Box::new(Opening::new(asked?, body, link, berth))));
        return response.map(|body| open(body).unwrap_or(Content::Own(None)));
    }
    record.passes_on(link.upstream());
    response.map(|body| Content::Target(Exchange::new(body, link, berth)))
}

fn terms(record: &Record, route: &Route, group: &Group, request: &Outgoing) -> Terms {
    Terms {
        now: record.started,
        deadline: deadline(record, group, request),
        client_limit: client_limit(record, group),
        body_rate: if record.is_call { 0 } else { record.front().listener().limits.body_rate },
        try_until: None,
        has_body: !request.body.is_empty(),
        owner: if group.settings().transport.announces() { record.client().owner() } else { 0 },
        bodiless: request.head.method == Method::HEAD,
    }
    .attempt(record.started, route)
}

/// How long the client may owe the next part of its body, or take nothing of the response. A call of gRPC may be silent for
/// as long as its group's streams; a stream of HTTP/2 that stands still holds buffers of a connection that does not.
fn client_limit(record: &Record, group: &Group) -> Duration {
    let idle = record.front().listener().timeouts.idle;
    match record.version {
        _ if record.is_call => idle.max(group.settings().timeouts.stream_idle),
        Version::HTTP_2 => idle.min(STALLED),
        _ => idle,
    }
}

/// When the whole request must be over: the group says so, and of a call its client, if that is sooner.
fn deadline(record: &Record, group: &Group, request: &Outgoing) -> Option<Instant> {
    let total = group.settings().timeouts.total;
    let own = if record.is_call { grpc::timeout(&request.head.headers) } else { None };
    let limit = total.into_iter().chain(own).min()?;
    let deadline = record.started.checked_add(limit)?;
    if own.is_some() {
        record.worker().look_by(deadline, record.started);
    }
    Some(deadline)
}

fn fail(record: &mut Record, failure: &Failure) -> Response<Content> {
    record.failed(failure.reason());
    failure.response()
}

/// The last touch: what belongs to the client's connection, and the record, which ends with the response's last byte.
fn finish(response: Response<Content>, mut record: Record, bodiless: bool) -> Response<ResponseBody> {
    let (head, content) = response.into_parts();
    let mut response = match content {
        Content::Tunnel(opening) => return tunnel::open(Response::from_parts(head, opening), record),
        content => Response::from_parts(head, content),
    };
    if record.is_call {
        response = grpc::trailers_only(response, record.failure());
    }
    *response.version_mut() = Version::HTTP_11; // hyper lowers it for those who speak less
    if record.client().is_retired() && record.version != Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if record.version == Version::HTTP_2 {
        response.headers_mut().remove(header::CONNECTION);
    }
    record.answered(response.status(), response.headers());
    response.map(|content| match content {
        Content::Own(_) if bodiless => ResponseBody::new(Content::Own(None), record),
        content => ResponseBody::new(content, record),
    })
}
