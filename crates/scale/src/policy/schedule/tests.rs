use super::*;

fn moment(text: &str) -> Moment {
    let stamp: Timestamp = text.parse().unwrap();
    Moment::from_millis(stamp.as_millisecond().try_into().unwrap())
}

/// The next times from `from` on, in RFC 3339 and UTC.
#[track_caller]
fn check(cron: &str, zone: &str, from: &str, times: &[&str]) {
    let schedule = Schedule::new(cron, zone).unwrap();
    let mut now = moment(from);
    for expected in times {
        let next = schedule.next(now).unwrap();
        assert_eq!(next.to_string(), *expected, "{cron} in {zone} after {now}");
        assert_eq!(schedule.last(next), Some(next), "looking back from {next}");
        now = next;
    }
}

#[test]
fn a_schedule_follows_the_clock_of_its_zone_through_the_year() {
    check("0 8 * * MON-FRI", "UTC", "2026-11-20T07:59:59Z", &["2026-11-20T08:00:00Z", "2026-11-23T08:00:00Z"]);
    check(
        "0 8 * * *",
        "Europe/Berlin",
        "2026-10-24T00:00:00Z",
        &["2026-10-24T06:00:00Z", "2026-10-25T07:00:00Z", "2026-10-26T07:00:00Z"],
    );
    check(
        "*/20 30 8 * * *",
        "Asia/Kathmandu",
        "2026-01-01T00:00:00Z",
        &["2026-01-01T02:45:00Z", "2026-01-01T02:45:20Z", "2026-01-01T02:45:40Z", "2026-01-02T02:45:00Z"],
    );
}

#[test]
fn a_fixed_time_in_the_gap_falls_due_at_its_end() {
    // On 2026-03-29 clocks in Berlin went from 02:00 to 03:00, which is 01:00 UTC.
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T00:00:00Z",
        &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    );
}

#[test]
fn a_fixed_time_that_comes_twice_falls_due_once() {
    // On 2026-10-25 clocks in Berlin went from 03:00 back to 02:00, which is 01:00 UTC.
    check("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn what_repeats_goes_on_through_gap_and_fold() {
    check(
        "*/30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:20:00Z",
        &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
    );
    check(
        "*/30 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:20:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
    );
}

#[test]
fn the_last_time_is_the_one_before() {
    let schedule = Schedule::new("0 8 * * *", "Europe/Berlin").unwrap();
    assert_eq!(schedule.last(moment("2026-11-24T10:00:00Z")), Some(moment("2026-11-24T07:00:00Z")));
    assert_eq!(schedule.last(moment("2026-11-24T06:59:59Z")), Some(moment("2026-11-23T07:00:00Z")));
    // Milliseconds do not hide a time that has come.
    let just = Moment::from_millis(moment("2026-11-24T07:00:00Z").millis() + 250);
    assert_eq!(schedule.last(just), Some(moment("2026-11-24T07:00:00Z")));
    assert_eq!(schedule.next(just), Some(moment("2026-11-25T07:00:00Z")));
}

#[test]
fn what_is_no_schedule_is_refused_with_the_reason() {
    let refused = |cron: &str, zone: &str| Schedule::new(cron, zone).unwrap_err();
    assert!(matches!(refused("whenever", "UTC"), ScheduleError::Cron { .. }));
    assert!(matches!(refused("61 * * * *", "UTC"), ScheduleError::Cron { .. }));
    assert!(matches!(refused("", "UTC"), ScheduleError::Cron { .. }));
    assert!(matches!(refused("* * * * * * 2030", "UTC"), ScheduleError::Cron { .. }));
    assert!(matches!(refused(&"*,".repeat(500), "UTC"), ScheduleError::Cron { .. }));
    assert_eq!(refused("0 0 30 2 *", "UTC"), ScheduleError::Never { cron: "0 0 30 2 *".to_owned() });
    assert_eq!(refused("0 8 * * *", "Mars/Olympus"), ScheduleError::Zone { zone: "Mars/Olympus".to_owned() });
}
