//! What must hold of a run.

use super::admin::Activity;
use super::follow::Record;
use super::scenario::{HIGH, LOW, MAX, MIN, SCALE_IN, SCALE_OUT, Scenario, Variant};

/// Everything that was broken.
pub(super) fn complaints(record: &Record, scenario: &Scenario) -> Vec<String> {
    let mut complaints = capacity(&capacities(record), scenario.variant);
    complaints.extend(causes(&record.activities, scenario.variant));
    if scenario.variant == Variant::Simple {
        complaints.extend(cooldowns(&record.activities, scenario.cooldown().as_secs_f64()));
    }
    complaints.extend(requests(record));
    complaints
}

/// Each desired capacity that there was, until the refresh.
fn capacities(record: &Record) -> Vec<u64> {
    let before = record.samples.iter().take_while(|sample| sample.at < record.refresh_at);
    let mut capacities: Vec<u64> = before.map(|sample| sample.desired).collect();
    capacities.dedup();
    capacities
}

/// From the fewest up to the most and down again, without a step back; by one at a time where a policy says so.
fn capacity(capacities: &[u64], variant: Variant) -> Vec<String> {
    let top = capacities.iter().position(|capacity| *capacity == MAX).unwrap_or_default();
    let (up, down) = capacities.split_at(top);
    let rises = up.is_sorted() && down.is_sorted_by(|before, after| before >= after);
    let ends = capacities.first() == Some(&MIN) && capacities.last() == Some(&MIN) && top > 0;
    let by_one = capacities.is_sorted_by(|before, after| before.abs_diff(*after) == 1);
    let is_right = rises && ends && (by_one || variant == Variant::TargetTracking);
    if is_right { Vec::new() } else { vec![format!("capacity went {capacities:?}")] }
}

/// Every launch and every end names what led to it.
fn causes(activities: &[Activity], variant: Variant) -> Vec<String> {
    let starts = |activity: &&Activity| activity.description.starts_with("Launching");
    let ends = |activity: &&Activity| activity.description.starts_with("Terminating");
    let by = |policy: &str, alarm: &str| match variant {
        Variant::Simple => {
            format!("monitor alarm {alarm} in state ALARM triggered policy {policy} changing the desired")
        }
        Variant::TargetTracking => "in state ALARM triggered policy cpu changing the desired".to_owned(),
    };
    let (out, back) = (by(SCALE_OUT, HIGH), by(SCALE_IN, LOW));
    let refreshed = |activity: &&Activity| activity.cause.contains("instance refresh");
    let mut complaints = Vec::new();
    let mut check = |what: &str, found: usize, least: usize| {
        if found < least {
            complaints.push(format!("{what}: {found} activities of {least}"));
        }
    };
    let grown = (MAX - MIN) as usize;
    check(
        "launches by the alarm",
        activities.iter().filter(starts).filter(|one| one.cause.contains(&out)).count(),
        grown,
    );
    check("ends by the alarm", activities.iter().filter(ends).filter(|one| one.cause.contains(&back)).count(), grown);
    check("ends by the refresh", activities.iter().filter(ends).filter(refreshed).count(), MIN as usize);
    let first = activities.iter().find(starts).map(|activity| activity.id);
    for activity in activities {
        let right = match activity {
            one if starts(&one) => Some(one.id) == first || one.cause.contains(&out) || refreshed(&one),
            one if ends(&one) => one.cause.contains(&back) || refreshed(&one),
            _ => true,
        };
        if !right {
            complaints.push(format!("{} because: {}", activity.description, activity.cause));
        }
        if activity.status != "successful" {
            complaints.push(format!("{}: {} {}", activity.description, activity.status, activity.message));
        }
    }
    complaints
}

/// Simple policies rest after each change.
fn cooldowns(activities: &[Activity], cooldown: f64) -> Vec<String> {
    let mut changes: Vec<f64> = activities
        .iter()
        .filter(|activity| activity.cause.contains("triggered policy"))
        .filter_map(|activity| seconds(&activity.start))
        .collect();
    // One change of capacity may have several activities.
    changes.dedup();
    let pairs = changes.windows(2).map(|pair| pair[1] - pair[0]);
    let broken = pairs.filter(|rest| *rest < cooldown);
    broken
        .map(|rest| format!("a policy changed the group {rest} s after a change: the cooldown is {cooldown} s"))
        .collect()
}

fn requests(record: &Record) -> Vec<String> {
    let failed = record.tally.failed();
    let mut complaints = Vec::new();
    if failed > 0 {
        complaints.push(format!("{failed} requests failed: {}", record.tally.failures.join("; ")));
    }
    if record.tally.answered() == 0 {
        complaints.push("no request was answered".to_owned());
    }
    complaints
}

/// Seconds within a day and beyond, of a time in RFC 3339 with or without a fraction: enough for differences.
pub(super) fn seconds(time: &str) -> Option<f64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let day: f64 = date.rsplit('-').next()?.parse().ok()?;
    let parts: Vec<f64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hours, minutes, seconds] => Some(((day * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_rises_to_the_most_and_falls_to_the_fewest() {
        let check = |capacities: &[u64], variant, right: bool| {
            assert_eq!(capacity(capacities, variant).is_empty(), right, "{capacities:?}");
        };
        check(&[1, 2, 3, 4, 3, 2, 1], Variant::Simple, true);
        check(&[1, 2, 4, 1], Variant::TargetTracking, true);
        check(&[1, 2, 4, 3, 2, 1], Variant::Simple, false);
        for wrong in [&[1, 2, 3, 2, 1][..], &[1, 2, 1, 2, 3, 4, 3, 2, 1], &[1, 2, 3, 4, 3, 4, 3, 2, 1], &[4, 1], &[1]] {
            check(wrong, Variant::Simple, false);
            check(wrong, Variant::TargetTracking, false);
        }
    }

    #[test]
    fn a_rest_shorter_than_the_cooldown_is_found() {
        let activity = |start: &str| Activity {
            start: start.to_owned(),
            cause: "a monitor alarm x in state ALARM triggered policy y changing".to_owned(),
            ..Activity::default()
        };
        let times = ["2020-01-01T23:59:55.5Z", "2020-01-02T00:00:05.5Z", "2020-01-02T00:00:15.4Z"];
        let broken = cooldowns(&times.map(activity), 10.0);
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(cooldowns(&times.map(activity), 9.0).is_empty());
    }
}
