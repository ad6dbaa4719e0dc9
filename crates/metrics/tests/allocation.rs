//! Recording happens several times for each request: it must not allocate.

use std::time::Duration;

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
