use std::sync::Weak;
use std::time::Duration;

use super::*;

const WEB: &[(&str, &str)] = &[("listener", "web")];

#[track_caller]
fn check(registry: &Registry, want: &[&str]) {
    assert_eq!(registry.encode().lines().collect::<Vec<_>>(), want);
}

#[test]
fn an_empty_registry_is_a_complete_text() {
    check(&Registry::new(), &["# EOF"]);
}

#[test]
fn families_come_in_order_with_help_and_type() {
    let registry = Registry::new();
    let _open = registry.gauge("open", "Open connections", &[]);
    let errors = registry.counter("errors", "Errors seen", &[("kind", "b")]);
    let _more = registry.counter("errors_total", "Errors seen", &[("kind", "a")]);
    errors.add(3);
    check(
        &registry,
        &[
            "# HELP errors Errors seen",
            "# TYPE errors counter",
            "errors_total{kind=\"a\"} 0",
            "errors_total{kind=\"b\"} 3",
            "# HELP open Open connections",
            "# TYPE open gauge",
            "open 0",
            "# EOF",
        ],
    );
}

#[test]
fn handles_with_the_same_labels_share_one_series() {
    let registry = Registry::new();
    let before = registry.counter("requests", "", &[("a", "1"), ("b", "2")]);
    let after = registry.clone().counter("requests_total", "", &[("b", "2"), ("a", "1")]);
    let other = registry.counter("requests", "", &[("a", "2"), ("b", "1")]);
    before.increment();
    drop(before);
    after.increment();
    assert_eq!((after.value(), other.value()), (2, 0));
}

#[test]
fn a_series_without_handles_vanishes_and_starts_again_at_zero() {
    let registry = Registry::new();
    let handle = registry.counter("requests", "", WEB);
    handle.add(5);
    assert!(registry.encode().contains("requests_total{listener=\"web\"} 5"));
    drop(handle);
    check(&registry, &["# EOF"]);
    assert_eq!(registry.counter("requests", "", WEB).value(), 0);
}

#[test]
fn dead_series_take_no_room_even_if_nobody_asks_for_the_text() {
    let registry = Registry::new();
    for number in 0..10_000 {
        let _gone = registry.counter("requests", "", &[("target", &number.to_string())]);
    }
    assert!(lock(&registry.shared.series).series.len() < 64);
}

#[test]
fn concurrent_increments_are_exact_while_somebody_reads() {
    let registry = Registry::with_shards(NonZeroUsize::new(4).unwrap());
    let latency = registry.histogram("latency", "", &[0.001], &[]);
    let requests = registry.counter("requests", "", WEB);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let own = registry.counter("requests", "", WEB);
            let latency = latency.clone();
            scope.spawn(move || {
                for _ in 0..5_000 {
                    own.increment();
                    latency.observe(Duration::from_micros(500));
                }
            });
        }
        scope.spawn(|| (0..20).for_each(|_| assert!(registry.encode().ends_with("# EOF\n"))));
    });
    assert_eq!(requests.value(), 30_000);
    let text = registry.encode();
    assert!(text.contains("latency_count 30000\n") && text.contains("latency_sum 15.0\n"), "{text}");
}

#[test]
fn histogram_buckets_are_cumulative_and_end_at_infinity() {
    let registry = Registry::new();
    let latency = registry.histogram("latency_seconds", "Time", &[0.1, 1.0], WEB);
    for millis in [50, 100, 700, 3000] {
        latency.observe(Duration::from_millis(millis));
    }
    check(
        &registry,
        &[
            "# HELP latency_seconds Time",
            "# TYPE latency_seconds histogram",
            "latency_seconds_sum{listener=\"web\"} 3.85",
            "latency_seconds_count{listener=\"web\"} 4",
            "latency_seconds_bucket{le=\"0.1\",listener=\"web\"} 2",
            "latency_seconds_bucket{le=\"1.0\",listener=\"web\"} 3",
            "latency_seconds_bucket{le=\"+Inf\",listener=\"web\"} 4",
            "# EOF",
        ],
    );
}

#[test]
fn label_values_cannot_break_out_of_their_quotes() {
    let registry = Registry::new();
    let _hostile = registry.counter("requests", "", &[("path", "\"} 1\nforged 1 \\")]);
    assert!(registry.encode().contains(r#"requests_total{path="\"} 1\nforged 1 \\"} 0"#));
}

#[test]
fn collected_values_join_the_families_of_handles() {
    let registry = Registry::new();
    let handle = registry.gauge("ready", "Ready targets", &[("group", "a")]);
    handle.set(-2);
    registry.collect(|sample| {
        sample.gauge("ready", "Ready targets", &[("group", "b")], 3);
        sample.counter("process_cpu_seconds_total", "Processor time", &[], 1.5);
    });
    registry.collect(|sample| sample.gauge("ready", "Ready targets", &[("group", "b")], 4));
    check(
        &registry,
        &[
            "# HELP process_cpu_seconds Processor time",
            "# TYPE process_cpu_seconds counter",
            "process_cpu_seconds_total 1.5",
            "# HELP ready Ready targets",
            "# TYPE ready gauge",
            "ready{group=\"a\"} -2",
            "ready{group=\"b\"} 4",
            "# EOF",
        ],
    );
}

#[test]
fn a_name_keeps_its_first_kind() {
    let registry = Registry::new();
    let _counter = registry.counter("things", "", &[("a", "1")]);
    let _gauge = registry.gauge("things", "", &[("a", "2")]);
    registry.collect(|sample| sample.gauge("things", "", &[("a", "3")], 1));
    assert_eq!(registry.encode().matches("things").count(), 3);
}

#[test]
fn a_collector_may_use_the_registry_and_hold_things_weakly() {
    let registry = Registry::new();
    let weak: Weak<Shared> = Arc::downgrade(&registry.shared);
    let again = registry.clone();
    let generation = Arc::new(7);
    let held = Arc::downgrade(&generation);
    registry.collect(move |sample| {
        again.counter("scrapes", "", &[]).increment();
        if let Some(generation) = held.upgrade() {
            sample.gauge("generation", "", &[], *generation);
        }
    });
    assert!(registry.encode().contains("generation 7"));
    drop(generation);
    assert!(!registry.encode().contains("generation 7"));
    assert!(weak.upgrade().is_some());
}

#[test]
fn the_living_series_of_a_family_can_be_read() {
    let registry = Registry::new();
    let web = registry.counter("requests_total", "", &[("group", "web")]);
    let _other = registry.counter("requests_of_another_family", "", &[("group", "web")]);
    let api = registry.counter("requests_total", "", &[("group", "api")]);
    drop(registry.counter("requests_total", "", &[("group", "gone")]));
    let _histogram = registry.histogram("requests", "", &[1.0], &[]);
    web.add(3);
    api.add(2);
    let mut read = Vec::new();
    registry.counters("requests_total", |labels, counter| read.push((labels[0].1.to_string(), counter.value())));
    assert_eq!(read, [("api".to_owned(), 2), ("web".to_owned(), 3)]);
}

#[test]
fn who_keeps_a_histogram_sees_its_counts_when_others_are_gone() {
    let registry = Registry::new();
    let web = registry.histogram("seconds", "", &[1.0], &[("group", "web")]);
    let mut kept = Vec::new();
    registry.histograms("seconds", |_, histogram| kept.push(histogram));
    web.observe(Duration::from_secs(2));
    drop(web);
    assert_eq!(kept[0].read(), (vec![0, 1], 2_000_000_000));
}
