//! The target whose answers come soonest, counting those that wait: moving average of the latency, times the requests
//! in flight plus one, over the weight (the "peak EWMA" idea of Finagle, in its plainest form).

use std::cell::Cell;

use serde::Deserialize;

wit_bindgen::generate!({ path: "../../wit", world: "balancer" });

use equipoise::plugin::targets;
use exports::equipoise::plugin::balancing::{Guest as Balancing, Target};
use exports::equipoise::plugin::configuration::Guest as Configuration;

/// `config = { … }` of the plugin, all of it optional.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Config {
    /// What a target that has not answered yet is taken to need, in milliseconds. Low: it gets a chance at once.
    first_guess_ms: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { first_guess_ms: 1.0 }
    }
}

thread_local! {
    static FIRST_GUESS: Cell<f64> = const { Cell::new(1.0e6) };
    static COUNT: Cell<u32> = const { Cell::new(0) };
    /// Where the search starts, so that equals share.
    static START: Cell<u32> = const { Cell::new(0) };
}

struct LeastLatency;
export!(LeastLatency);

impl Configuration for LeastLatency {
    fn configure(config: String) -> Result<(), String> {
        let config: Config = serde_json::from_str(&config).map_err(|error| error.to_string())?;
        if !(config.first_guess_ms > 0.0) {
            return Err("`first-guess-ms` must be above 0".into());
        }
        FIRST_GUESS.set(config.first_guess_ms * 1.0e6);
        Ok(())
    }
}

impl Balancing for LeastLatency {
    fn targets_changed(targets: Vec<Target>) {
        COUNT.set(targets.len() as u32);
    }

    fn pick() -> Option<u32> {
        let (count, start) = (COUNT.get(), START.get());
        START.set(start.wrapping_add(1));
        let order = (0..count).map(|n| (start.wrapping_add(n)) % count);
        order.filter(|&index| !targets::tried(index)).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))
    }
}

/// How long a request sent there now is likely to take, in nanoseconds for each unit of weight.
fn cost(index: u32) -> f64 {
    let latency = targets::latency(index).map_or(FIRST_GUESS.get(), |latency| latency as f64);
    let waiting = f64::from(targets::in_flight(index)) + 1.0;
    latency * waiting / f64::from(targets::weight(index).max(1))
}
