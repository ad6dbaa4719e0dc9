//! Recording happens several times for each request: it must not allocate.

use std::time::Duration;

use equipoise_metrics::series::{Limits, Store};
use equipoise_metrics::{LATENCY_BUCKETS, Registry};

#[test]
fn recording_does_not_allocate() {
    let registry = Registry::new();
    let counter = registry.counter("requests", "", &[("listener", "web")]);
    let gauge = registry.gauge("open", "", &[]);
    let histogram = registry.histogram("latency", "", LATENCY_BUCKETS, &[]);
    let counted = allocation_counter::measure(|| {
        for millis in 0..100 {
            counter.increment();
            gauge.increment();
            histogram.observe(Duration::from_millis(millis));
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Bytes that a series takes after a sample at each of these seconds.
fn memory(seconds: impl Iterator<Item = u64>, value: impl Fn(u64) -> f64) -> u64 {
    let mut store = None;
    let held = allocation_counter::measure(|| {
        let store = store.get_or_insert_with(|| Store::new(Limits::default()));
        seconds.for_each(|second| store.record((), second, value(second)).expect("in order"));
    });
    held.bytes_current.try_into().expect("nothing was given back that was not taken")
}

/// A series grows with what it holds: docs/metrics.md says how much that is.
#[test]
fn a_series_takes_memory_for_what_it_holds_and_no_more() {
    let uneven = |second| (second * 7919 % 41) as f64 + 20.0;
    let day = 24 * 3600;
    assert!(memory(0..60, uneven) < 4_000);
    assert!(memory(0..3600, uneven) < 32_000);
    assert!(memory((0..14 * day).step_by(60), |_| 4.0) < 120_000);
    assert!(memory((0..14 * day).step_by(10), uneven) < 700_000);
    assert!(memory((0..50 * day).step_by(60), uneven) < 1_000_000);
}

#[test]
fn adding_to_the_step_that_is_open_does_not_allocate() {
    let store = Store::new(Limits::default());
    let values = || (0..40).map(|number| f64::from(number) + 1.0);
    values().for_each(|value| store.record((), 60, value).expect("room"));
    let counted = allocation_counter::measure(|| {
        values().for_each(|value| store.record((), 60, value).expect("room"));
    });
    assert_eq!(counted.count_total, 0);
}
