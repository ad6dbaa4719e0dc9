//! No bytes make the host panic.

use equipoise_plugin::{PluginHost, World, inspect};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{CLIENT, Guest, host, request, spec};

/// Loads what may or may not be a component, and calls it if it is.
fn load_and_call(host: &PluginHost, bytes: Vec<u8>) {
    let inspected = inspect(&bytes);
    let mut spec = spec(World::Router, bytes);
    spec.limits.time = std::time::Duration::from_millis(5);
    let loaded = host.load(spec);
    assert!(inspected.is_ok() || loaded.is_err());
    if let Ok(plugin) = loaded {
        let mut head = request("/", &[]);
        plugin.router().unwrap().route(&mut head, CLIENT);
    }
}

#[test]
fn cut_and_flipped_components_are_refused_or_contained() {
    cut_and_flip(&Guest::default().build(World::Router), 200);
}

#[test]
fn so_are_those_of_a_real_compiler() {
    cut_and_flip(include_bytes!("../../../../plugins/prebuilt/geo-router-c.wasm"), 60);
}

fn cut_and_flip(good: &[u8], cases: u32) {
    let host = host();
    let flips = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
    let input = (flips, proptest::option::of(any::<Index>()));
    let outcome = runner.run(&input, |(flips, cut)| {
        let mut bytes = good.to_vec();
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        load_and_call(&host, bytes);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn noise_behind_a_good_beginning_is_refused() {
    let host = host();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
    let noise = proptest::collection::vec(any::<u8>(), 0..200);
    let outcome = runner.run(&noise, |noise| {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend(noise);
        load_and_call(&host, bytes);
        Ok(())
    });
    outcome.unwrap();
}
