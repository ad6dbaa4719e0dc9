//! report: what an attempt says about its target.

use std::rc::Rc;
use std::time::Instant;

use equipoise_target::Turn;

use crate::limit::berth::Berth;
use crate::record::Record;
use crate::send::{Answer, Failed};
use crate::worker::local::Route;

/// Notes the outcome of an attempt that began at `started` in the record of its target.
pub(crate) fn report(
    record: &Record,
    route: &Rc<Route>,
    berth: &mut Berth,
    attempt: &Result<Answer, Failed>,
    started: Instant,
) {
    let good = match attempt {
        Ok(answer) => !answer.response.status().is_server_error(),
        Err(failed) if failed.error.blames_target() => false,
        Err(_) => return,
    };
    if good {
        berth.target().succeeded(started.elapsed());
    } else {
        berth.target().failed();
    }
    let breaker = route.group.as_ref().and_then(|group| group.settings().breaker.as_ref());
    let Some(breaker) = breaker else { return };
    // The end of a connection that had waited says little about its target.
    let idle = matches!(attempt, Err(failed) if failed.reused);
    if !idle && berth.judge(breaker, good) == Turn::Opened {
        record.front().attempts(route).circuits_opened.increment();
        tracing::warn!(target_group = route.name(), target = %berth.target().address(), "a circuit opened: requests to this target failed");
    }
}
