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

fn count(store: &Store<&'static str>, key: &'static str, now: u64) -> f64 {
    store.points(&key, Statistic::SampleCount, 60, 1, now)[0].unwrap_or(0.0)
}

#[test]
fn a_sample_that_is_a_little_late_counts_where_it_belongs() {
    let store = Store::new(Limits::default());
    store.record("web", 1000, 1.0).unwrap();
    store.record("web", 1000 - LATE, 5.0).unwrap();
    assert_eq!(store.record("web", 1000 - LATE - 1, 5.0), Err(Refused::TooOld));
    assert_eq!(store.points(&"web", Statistic::Sum, 1, 16, 1001)[..2], [Some(5.0), None]);
    assert_eq!(store.points(&"web", Statistic::Sum, 300, 1, 1200), [Some(6.0)]);
    assert_eq!(store.tally().too_old, 1);
}

#[test]
fn what_is_no_number_is_refused() {
    let store = Store::new(Limits::default());
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(store.record("web", 60, value), Err(Refused::NotFinite));
        let many = Distribution::of_values(&[(1.0, 1), (value, 2)]);
        assert_eq!(store.record_many("web", 60, &many), Err(Refused::NotFinite));
    }
    assert_eq!(store.tally().series, 0);
}

#[test]
fn a_clock_that_was_set_back_silences_a_series_for_a_minute_and_not_for_ever() {
    let store = Store::new(Limits::default());
    store.record("web", 1_000_000, 1.0).unwrap();
    let refused = (0..200).filter(|second| store.record("web", 600 + second, 2.0).is_err()).count();
    assert_eq!(refused, 59);
    assert_eq!(count(&store, "web", 780), 60.0);
}

#[test]
fn one_late_sample_among_others_does_not_begin_a_series_anew() {
    let store = Store::new(Limits::default());
    for second in 6000..6300 {
        store.record("web", second, 1.0).unwrap();
        assert_eq!(store.record("web", 100, 1.0), Err(Refused::TooOld));
    }
    assert_eq!(count(&store, "web", 6120), 60.0);
}

#[test]
fn a_clock_that_was_set_forward_leaves_a_gap() {
    let store = Store::new(Limits::default());
    store.record("web", 60, 1.0).unwrap();
    store.record("web", 60 + 400 * 86_400, 2.0).unwrap();
    store.record("web", u64::MAX, 3.0).unwrap();
    assert_eq!(store.points(&"web", Statistic::Sum, 60, 2, 180), [None, None]);
}

#[test]
fn each_ring_holds_as_long_as_it_promises() {
    let (store, start) = (Store::new(Limits::default()), 1_699_920_000);
    let end = start + 15 * 86_400;
    for second in (start..end).step_by(20) {
        store.record("web", second, 1.0).unwrap();
    }
    for (period, count, each) in [(20, 45, 1.0), (60, 1440, 3.0), (300, 4032, 15.0), (86_400, 14, 4320.0)] {
        let points = store.points(&"web", Statistic::Sum, period, count, end);
        assert!(points.iter().all(|point| *point == Some(each)), "periods of {period} s");
        let more = store.points(&"web", Statistic::Sum, period, count + 2000, end);
        assert_eq!(more[0], None, "periods of {period} s: nothing is said of what was dropped");
    }
}

#[test]
fn old_periods_that_are_no_whole_minutes_are_made_of_whole_minutes() {
    let store = Store::new(Limits::default());
    (0..7200).for_each(|second| store.record("web", second, 1.0).unwrap());
    // 80 periods of 90 s go back two hours: every other one has the two minutes that begin in it.
    let points = store.points(&"web", Statistic::Sum, 90, 80, 7200);
    assert_eq!(points[..4], [Some(120.0), Some(60.0), Some(120.0), Some(60.0)]);
    assert_eq!(store.points(&"web", Statistic::Sum, 90, 2, 7200), [Some(90.0), Some(90.0)]);
}

#[test]
fn a_full_store_drops_who_was_idle_the_longest_and_refuses_when_nobody_is() {
    let store = Store::new(Limits { series: 2 });
    store.record("a", 0, 1.0).unwrap();
    store.record("b", 100, 1.0).unwrap();
    assert_eq!(store.record("c", 110, 1.0), Err(Refused::TooMany { most: 2 }));
    store.record("b", 900, 1.0).unwrap();
    store.record("c", 900, 1.0).unwrap(); // "a" has been idle for 15 minutes
    assert_eq!((store.written(&"a"), store.written(&"c")), (None, Some(900)));
    assert_eq!(store.record("a", 901, 1.0), Err(Refused::TooMany { most: 2 }));
    let tally = store.tally();
    assert_eq!((tally.series, tally.too_many, tally.evicted), (2, 2, 1));
}

#[test]
fn series_that_are_not_wanted_go() {
    let store = Store::new(Limits::default());
    store.record("old", 100, 1.0).unwrap();
    store.record("new", 900, 1.0).unwrap();
    store.retain(1000, |key, idle| *key == "old" && idle > 5000 || idle < 200);
    assert_eq!(store.keys(), ["new"]);
}

#[test]
fn a_series_comes_back_from_its_bytes() {
    let (store, other) = (Store::new(Limits::default()), Store::new(Limits::default()));
    for second in 0..100_000_u64 {
        let value = match second {
            ..40_000 => 4.0,
            40_000..60_000 => 0.1,
            _ => (second % 977) as f64,
        };
        store.record("web", second, value).unwrap();
    }
    let bytes = store.export(&"web").unwrap();
    assert!(bytes.len() < 400_000, "{}", bytes.len());
    other.import("web", &bytes).unwrap();
    for period in [60, 300, 3600] {
        for statistic in ALL {
            let points = |store: &Store<_>| store.points(&"web", statistic, period, 20, 100_020);
            assert_eq!(points(&store), points(&other), "{statistic:?} of {period} s");
        }
    }
    assert_eq!(other.points(&"web", Statistic::Sum, 10, 1, 99_990), [None]);
    // It goes on where it was.
    other.record("web", 100_000, 7.0).unwrap();
    assert_eq!(other.points(&"web", Statistic::Sum, 1, 1, 100_001), [Some(7.0)]);
    assert_eq!(store.export(&"other"), None);
}

#[test]
fn bytes_that_are_no_series_are_refused_and_change_nothing() {
    let store = Store::new(Limits::default());
    store.record("web", 60, 1.0).unwrap();
    store.record("web", 61, 2.0).unwrap();
    let good = store.export(&"web").unwrap();
    for length in 0..good.len() {
        assert_eq!(store.import("web", &good[..length]), Err(ImportError::Malformed), "{length} bytes");
    }
    let long = [&good[..], &[0]].concat();
    assert_eq!(store.import("web", &long), Err(ImportError::Malformed));
    assert_eq!(store.points(&"web", Statistic::Sum, 60, 1, 120), [Some(3.0)]);
}

#[test]
fn percentiles_of_many_samples_are_near_those_that_there_are() {
    let store = Store::new(Limits::default());
    let mut model = Model::default();
    // Latencies as they are: most are short, few are very long.
    for number in 0..60_000_u64 {
        let share = (number.wrapping_mul(2_654_435_761) % 60_000) as f64 / 60_000.0;
        let value = 3.0 * (-(1.0 - share).max(1e-6).ln()).exp();
        store.record((), number / 1000, value).unwrap();
        model.0.push((number / 1000, value));
    }
    for statistic in ALL {
        same(statistic, &store.points(&(), statistic, 60, 1, 60), &model.points(statistic, 60, 1, 60), "latencies");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_an_import_panic(bytes in vec(any::<u8>(), 0..200), cut in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let store = Store::new(Limits::default());
        let _ = store.import((), &bytes);
        (0..400).for_each(|second| store.record((), second, (second % 7) as f64).unwrap_or_default());
        let mut damaged = store.export(&()).unwrap_or_default();
        if !damaged.is_empty() {
            let place = cut.index(damaged.len());
            damaged[place] = byte;
            let _ = store.import((), &damaged);
        }
        let _ = store.record((), 500, 1.0);
        let _ = store.points(&(), Statistic::P50, 60, 10, 600);
    }

    #[test]
    fn a_histogram_counts_as_its_samples_within_the_width_of_a_bucket(values in vec(0.0..12.0_f64, 2..200)) {
        let bounds = crate::LATENCY_BUCKETS;
        let mut counts = vec![0_u64; bounds.len() + 1];
        for value in &values {
            counts[bounds.iter().position(|bound| value <= bound).unwrap_or(bounds.len())] += 1;
        }
        let (store, model) = (Store::new(Limits::default()), Model(values.iter().map(|value| (0, *value)).collect()));
        let many = Distribution::of_buckets(bounds, &counts, values.iter().sum(), 1.0);
        store.record_many((), 0, &many).unwrap();
        for statistic in ALL {
            let said = store.points(&(), statistic, 60, 1, 60)[0].unwrap();
            let wanted = model.points(statistic, 60, 1, 60)[0].unwrap();
            match statistic {
                Statistic::Average | Statistic::Sum | Statistic::SampleCount => {
                    prop_assert!((said - wanted).abs() <= wanted.abs() * 1e-9, "{statistic:?}: {said}, {wanted}");
                }
                _ => {
                    let bucket = bounds.iter().position(|bound| wanted <= *bound).unwrap_or(bounds.len());
                    let lower = if bucket == 0 { 0.0 } else { bounds[bucket - 1] };
                    let upper = bounds.get(bucket).copied().unwrap_or(12.0);
                    prop_assert!(said >= lower * 0.98 && said <= upper * 1.02, "{statistic:?}: {said}, {wanted}");
                }
            }
        }
    }
}
