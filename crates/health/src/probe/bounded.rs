//! A look that always ends: bounded in time, and proof against a probe that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use equipoise_target::Endpoint;

use super::{Outcome, Probe};

/// Longest reason that is kept, in characters: it ends up in logs and status.
const LONGEST_REASON: usize = 200;

/// Looks at `address` once, for at most `timeout`.
///
/// A look that does not end in time has failed. A probe that panics says nothing about the target.
pub async fn look(probe: &dyn Probe, address: Endpoint, timeout: Duration) -> Outcome {
    let outcome = match tokio::time::timeout(timeout, contained(probe, address)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Outcome::fail(&format!("no answer within {}", humantime_serde::re::humantime::format_duration(timeout)))
        }
    };
    match outcome {
        Outcome::Pass => Outcome::Pass,
        Outcome::Fail(reason) => Outcome::fail(&reason),
        Outcome::Inconclusive(reason) => Outcome::inconclusive(&reason),
    }
}

impl Outcome {
    /// A failure, with the reason cut to one line of bounded length.
    #[must_use]
    pub fn fail(reason: &str) -> Self {
        Self::Fail(one_line(reason).into())
    }

    /// A check that could not be made, with the reason cut to one line of bounded length.
    #[must_use]
    pub fn inconclusive(reason: &str) -> Self {
        Self::Inconclusive(one_line(reason).into())
    }

    /// The reason, when there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Fail(reason) | Self::Inconclusive(reason) => Some(reason),
        }
    }
}

/// Reasons quote what targets and guests sent: no control character may reach a log or a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().take(LONGEST_REASON).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

async fn contained(probe: &dyn Probe, address: Endpoint) -> Outcome {
    let panicked = || Outcome::inconclusive("the check panicked");
    // Unwind safety: after a panic the future is never polled again, and the probe is ours to call again only if its
    // own state allows, which is what `&self` without locks of ours promises.
    let Ok(mut future) = catch_unwind(AssertUnwindSafe(|| probe.probe(address))) else { return panicked() };
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(panicked()),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_printable_line_of_bounded_length() {
        assert_eq!(one_line("a\r\nb\x1b[2Jc\u{85}"), "a  b [2Jc ");
        assert_eq!(one_line(&"ü".repeat(1000)).chars().count(), LONGEST_REASON);
    }
}
