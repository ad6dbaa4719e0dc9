use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The same questions, answered from all samples at once.
#[derive(Debug, Default)]
struct Model(Vec<(u64, f64)>);

impl Model {
    fn points(&self, statistic: Statistic, period: u64, count: u64, now: u64) -> Vec<Option<f64>> {
        let mut periods = BTreeMap::<u64, Vec<f64>>::new();
        for (at, value) in &self.0 {
            periods.entry(at / period).or_default().push(*value);
        }
        let end = now / period;
        let point = |back| Some(one(statistic, periods.get_mut(&end.checked_sub(back)?)?));
        (1..=count).rev().map(point).collect()
    }
}

fn one(statistic: Statistic, values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let sum: f64 = values.iter().sum();
    let number = values.len();
    let rank = |percent: usize| values[(number * percent).div_ceil(100).max(1) - 1];
    match statistic {
        Statistic::Average => sum / number as f64,
        Statistic::Sum => sum,
        Statistic::Minimum => values[0],
        Statistic::Maximum => values[number - 1],
        Statistic::SampleCount => number as f64,
        Statistic::P50 => rank(50),
        Statistic::P90 => rank(90),
        Statistic::P95 => rank(95),
        Statistic::P99 => rank(99),
    }
}

const ALL: [Statistic; 9] = [
    Statistic::Average,
    Statistic::Sum,
    Statistic::Minimum,
    Statistic::Maximum,
    Statistic::SampleCount,
    Statistic::P50,
    Statistic::P90,
    Statistic::P95,
    Statistic::P99,
];

#[track_caller]
fn same(statistic: Statistic, said: &[Option<f64>], wanted: &[Option<f64>], about: &str) {
    assert_eq!(said.len(), wanted.len());
    for (position, (said, wanted)) in said.iter().zip(wanted).enumerate() {
        let error = if statistic.percent().is_some() { RELATIVE_ERROR * 1.000_001 } else { 1e-9 };
        let near = match (said, wanted) {
            (Some(said), Some(wanted)) => (said - wanted).abs() <= wanted.abs() * error + 1e-9,
            (said, wanted) => said == wanted,
        };
        assert!(near, "{statistic:?} of point {position} is {said:?} instead of {wanted:?}: {about}");
    }
}

#[test]
fn statistics_are_those_of_the_period() {
    let store = Store::new(Limits::default());
    for (second, value) in [(60, 1.0), (61, 5.0), (119, 3.0), (180, 7.0), (239, -2.0)] {
        store.record("web", second, value).unwrap();
    }
    let points = |statistic| store.points(&"web", statistic, 60, 4, 240);
    assert_eq!(points(Statistic::Sum), [None, Some(9.0), None, Some(5.0)]);
    assert_eq!(points(Statistic::Average), [None, Some(3.0), None, Some(2.5)]);
    assert_eq!(points(Statistic::Minimum), [None, Some(1.0), None, Some(-2.0)]);
    assert_eq!(points(Statistic::Maximum), [None, Some(5.0), None, Some(7.0)]);
    assert_eq!(points(Statistic::SampleCount), [None, Some(3.0), None, Some(2.0)]);
}

#[test]
fn a_period_counts_once_it_is_over() {
    let store = Store::new(Limits::default());
    store.record("web", 100, 1.0).unwrap();
    assert_eq!(store.points(&"web", Statistic::Sum, 60, 1, 119), [None]);
    assert_eq!(store.points(&"web", Statistic::Sum, 60, 1, 120), [Some(1.0)]);
}

#[test]
fn who_was_never_written_has_no_points() {
    let store: Store<&str> = Store::new(Limits::default());
    assert_eq!(store.points(&"web", Statistic::Average, 60, 2, 1000), [None, None]);
    assert_eq!(store.points(&"web", Statistic::Average, 60, 2, 0), [None, None]);
    assert_eq!(store.points(&"web", Statistic::Average, 0, 1, 5), [None]);
}

/// Samples with their times, in the order of their arrival: steps forward and a little back, gaps, equal and unequal values.
fn samples() -> impl Strategy<Value = Vec<(u64, f64)>> {
    let value = prop_oneof![Just(4.0), Just(0.0), 0.0..100.0_f64, -1e6..1e6_f64, 1e-3..1e9_f64];
    let step = prop_oneof![8 => Just(0_i64), 40 => Just(1), 6 => -9..9_i64, 2 => 20..400_i64, 1 => 700..4000_i64];
    (1_000_000..1_100_000_u64, vec((step, value), 1..400)).prop_map(|(start, steps)| {
        let mut at = start;
        let mut newest = start;
        let sample = |(step, value)| {
            at = at.saturating_add_signed(step).max(newest.saturating_sub(LATE));
            newest = newest.max(at);
            (at, value)
        };
        steps.into_iter().map(sample).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_statistic_of_every_period_is_that_of_its_samples(
        samples in samples(),
        period in prop_oneof![Just(1_u64), Just(5), Just(10), Just(60), Just(120), Just(300), Just(900), Just(3600), Just(86_400)],
        ahead in 0..700_u64,
    ) {
        let (store, model) = (Store::new(Limits::default()), Model(samples.clone()));
        for (second, value) in samples {
            prop_assert!(store.record((), second, value).is_ok());
        }
        let now = store.written(&()).expect("there is one") + ahead;
        // As far as the coarsest ring whose steps fit is promised to go back.
        let kept = if period % 300 == 0 { 14 * 86_400 } else if period % 60 == 0 { 86_400 } else { 900 };
        let count = (kept - ahead.min(600)) / period;
        for statistic in ALL {
            let said = store.points(&(), statistic, period, count as usize, now);
            same(statistic, &said, &model.points(statistic, period, count, now), &format!("periods of {period} s"));
        }
    }
}
