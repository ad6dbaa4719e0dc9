//! What each kind of policy wants, and the rules between them.

use super::{Followed, Wish, Work};
use crate::policy::asked::Asked;
use crate::{Bounds, Moment};

/// What schedules want that fell due, and the bounds that they set: for each of the two, the schedule that fell due last decides.
pub(super) fn scheduled(followed: &mut [Followed], configured: Option<Bounds>, asked: &Asked<'_>) -> Vec<Wish> {
    let mut due = Vec::new();
    for policy in &mut *followed {
        let is_due = match &mut policy.work {
            Work::Scheduled(timer) => timer.is_due(asked.now),
            _ => false,
        };
        if is_due && asked.facts.follow_schedules {
            due.push(wish_of_schedule(policy));
        }
    }
    let bounds = asked.facts.follow_schedules.then(|| bounds(followed, configured?)).flatten();
    let Some((last, bounds)) = bounds.filter(|(_, bounds)| *bounds != asked.facts.bounds) else { return due };
    let limits = format!("the minimum of {} and the maximum of {}", bounds.min, bounds.max);
    match due.iter_mut().find(|wish| wish.policy == last.name) {
        Some(wish) => {
            wish.bounds = Some(bounds);
            wish.cause = format!("{} setting {limits}", wish.cause);
        }
        None => due.push(Wish {
            desired: None,
            bounds: Some(bounds),
            cause: format!("scheduled policy {}, which fell due last, sets {limits}", last.name),
            ..wish_of_schedule(last)
        }),
    }
    due
}

fn wish_of_schedule(policy: &Followed) -> Wish {
    let desired = match &policy.work {
        Work::Scheduled(timer) => timer.settings().desired,
        _ => None,
    };
    let cause = format!("scheduled policy {} fell due", policy.name);
    Wish { policy: policy.name.clone(), desired, bounds: None, cooldown: None, cause }
}

/// The bounds that schedules have set, and who set one of them last; `None` when none did.
pub(super) fn bounds(followed: &[Followed], configured: Bounds) -> Option<(&Followed, Bounds)> {
    let mut set: Vec<(Moment, &Followed, Option<u32>, Option<u32>)> = Vec::new();
    for policy in followed {
        if let Work::Scheduled(timer) = &policy.work {
            let at = timer.last().filter(|_| timer.sets_bounds());
            set.extend(at.map(|at| (at, policy, timer.settings().min, timer.settings().max)));
        }
    }
    // Stable: of two that fell due at the same time, the later name decides.
    set.sort_by_key(|(at, ..)| *at);
    let (_, last, ..) = set.last()?;
    let min = set.iter().rev().find_map(|(_, _, min, _)| *min).unwrap_or(configured.min);
    let max = set.iter().rev().find_map(|(_, _, _, max)| *max).unwrap_or(configured.max);
    // A minimum from one schedule may exceed the maximum from elsewhere: capacity that somebody asked for comes first.
    Some((last, Bounds { min, max: max.max(min) }))
}

/// What predictive policies want, and the fewest instances that they expect to be needed.
pub(super) fn predicted(followed: &mut [Followed], asked: &Asked<'_>) -> (Vec<Wish>, u32) {
    let (mut wishes, mut floor) = (Vec::new(), 0);
    for policy in followed {
        if let Work::Predictive(forecaster) = &mut policy.work {
            let Some(peak) = forecaster.peak(&policy.name, asked) else { continue };
            let least = peak.capacity.unwrap_or_default();
            floor = floor.max(least);
            if least > asked.facts.desired {
                wishes.push(forecaster.wish(&policy.name, peak));
            }
        }
    }
    (wishes, floor)
}

/// What policies want that follow alarms. None scales in below `floor`.
pub(super) fn alarmed(followed: &mut [Followed], floor: u32, asked: &Asked<'_>) -> Vec<Wish> {
    let present = asked.facts.desired;
    let mut wishes = Vec::new();
    let mut tracked_in = Vec::new();
    for policy in &mut *followed {
        let wish = match &mut policy.work {
            Work::Simple(simple, seen) => simple.wish(&policy.name, seen, asked),
            Work::Step(step, seen) => step.wish(&policy.name, seen, asked),
            Work::TargetTracking(tracker) => tracker.wish(&policy.name, asked),
            Work::Scheduled(_) | Work::Predictive(_) | Work::Plugin => None,
        };
        let Some(wish) = wish else { continue };
        let scales_in = wish.desired.is_some_and(|desired| desired < present);
        let is_tracked = matches!(policy.work, Work::TargetTracking(_));
        if scales_in && is_tracked { tracked_in.push(wish) } else { wishes.push(wish) }
    }
    if !tracked_in.is_empty() {
        let least = agreed(followed, asked);
        wishes.extend(tracked_in.into_iter().map(|wish| at_least(wish, least)));
    }
    wishes.into_iter().map(|wish| at_least(wish, floor.min(present))).collect()
}

/// The fewest instances that every target tracking policy agrees to.
fn agreed(followed: &[Followed], asked: &Asked<'_>) -> u32 {
    let least = |policy: &Followed| match &policy.work {
        Work::TargetTracking(tracker) => tracker.least(asked),
        _ => 0,
    };
    followed.iter().map(least).max().unwrap_or(0)
}

fn at_least(wish: Wish, least: u32) -> Wish {
    Wish { desired: wish.desired.map(|desired| desired.max(least)), ..wish }
}
