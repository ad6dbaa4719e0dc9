//! Schedules and forecasts.

use super::*;

const HOURS: &str = r#"
    [group]
    min = 1
    max = 4
    policy.morning.scheduled = { cron = "0 8 * * *", min = 3, max = 9, desired = 5 }
    policy.evening.scheduled = { cron = "0 20 * * *", min = 1 }
"#;

#[test]
fn a_schedule_sets_bounds_and_capacity_when_it_falls_due() {
    let mut story = Story::new(HOURS, 1);
    // Yesterday's evening set the minimum, yesterday's morning the maximum: they hold.
    let wishes = story.ask(1);
    assert_eq!(wishes[0].bounds, Some(Bounds { min: 1, max: 9 }));
    assert_eq!(wishes[0].desired, None);
    assert_eq!(
        wishes[0].cause,
        "scheduled policy evening, which fell due last, sets the minimum of 1 and the maximum of 9"
    );
    story.bounds = wishes[0].bounds.unwrap();
    story.check(8 * 3600 - 1, &[]);
    let wishes = story.ask(8 * 3600);
    assert_eq!((wishes[0].desired, wishes[0].bounds), (Some(5), Some(Bounds { min: 3, max: 9 })));
    assert_eq!(wishes[0].cause, "scheduled policy morning fell due setting the minimum of 3 and the maximum of 9");
    story.bounds = Bounds { min: 3, max: 9 };
    story.become_of(5, 8 * 3600);
    story.check(8 * 3600 + 1, &[]);
    let wishes = story.ask(20 * 3600);
    assert_eq!((wishes[0].desired, wishes[0].bounds), (None, Some(Bounds { min: 1, max: 9 })));
}

#[test]
fn what_a_schedule_wanted_while_nobody_ran_is_not_made_up_but_its_bounds_are() {
    let mut story = Story::new(HOURS, 2);
    // The program comes back at nine in the morning.
    story.policies = PolicyBook::new(PolicyMemory::default());
    story.configure(9 * 3600);
    let wishes = story.ask(9 * 3600 + 1);
    assert_eq!((wishes[0].desired, wishes[0].bounds), (None, Some(Bounds { min: 3, max: 9 })));
    assert_eq!(story.policies.schedules()[1].1, Some(at(32 * 3600)));
    assert_eq!(story.policies.bounds(), Some(Bounds { min: 3, max: 9 }));
}

#[test]
fn a_suspended_schedule_is_missed_and_its_bounds_are_made_up_afterwards() {
    let mut story = Story::new(HOURS, 2);
    story.bounds = Bounds { min: 1, max: 9 };
    story.facts.insert("schedules suspended", 1);
    story.check(8 * 3600, &[]);
    story.facts.clear();
    let wishes = story.ask(8 * 3600 + 10);
    assert_eq!((wishes[0].desired, wishes[0].bounds), (None, Some(Bounds { min: 3, max: 9 })));
}

#[test]
fn a_reload_does_not_let_a_schedule_fall_due_again() {
    let mut story =
        Story::new("[group]\nmin = 1\nmax = 9\npolicy.up.scheduled = { cron = \"0 8 * * *\", desired = 5 }", 1);
    story.check(8 * 3600, &[("up", 5)]);
    story.configure(8 * 3600 + 1);
    story.check(8 * 3600 + 2, &[]);
    story.check(32 * 3600, &[("up", 5)]);
}

/// A load of a day by five minutes: 300 at night, 1,200 from nine to five.
fn days(story: &mut Story, from: i64) {
    for minute in (from * 24 * 60..0).step_by(5) {
        let of_day = minute.rem_euclid(24 * 60);
        let load = if (9 * 60..17 * 60).contains(&of_day) { 1200.0 } else { 300.0 };
        let second = START.checked_add_signed(minute * 60).unwrap();
        story.measured.put(Metric::RequestCount, second, load);
    }
}

fn predictive(rest: &str) -> Story {
    let policy = format!("policy.day.predictive = {{ metric = \"request-count\", target = 100{rest} }}");
    let in_policy = "policy.in.simple = { alarm = \"low\", adjustment = \"change-in-capacity\", by = -2 }";
    let low = ALARM.replace("alarm.high", "alarm.low").replace("greater-than", "less-than");
    Story::new(&format!("[group]\nmin = 1\nmax = 20\n{policy}\n{in_policy}\n{low}"), 3)
}

#[test]
fn a_forecast_launches_ahead_by_the_time_that_instances_take() {
    let mut story = predictive("");
    days(&mut story, -3);
    story.facts.insert("boot", 600);
    // The step before nine already knows of its neighbour: half past eight is too early, ten minutes and a step are not.
    story.check(8 * 3600 + 1800, &[]);
    let wishes = story.ask(9 * 3600 - 900);
    assert_eq!(wishes[0].desired, Some(12));
    let expected = "predictive policy day expected a request-count of 1200 at ";
    assert!(wishes[0].cause.starts_with(expected), "{}", wishes[0].cause);
    let forecast = story.policies.forecasts().remove(0);
    assert_eq!((forecast.seasons, forecast.only, forecast.points.len()), (2, false, 288));
}

#[test]
fn no_alarm_scales_in_below_a_forecast() {
    let mut story = predictive(", lead = \"0s\"");
    days(&mut story, -2);
    story.become_of(4, 0);
    story.cpu(1..40, 1.0);
    // Three are expected all night: four become three, and not two.
    story.check(11, &[("in", 3)]);
    story.become_of(3, 12);
    story.check(21, &[]);
}

#[test]
fn a_forecast_needs_a_whole_season_and_may_only_be_shown() {
    let mut young = predictive("");
    days(&mut young, -1);
    young.measured = Measured::default();
    for second in (0..12 * 3600).step_by(300) {
        young.measured.put(Metric::RequestCount, START - 12 * 3600 + second, 1200.0);
    }
    young.check(1, &[]);
    assert_eq!(young.policies.forecasts()[0].seasons, 0);
    assert!(young.policies.forecasts()[0].points.iter().all(|point| point.capacity.is_none()));

    let mut shown = predictive(", forecast-only = true");
    days(&mut shown, -2);
    shown.check(1, &[]);
    shown.check(12 * 3600, &[]);
    let forecast = shown.policies.forecasts().remove(0);
    assert!(forecast.only && forecast.points[0].capacity.is_some());
}

#[test]
fn a_plugin_wants_nothing_yet() {
    let mut story = Story::new("[group]\nmin = 1\nmax = 4\npolicy.mine.plugin = \"mine\"", 1);
    story.check(1, &[]);
}
