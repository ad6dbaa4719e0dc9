//! hedge: a request that is not answered yet goes to another target too, and the first answer wins.
//!
//! Whoever loses is dropped: its connection is closed (over HTTP/2, its stream is reset), its target's berth is free at once.
//! Only requests that may be sent twice come here, and each attempt beyond the first is paid from the retry budget.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use equipoise_target::Endpoint;
use tokio::time::Sleep;

use crate::body::RequestBody;
use crate::decode::Asker;
use crate::limit::berth::Berth;
use crate::outgoing::Outgoing;
use crate::pick::{Wanted, pick};
use crate::record::Record;
use crate::report::report;
use crate::retry::Attempts;
use crate::send::{Answer, Failed, send};
use crate::upstream::Terms;
use crate::worker::local::Route;

/// When a request that is not answered is sent to another target too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hedge {
    /// How long each attempt has for its response's head before the next one begins.
    pub after: Duration,
    /// Attempts beside the first.
    pub attempts: u8,
}

/// What an attempt needs that is the same for all.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) record: &'a Record,
    pub(crate) asker: &'a Asker,
    pub(crate) route: &'a Rc<Route>,
    pub(crate) terms: &'a Terms,
    pub(crate) hedge: Hedge,
    pub(crate) takes_trailers: bool,
}

/// An attempt that is over, with the request as it left it.
struct Run {
    berth: Berth,
    started: Instant,
    request: Outgoing,
    result: Result<Answer, Failed>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Run> + 'a>>;

/// Sends the request to the target of `berth`, and to others as time goes by. The attempt that counts: it is not reported
/// yet, all others are.
pub(crate) async fn race(
    scene: Scene<'_>,
    berth: Berth,
    request: &mut Outgoing,
    attempts: &mut Attempts,
) -> (Berth, Result<Answer, Failed>) {
    let (head, body) = request.take().into_parts();
    let first = Outgoing { head, body, takes_trailers: request.takes_trailers, asked: None };
    let mut busy = vec![berth.target().address()];
    let mut running = vec![run(scene, berth, first)];
    let mut left = scene.hedge.attempts;
    let mut next = Some(Box::pin(tokio::time::sleep(scene.hedge.after)));
    loop {
        let Some(over) = first_of(&mut running, next.as_mut()).await else {
            left -= 1;
            let more = another(scene, &busy, attempts);
            next = (left > 0 && more.is_some()).then(|| Box::pin(tokio::time::sleep(scene.hedge.after)));
            if let Some((address, run)) = more {
                busy.push(address);
                running.push(run);
            }
            continue;
        };
        // An answer that says "try again" does not beat one that is still to come.
        let won = over.result.as_ref().is_ok_and(|answer| !attempts.is_failure(answer.response.status()));
        if won || running.is_empty() {
            *request = over.request;
            scene.record.decided_at(over.berth.target().address());
            return (over.berth, over.result);
        }
        let Run { mut berth, started, result, .. } = over;
        report(scene.record, scene.route, &mut berth, &result, started);
        attempts.avoid(berth.target().address());
    }
}

fn run(scene: Scene<'_>, berth: Berth, mut request: Outgoing) -> Running<'_> {
    Box::pin(async move {
        let started = Instant::now();
        let Scene { record, route, terms, .. } = scene;
        let terms = terms.attempt(started, route);
        let result = send(record, route, berth.target().address(), &mut request, &terms).await;
        Run { berth, started, request, result }
    })
}

/// One more attempt, if the budget pays for it and another target has room for it.
fn another<'a>(scene: Scene<'a>, running: &[Endpoint], attempts: &Attempts) -> Option<(Endpoint, Running<'a>)> {
    let Scene { record, asker, route, .. } = scene;
    let group = route.group.as_ref()?;
    let mut head = attempts.copy()?;
    let tried = [attempts.tried(), running].concat();
    let takes_trailers = scene.takes_trailers;
    let now = Instant::now();
    let berth =
        pick(group, &mut Wanted { head: &mut head, client: asker.client, only: None, tried: &tried, now }).ok()?;
    if !attempts.pay() {
        return None;
    }
    asker.tell(record, &mut head.headers);
    record.attempt(berth.target().address());
    record.front().attempts(route).hedges.increment();
    let address = berth.target().address();
    Some((address, run(scene, berth, Outgoing { head, body: RequestBody::Empty, takes_trailers, asked: None })))
}

/// The first attempt that is over; `None` when `timer` is over before.
async fn first_of(running: &mut Vec<Running<'_>>, mut timer: Option<&mut Pin<Box<Sleep>>>) -> Option<Run> {
    poll_fn(|cx: &mut Context<'_>| {
        for position in 0..running.len() {
            if let Poll::Ready(run) = running[position].as_mut().poll(cx) {
                drop(running.swap_remove(position));
                return Poll::Ready(Some(run));
            }
        }
        match &mut timer {
            Some(timer) => timer.as_mut().poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}
