use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use equipoise_metrics::series::Statistic;
use equipoise_target::AlarmName;

use super::*;
use crate::{SeriesKey, Subject};

/// Metrics of one series: one number for each period, by its place from the epoch.
#[derive(Debug, Default)]
struct Numbers {
    by_period: BTreeMap<u64, f64>,
    asked: RefCell<Vec<SeriesKey>>,
}

impl Readings for Numbers {
    fn points(&self, key: &SeriesKey, _: Statistic, period: Duration, count: usize, now: Moment) -> Vec<Option<f64>> {
        self.asked.borrow_mut().push(key.clone());
        let end = now.seconds() / period.as_secs();
        (0..count as u64).rev().map(|back| self.by_period.get(&(end - 1 - back)).copied()).collect()
    }
}

const START: u64 = 1_790_000_000 / 60;

fn at(minutes: u64, seconds: u64) -> Moment {
    Moment::from_millis((START + minutes) * 60_000 + seconds * 1000)
}

fn name(text: &str) -> AlarmName {
    AlarmName::new(text).unwrap()
}

fn plan(alarm: &str) -> Plan {
    let alarm: Alarm = toml::from_str(alarm).unwrap();
    Plan { alarms: [(name("cpu-high"), alarm)].into(), ..Plan::default() }
}

const HIGH: &str = r#"
    metric = "cpu-utilization"
    scaling-group = "todo"
    evaluation-periods = 2
    comparison = "greater-than-or-equal"
    threshold = 20.0
"#;

fn numbers(values: &[(u64, f64)]) -> Numbers {
    let by_period = values.iter().map(|(minute, value)| (START + minute, *value)).collect();
    Numbers { by_period, ..Numbers::default() }
}

#[test]
fn an_alarm_goes_off_when_its_periods_breach_and_ends_when_one_does_not() {
    let mut book = AlarmBook::default();
    book.configure(&plan(HIGH), at(0, 0));
    assert_eq!(book.state(&name("cpu-high")), Some(AlarmState::InsufficientData));
    let readings = numbers(&[(0, 12.0), (1, 23.1), (2, 25.0), (3, 9.0)]);
    let mut said = Vec::new();
    for minute in 0..=4 {
        for second in [0, 2] {
            said.extend(book.evaluate(&readings, at(minute, second)));
        }
    }
    let states: Vec<_> = said.iter().map(|change| (change.at, change.from, change.to)).collect();
    assert_eq!(
        states,
        [
            (at(1, 2), AlarmState::InsufficientData, AlarmState::Ok),
            (at(3, 2), AlarmState::Ok, AlarmState::Alarm),
            (at(4, 2), AlarmState::Alarm, AlarmState::Ok),
        ]
    );
    assert_eq!(
        said[1].reason,
        format!(
            "threshold crossed: 2 of the last 2 datapoints [25 ({}), 23.1 ({})] were greater than or equal to 20 \
             (2 datapoints make an alarm)",
            at(2, 0),
            at(1, 0)
        )
    );
    assert_eq!(
        said[2].reason,
        format!(
            "1 of the last 2 datapoints [9 ({}), 25 ({})] was greater than or equal to 20 (2 datapoints make an alarm)",
            at(3, 0),
            at(2, 0)
        )
    );
    let subject = Subject::ScalingGroup("todo".to_owned().try_into().unwrap());
    assert!(readings.asked.borrow().iter().all(|key| key.subject == subject));
}

#[test]
fn an_alarm_reads_once_for_each_period_that_ended_and_waits_a_second_for_its_last_samples() {
    let mut book = AlarmBook::default();
    book.configure(&plan(HIGH), at(0, 30));
    let readings = numbers(&[]);
    for second in 30..180 {
        book.evaluate(&readings, at(0, second));
    }
    // At once, then a second after minutes one and two.
    assert_eq!(readings.asked.borrow().len(), 3);
    book.evaluate(&readings, at(3, 0));
    assert_eq!(readings.asked.borrow().len(), 3);
    book.evaluate(&readings, at(3, 1));
    assert_eq!(readings.asked.borrow().len(), 4);
}

#[test]
fn an_alarm_that_did_not_change_keeps_its_state_over_a_reload_and_a_changed_one_begins_anew() {
    let mut book = AlarmBook::default();
    book.configure(&plan(HIGH), at(0, 0));
    book.evaluate(&numbers(&[(0, 30.0), (1, 30.0)]), at(2, 2));
    assert_eq!(book.state(&name("cpu-high")), Some(AlarmState::Alarm));
    book.configure(&plan(HIGH), at(2, 3));
    assert_eq!(book.state(&name("cpu-high")), Some(AlarmState::Alarm));
    book.configure(&plan(&HIGH.replace("20.0", "21.0")), at(2, 4));
    assert_eq!(book.state(&name("cpu-high")), Some(AlarmState::InsufficientData));
    book.configure(&Plan::default(), at(2, 5));
    assert_eq!(book.state(&name("cpu-high")), None);
}

#[test]
fn without_data_an_alarm_says_so() {
    let mut book = AlarmBook::default();
    book.configure(&plan(HIGH), at(0, 0));
    book.evaluate(&numbers(&[(0, 30.0), (1, 30.0)]), at(2, 2));
    let said = book.evaluate(&numbers(&[]), at(9, 2));
    assert_eq!(said[0].to, AlarmState::InsufficientData);
    assert_eq!(said[0].reason, "insufficient data: none of the last 4 periods has a datapoint");
}

#[test]
fn missing_data_that_count_as_breaching_are_named_in_the_reason() {
    let mut book = AlarmBook::default();
    book.configure(&plan(&format!("{HIGH}\nmissing-data = \"breaching\"")), at(0, 0));
    let said = book.evaluate(&numbers(&[]), at(2, 2));
    assert_eq!(
        said[0].reason,
        "threshold crossed: no datapoint was received, 2 missing datapoints count as breaching (2 datapoints make an alarm)"
    );
}

#[test]
fn target_tracking_makes_two_alarms_that_are_seen() {
    let group: crate::ScalingGroup = toml::from_str(
        r#"
        target-group = "todo"
        max = 4
        launch-template.process = { command = ["todo"], ports = "6500-6599" }
        policy.cpu.target-tracking = { metric = "cpu-utilization", target = 20.0 }
        policy.memory.target-tracking = { metric = "memory-utilization", target = 60.0, scale-in = false }
        "#,
    )
    .unwrap();
    let plan = Plan { groups: [("todo".to_owned().try_into().unwrap(), group)].into(), ..Plan::default() };
    let mut book = AlarmBook::default();
    book.configure(&plan, at(0, 0));
    let views = book.views();
    let seen: Vec<_> = views.iter().map(|view| (view.name.as_str(), view.settings.threshold)).collect();
    assert_eq!(seen, [("todo-cpu-high", 20.0), ("todo-cpu-low", 18.0), ("todo-memory-high", 60.0)]);
    let policies: Vec<_> = views.iter().map(|view| view.made_by.as_ref().unwrap().1.as_str()).collect();
    assert_eq!(policies, ["cpu", "cpu", "memory"]);
}

#[test]
fn a_made_alarm_whose_name_would_be_too_long_has_a_digest_in_it() {
    let long = |text: &str| text.repeat(40);
    let names =
        |policy: &str| crate::made_alarm_names(&long("g").try_into().unwrap(), &policy.to_owned().try_into().unwrap());
    let [high, low] = names(&long("p"));
    let [other, _] = names(&format!("{}q", long("p")));
    assert_eq!(high.as_str().len(), 63);
    assert!(high.as_str().ends_with("-high") && low.as_str().ends_with("-low"));
    assert_ne!(high, other);
    assert_eq!(names("p")[0].as_str(), format!("{}-p-high", long("g")));
}
