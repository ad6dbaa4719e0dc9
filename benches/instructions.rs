//! Counts the instructions of what every request goes through: `cargo xtask instructions`.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "gungraun's macros make the program")]

use std::hint::black_box;

use equipoise_benches::{CLIENT, Group, Policy, plugin, request, response, rules};
use equipoise_plugin::Plugin;
use equipoise_rule::RuleSet;
use gungraun::Callgrind;
use gungraun::prelude::*;
use http::request::Parts;
use std::sync::Arc;

/// Calls for each count, so that what happens once does not show.
const CALLS: usize = 100;

fn routing(number: usize, path: &str) -> (RuleSet, Vec<Parts>) {
    let rules = rules(number);
    drop(rules.route(&mut request(path), CLIENT, 0));
    (rules, vec![request(path); CALLS])
}

#[library_benchmark]
#[bench::of_two(routing(2, "/x"))]
#[bench::of_ten(routing(10, "/8/x"))]
#[bench::of_a_thousand(routing(1_000, "/500/x"))]
#[bench::none_of_a_thousand(routing(1_000, "/x"))]
fn route((rules, mut heads): (RuleSet, Vec<Parts>)) -> (RuleSet, Vec<Parts>) {
    for head in &mut heads {
        black_box(rules.route(head, CLIENT, 7));
    }
    (rules, heads)
}

fn balancing(balance: &str, targets: u16) -> (Group, Vec<Parts>) {
    let group = Group::new(balance, targets);
    let mut heads = vec![request("/x"); CALLS];
    group.pick(&mut heads[0]);
    (group, heads)
}

const HASH: &str = r#"{ consistent-hash = { key = { cookie = "session" } } }"#;
const BOUNDED: &str = r#"{ consistent-hash = { key = { cookie = "session" }, bounded-load = 1.25 } }"#;

#[library_benchmark]
#[bench::round_robin(balancing("{ round-robin = {} }", 20))]
#[bench::least_connections(balancing("{ least-connections = {} }", 20))]
#[bench::least_connections_of_a_thousand(balancing("{ least-connections = {} }", 1_000))]
#[bench::maglev(balancing(HASH, 20))]
#[bench::bounded_load(balancing(BOUNDED, 20))]
#[bench::bounded_load_of_a_thousand(balancing(BOUNDED, 1_000))]
fn pick((group, mut heads): (Group, Vec<Parts>)) -> (Group, Vec<Parts>) {
    for head in &mut heads {
        black_box(group.pick(head));
    }
    (group, heads)
}

#[library_benchmark]
#[bench::of_a_browser(vec![request("/x"); CALLS])]
fn request_policy(mut heads: Vec<Parts>) -> Vec<Parts> {
    let policy = Policy::default();
    for head in &mut heads {
        assert!(policy.request(black_box(head)));
    }
    heads
}

#[library_benchmark]
#[bench::of_an_api(vec![response(); CALLS])]
fn response_policy(mut heads: Vec<http::response::Parts>) -> Vec<http::response::Parts> {
    for head in &mut heads {
        assert!(equipoise_proxy::bench::response(black_box(head)));
    }
    heads
}

fn calls() -> (Arc<Plugin>, Vec<Parts>) {
    (plugin(), vec![request("/x"); CALLS])
}

#[library_benchmark]
#[bench::warm(calls())]
fn plugin_call((plugin, mut heads): (Arc<Plugin>, Vec<Parts>)) -> (Arc<Plugin>, Vec<Parts>) {
    let router = plugin.router().expect("a router");
    for head in &mut heads {
        black_box(router.route(head, CLIENT));
    }
    (plugin, heads)
}

library_benchmark_group!(
    name = every_request,
    benchmarks = [route, pick, request_policy, response_policy, plugin_call]
);

main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]))
        // The same instructions on every processor, as far as the C library can be told.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS"),
    library_benchmark_groups = every_request
);
