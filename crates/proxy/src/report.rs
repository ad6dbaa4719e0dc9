//! report: what an attempt says about its target.

use std::time::Instant;

use equipoise_target::Target;

use crate::send::{Answer, Failed};

/// Notes the outcome of an attempt that began at `started` in the target's record.
pub(crate) fn report(target: &Target, attempt: &Result<Answer, Failed>, started: Instant) {
    match attempt {
        Ok(answer) if answer.response.status().is_server_error() => target.failed(),
        Ok(_) => target.succeeded(started.elapsed()),
        Err(failed) if failed.error.blames_target() => target.failed(),
        Err(_) => {}
    }
}
