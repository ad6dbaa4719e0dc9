//! One request, in a straight line: decode, route, pick, send, report, retry, reply, record.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use equipoise_rule::Destination;
use equipoise_target::GroupName;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Version, header};
use hyper::body::Incoming;

use crate::body::{Content, Exchange, RequestBody, ResponseBody};
use crate::decode::decode;
use crate::downstream::Downstream;
use crate::error::ForwardError;
use crate::local::Front;
use crate::pick::pick;
use crate::record::Record;
use crate::reply::{self, Failure};
use crate::report::report;
use crate::retry::Attempts;
use crate::send::{Answer, send};
use crate::upstream::Terms;
use crate::worker::Worker;

/// Answers one request. Whatever goes wrong is an answer too.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    client: Rc<Downstream>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let bodiless = request.method() == Method::HEAD;
    let mut record = Record::new(worker, client, request.version());
    let response = match answer(&mut record, request).await {
        Ok(response) => response,
        Err(failure) => fail(&mut record, &failure),
    };
    Ok(finish(response, record, bodiless))
}

async fn answer(record: &mut Record, request: Request<Incoming>) -> Result<Response<Content>, Failure> {
    let (mut head, body) = request.into_parts();
    let client = decode(record, &mut head)?;
    let front = Rc::clone(record.front());
    let routed = front.listener().rules.route(&mut head, client, fastrand::u64(..));
    record.decided_by(routed.rule);
    let job = Job { front: &front, client, head, body: RequestBody::new(body) };
    let answered = match routed.destination {
        Destination::Group(group) => job.forward(record, &group, None).await,
        Destination::Target(group, address) => job.forward(record, &group, Some(address)).await,
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

/// A request on its way to a group.
struct Job<'a> {
    front: &'a Rc<Front>,
    client: IpAddr,
    head: Parts,
    body: RequestBody,
}

impl Job<'_> {
    /// The response of a target of `group`: of `only`, or of one that the group picks.
    async fn forward(
        self,
        record: &mut Record,
        group: &GroupName,
        only: Option<SocketAddr>,
    ) -> Result<Response<Content>, ForwardError> {
        let Self { front, client, mut head, mut body } = self;
        let found = front.route(group).and_then(|route| Some((route, route.group.as_ref()?)));
        let (route, group) = found.ok_or_else(|| ForwardError::NoGroup { group: group.clone() })?;
        record.routed(route);
        let settings = group.settings();
        frame(&mut head, &body);
        let mut attempts = Attempts::new(front, route, &settings.retry, &head, &body);
        let mut terms = Terms {
            now: record.started,
            deadline: settings.timeouts.total.map(|limit| record.started + limit),
            upload_limit: front.listener().timeouts.idle,
            has_body: !body.is_empty(),
        };
        let mut last = None;
        loop {
            let lease = match pick(group, &mut head, client, only, attempts.tried()) {
                Ok(lease) => lease,
                Err(error) => return Err(last.unwrap_or(error)),
            };
            let address = lease.target().address();
            record.attempt(address);
            let attempt = send(record, route, address, Request::from_parts(head, body), &terms).await;
            report(lease.target(), &attempt, terms.now);
            (head, body) = match attempt {
                Ok(Answer { response, link }) => match attempts.after_status(response.status(), address) {
                    Some(again) => again,
                    None => return Ok(response.map(|body| Content::Target(Exchange::new(body, link, lease)))),
                },
                Err(failed) => attempts.after(failed, address, &mut last)?,
            };
            terms.now = Instant::now();
        }
    }
}

/// What the target needs to find the end of the message, whichever version and framing the client used.
fn frame(head: &mut Parts, body: &RequestBody) {
    head.version = Version::HTTP_11;
    if body.is_unsized() {
        // hyper sends no body with GET and HEAD unless it is told how.
        head.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if !head.headers.contains_key(header::HOST) {
        // An HTTP/1.0 client need not name a host; HTTP/1.1 wants the field, and empty it means none (RFC 9112, 3.2).
        head.headers.insert(header::HOST, HeaderValue::from_static(""));
    }
}

fn fail(record: &mut Record, failure: &Failure) -> Response<Content> {
    record.failed(failure.reason());
    failure.response()
}

/// The last touch: what belongs to the client's connection, and the record, which ends with the response's last byte.
fn finish(mut response: Response<Content>, mut record: Record, bodiless: bool) -> Response<ResponseBody> {
    *response.version_mut() = Version::HTTP_11; // hyper lowers it for those who speak less
    if record.client().is_retired() && record.version != Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if record.version == Version::HTTP_2 {
        response.headers_mut().remove(header::CONNECTION);
    }
    record.answered(response.status());
    response.map(|content| match content {
        Content::Own(_) if bodiless => ResponseBody::new(Content::Own(None), record),
        content => ResponseBody::new(content, record),
    })
}
