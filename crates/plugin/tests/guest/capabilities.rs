//! What a grant gives.

use std::io;
use std::sync::{Arc, Mutex};

use equipoise_plugin::{Capability, PluginSpec, World};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Guest, host, route, spec, text_at};

const LOG: &str = "equipoise:plugin/log@0.1.0";
const CLOCK: &str = "equipoise:plugin/clock@0.1.0";
const RANDOM: &str = "equipoise:plugin/random@0.1.0";

fn granted(guest: Guest, grant: Capability) -> PluginSpec {
    let mut spec = spec(World::Router, guest.build(World::Router));
    spec.grants = vec![grant];
    spec
}

#[track_caller]
fn succeeds(guest: Guest, grant: Capability) {
    let plugin = host().load(granted(guest, grant)).unwrap();
    route(&plugin);
    assert_eq!(plugin.stats().last_failure, None);
}

#[test]
fn the_clock_never_goes_back_and_knows_the_year() {
    let guest = Guest::body("(if (i64.gt_u (call $monotonic) (call $monotonic)) (then unreachable))");
    succeeds(guest.import(CLOCK, "monotonic", "(result i64)"), Capability::Clock);
    // Nanoseconds at the beginning of 2020.
    let guest = Guest::body("(if (i64.lt_u (call $wall) (i64.const 1577836800000000000)) (then unreachable))");
    succeeds(guest.import(CLOCK, "wall", "(result i64)"), Capability::Clock);
}

#[test]
fn random_numbers_differ() {
    let guest = Guest::body("(if (i64.eq (call $number) (call $number)) (then unreachable))");
    succeeds(guest.import(RANDOM, "number", "(result i64)"), Capability::Random);
}

/// What was logged while this lives on the thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_line_says_who_wrote_it_and_cannot_forge_another() {
    let body = text_at(600, "one\ntwo") + "(call $write (i32.const 3) (i32.const 600) (i32.const 7))";
    let guest = Guest::body(&body).import(LOG, "write", "(param i32 i32 i32)");
    let plugin = host().load(granted(guest, Capability::Log)).unwrap();
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..50 {
            route(&plugin);
        }
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    // More only if this took longer than a second.
    assert!((20..50).contains(&text.lines().count()), "{text}");
    for line in text.lines() {
        assert!(
            line.contains(" WARN ") && line.contains("one two") && line.contains("plugin=\"under-test\""),
            "{line}"
        );
    }
}
