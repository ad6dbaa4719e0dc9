//! Prints what series cost: time for a sample and for a question, memory after an hour, a day and two weeks.
//!
//! `cargo run --profile dist -p equipoise-metrics --example series_cost`

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::time::Instant;

use allocation_counter::measure;
use equipoise_metrics::LATENCY_BUCKETS;
use equipoise_metrics::series::{Distribution, Limits, Refused, Statistic, Store};

const HOUR: u64 = 3600;

/// Instances of which one group is measured.
const INSTANCES: u64 = 100;

fn main() -> Result<(), Refused> {
    samples()?;
    questions()?;
    println!("{:34} {:>9} {:>9} {:>9} {:>9}", "bytes of one series after", "a minute", "an hour", "a day", "14 days");
    memory("a number that stays as it is", |_, _| 4.0, 1)?;
    memory("processor time of an instance", |second, _| wave(second, 0), 1)?;
    memory("processor time of 10 instances", wave, 10)?;
    latencies()
}

/// Something like the load of a day: a slow wave with noise on it, different for each instance.
fn wave(second: u64, instance: u64) -> f64 {
    let noise = (second * 7919 + instance).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let day = (second as f64 / 86_400.0 * std::f64::consts::TAU).sin();
    35.0 + 20.0 * day + noise as f64 / f64::from(1 << 24) * 20.0
}

/// The samples of an hour, of a group and each of its instances.
fn samples() -> Result<(), Refused> {
    let store = Store::new(Limits::default());
    let began = Instant::now();
    for second in 0..HOUR {
        for instance in 0..INSTANCES {
            let value = wave(second, instance);
            store.record(instance, second, value)?;
            store.record(u64::MAX, second, value)?; // the group's
        }
    }
    let (samples, took) = (HOUR * INSTANCES * 2, began.elapsed());
    println!("{samples} samples, half of them into one series: {:?} each", took / u32::try_from(samples).unwrap_or(1));
    Ok(())
}

fn questions() -> Result<(), Refused> {
    let store = Store::new(Limits::default());
    for second in 0..25 * HOUR {
        for instance in 0..4 {
            store.record((), second, wave(second, instance))?;
        }
    }
    let now = 25 * HOUR;
    for (name, statistic, period, count) in [
        ("the average of 2 minutes", Statistic::Average, 60, 2),
        ("the average of 15 minutes", Statistic::Average, 60, 15),
        ("p99 of 15 minutes", Statistic::P99, 60, 15),
        ("the average of each of 10 seconds", Statistic::Average, 1, 10),
        ("p99 of each minute of a day", Statistic::P99, 60, 1440),
        ("the average of a day", Statistic::Average, 86_400, 1),
    ] {
        let began = Instant::now();
        let times = 1000;
        let answers: usize = (0..times).map(|_| store.points(&(), statistic, period, count, now).len()).sum();
        println!("{name}: {:?}", began.elapsed() / times);
        assert_eq!(answers, count * times as usize);
    }
    Ok(())
}

fn memory(name: &str, value: impl Fn(u64, u64) -> f64, instances: u64) -> Result<(), Refused> {
    row(name, |store, second| (0..instances).try_for_each(|instance| store.record((), second, value(second, instance))))
}

/// A hundred requests a second, from a few milliseconds to a second.
fn latencies() -> Result<(), Refused> {
    let mut counts = [0; LATENCY_BUCKETS.len() + 1];
    counts[3..12].copy_from_slice(&[20, 40, 20, 10, 4, 3, 1, 1, 1]);
    let many = Distribution::of_buckets(LATENCY_BUCKETS, &counts, 1.5, 1000.0);
    row("latencies, 100 requests a second", |store, second| store.record_many((), second, &many))
}

/// What the allocator holds for a series, and what the store says that it does.
fn row(name: &str, record: impl Fn(&Store<()>, u64) -> Result<(), Refused>) -> Result<(), Refused> {
    let (mut held, mut said) = (Vec::new(), Vec::new());
    let mut outcome = Ok(());
    let mut store = None;
    let mut before = 0;
    let mut total = 0;
    for end in [60, HOUR, 24 * HOUR, 14 * 24 * HOUR] {
        let allocated = measure(|| {
            let store = store.get_or_insert_with(|| Store::new(Limits::default()));
            outcome = outcome.and((before..end).try_for_each(|second| record(store, second)));
        });
        total += allocated.bytes_current;
        before = end;
        held.push(total);
        said.push(store.as_ref().map_or(0, |store| store.tally().bytes));
    }
    println!("{name:34} {}", held.iter().map(|bytes| format!("{bytes:>9}")).collect::<Vec<_>>().join(" "));
    println!(
        "{:34} {}",
        "  as the store counts it",
        said.iter().map(|bytes| format!("{bytes:>9}")).collect::<Vec<_>>().join(" ")
    );
    outcome
}
