//! When most targets fail at once, who is judged: the targets, or the check?
//!
//! A check that is too broad (it asks for a shared dependency, its path was removed, its credentials expired) fails on
//! every target in the same minute, and a balancer that believes it takes the whole pool out while every request would
//! have been answered. Two witnesses tell this from a real outage: *simultaneity*, since targets rarely break together,
//! and *live traffic*, which either succeeds or does not.
//!
//! For each check of a group that does more than raise an alarm:
//!
//! 1. A target **falls** with its first failure while it is healthy, and stays fallen until it is healthy without a
//!    failure. From then on its live requests are counted (the newest hundred, about).
//! 2. Fallen targets that began to fail within `window` of one another are a **cluster**; the largest one counts.
//!    Targets that were unhealthy before are left out: nobody can say whether they would have failed together.
//! 3. A failing target is **contradicted** when enough of its live requests succeeded. When more than `failing-share` of
//!    the targets that were good are contradicted, at least two, and one of them would now be taken for unhealthy, the
//!    check is judged: the guard **holds**.
//! 4. While it holds, every target that fell in the cluster or later keeps its last good state, unless its own live
//!    traffic fails.
//! 5. It **lets go** when no more than `failing-share` are fallen any more (the check recovered; those that have begun to
//!    pass are taken for healthy), or when the live traffic of more than that share fails (the check was right).
//!
//! What it cannot see: a target without live traffic is never contradicted, so a group without requests is not held;
//! failing open is its safety net, and the requests that then flow become evidence. A group of one is never held. A
//! failure that only the check can see and that requests do not show (slow data loss) is held like a broken check, but
//! never silently: holding raises an alarm.

mod settings;
mod subject;
mod traffic;

use std::time::Duration;

pub use settings::GuardSettings;
pub use subject::Subject;
pub use traffic::{Fall, Testimony, Traffic};

use crate::Release;

/// Whether a check is believed.
///
/// ```text
///          most good targets are contradicted at once
///        ┌─────────────────────────────────────────────┐
///        │                                             ▼
///  ┌──────────┐                                  ┌─────────┐
///  │ Watching │                                  │ Holding │
///  └──────────┘                                  └─────────┘
///        ▲                                             │
///        └─────────────────────────────────────────────┘
///          most pass again │ live traffic to most fails
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guard {
    /// The check is believed.
    #[default]
    Watching,
    /// The check is in doubt; targets that fell since keep their last good state.
    Holding {
        /// When the first of the targets that fell together fell. Who fell before is judged by the check as ever.
        since: Duration,
    },
}

/// A change of mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The check is in doubt from now on.
    Held {
        /// Targets that fail together.
        failing: usize,
        /// Targets that were good before.
        of: usize,
    },
    /// The check is believed from now on.
    Released(Release),
}

impl Guard {
    /// What to think of a check after something happened to the targets under it. Pure.
    pub fn after<'a, S>(self, subjects: S, settings: &GuardSettings, window: Duration) -> (Self, Option<Change>)
    where
        S: Iterator<Item = &'a Subject> + Clone,
    {
        if !settings.enabled {
            return (Self::Watching, None);
        }
        match self {
            Self::Watching => held(subjects, settings, window)
                .map_or((self, None), |(since, change)| (Self::Holding { since }, Some(change))),
            Self::Holding { since } => released(subjects, settings, since)
                .map_or((self, None), |why| (Self::Watching, Some(Change::Released(why)))),
        }
    }

    /// Whether the last good state of `subject` stands although its check says otherwise.
    #[must_use]
    pub fn spares(self, subject: &Subject, settings: &GuardSettings) -> bool {
        match (self, &subject.fall) {
            (Self::Holding { since }, Some(fall)) => {
                fall.began >= since && fall.testimony(settings) != Testimony::Against
            }
            _ => false,
        }
    }
}

fn held<'a>(
    subjects: impl Iterator<Item = &'a Subject> + Clone,
    settings: &GuardSettings,
    window: Duration,
) -> Option<(Duration, Change)> {
    let failing = subjects.clone().filter(|subject| subject.is_failing()).filter_map(|subject| subject.fall);
    let (first, last) = densest(failing.map(|fall| fall.began).collect(), window)?;
    let (mut failing, mut of, mut contradicted, mut matters) = (0, 0, 0, false);
    for subject in subjects {
        let fall = subject.fall.filter(|fall| subject.is_failing() && (first..=last).contains(&fall.began));
        of += usize::from(fall.is_some() || subject.health.is_healthy());
        let Some(fall) = fall else { continue };
        failing += 1;
        if fall.testimony(settings) == Testimony::For {
            contradicted += 1;
            matters |= !subject.health.is_healthy();
        }
    }
    let held = matters && contradicted >= 2 && exceeds(contradicted, settings, of);
    held.then_some((first, Change::Held { failing, of }))
}

fn released<'a>(
    subjects: impl Iterator<Item = &'a Subject>,
    settings: &GuardSettings,
    since: Duration,
) -> Option<Release> {
    let (mut fallen, mut of, mut against) = (0, 0, 0);
    for subject in subjects {
        let fall = subject.fall.filter(|fall| fall.began >= since);
        of += usize::from(fall.is_some() || subject.health.is_healthy());
        let Some(fall) = fall else { continue };
        fallen += 1;
        against += usize::from(fall.testimony(settings) == Testimony::Against);
    }
    if !exceeds(fallen, settings, of) {
        Some(Release::CheckRecovered)
    } else if exceeds(against, settings, of) {
        Some(Release::TrafficFails)
    } else {
        None
    }
}

fn exceeds(part: usize, settings: &GuardSettings, of: usize) -> bool {
    part * 100 > usize::from(settings.failing_share.get()) * of
}

/// First and last moment of the largest number of falls within `window`; of equals, the latest.
fn densest(mut falls: Vec<Duration>, window: Duration) -> Option<(Duration, Duration)> {
    falls.sort_unstable();
    let mut first = 0;
    let mut best: Option<(usize, usize)> = None;
    for last in 0..falls.len() {
        while falls[last] - falls[first] > window {
            first += 1;
        }
        if best.is_none_or(|(from, to)| last - first >= to - from) {
            best = Some((first, last));
        }
    }
    best.map(|(from, to)| (falls[from], falls[to]))
}

#[cfg(test)]
mod tests;
