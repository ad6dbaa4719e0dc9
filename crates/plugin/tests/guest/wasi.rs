//! What standard libraries import from WASI: it loads, answers as an empty world, and what is denied traps by name.

use equipoise_plugin::{Capability, Failure, World};

use crate::support::{CLIENT, Guest, host, importing_router, load_error, request, spec, text_at};

/// A router that runs `body`, which may call `function` of WASI.
fn router(package: &str, interface: &str, function: &str, kind: &str, signature: &str, body: &str) -> Vec<u8> {
    let (name, version) = package.split_once('@').unwrap();
    let guest = Guest::body(body).import(&format!("{name}/{interface}@{version}"), function, signature);
    let text = format!("package {package}; interface {interface} {{ {function}: {kind}; }}");
    importing_router(&guest.text(World::Router), &[&text], &[&format!("{name}/{interface}@{version}")])
}

fn calls(component: Vec<u8>, grants: &[Capability]) -> Option<Failure> {
    let mut spec = spec(World::Router, component);
    spec.grants = grants.to_vec();
    let plugin = host().load(spec).unwrap();
    plugin.router().unwrap().route(&mut request("/", &[]), CLIENT);
    plugin.stats().last_failure
}

#[track_caller]
fn traps(component: Vec<u8>, words: &[&str]) {
    match calls(component, &[]) {
        Some(Failure::Trap { message }) => {
            for word in words {
                assert!(message.contains(word), "{message}");
            }
        }
        other => panic!("{other:?}"),
    }
}

const STRINGS: &str = "func() -> list<string>";

fn arguments(version: &str) -> Vec<u8> {
    let body = "(call $get_arguments (i32.const 512)) (if (i32.load (i32.const 516)) (then unreachable))";
    router(&format!("wasi:cli@{version}"), "environment", "get-arguments", STRINGS, "(param i32)", body)
}

#[test]
fn the_environment_is_empty() {
    assert_eq!(calls(arguments("0.2.6"), &[]), None);
}

#[test]
fn any_patch_version_is_offered_and_other_versions_are_not() {
    for version in ["0.2.0", "0.2.3", "0.2.12"] {
        assert_eq!(calls(arguments(version), &[]), None);
    }
    let error = load_error(spec(World::Router, arguments("0.3.0")));
    assert!(error.contains("`wasi:cli/environment@0.3.0`, which this program does not offer"), "{error}");
}

#[test]
fn time_needs_its_grant() {
    let (kind, signature) = ("func() -> u64", "(result i64)");
    let component = router("wasi:clocks@0.2.0", "monotonic-clock", "now", kind, signature, "(drop (call $now))");
    assert_eq!(calls(component.clone(), &[Capability::Clock]), None);
    traps(component, &["wasi:clocks/monotonic-clock#now", "does not grant `clock`"]);
}

#[test]
fn secure_randomness_needs_its_grant_and_seeds_of_hash_maps_do_not() {
    let (kind, body) = ("func() -> u64", "(drop (call $get_random_u64))");
    let component = router("wasi:random@0.2.0", "random", "get-random-u64", kind, "(result i64)", body);
    assert_eq!(calls(component.clone(), &[Capability::Random]), None);
    traps(component, &["does not grant `random`"]);
    let (kind, body) = (
        "func() -> tuple<u64, u64>",
        "(call $insecure_seed (i32.const 512)) (if (i64.eqz (i64.load (i32.const 512))) (then unreachable))",
    );
    let component = router("wasi:random@0.2.0", "insecure-seed", "insecure-seed", kind, "(param i32)", body);
    assert_eq!(calls(component, &[]), None);
}

#[test]
fn random_bytes_are_bounded() {
    let kind = "func(len: u64) -> list<u8>";
    let bytes = |count: &str| {
        let body = format!("(call $get_insecure_random_bytes (i64.const {count}) (i32.const 512))");
        router("wasi:random@0.2.0", "insecure", "get-insecure-random-bytes", kind, "(param i64 i32)", &body)
    };
    assert_eq!(calls(bytes("100"), &[]), None);
    traps(bytes("0xffffffffff"), &["for more than 65536 bytes"]);
}

#[test]
fn whatever_is_not_there_traps_by_name() {
    let exit =
        router("wasi:cli@0.2.0", "exit", "exit", "func(status: result)", "(param i32)", "(call $exit (i32.const 1))");
    traps(exit, &["it exited"]);
    let dial =
        router("wasi:sockets@0.2.0", "made-up", "dial", "func(n: u32)", "(param i32)", "(call $dial (i32.const 1))");
    traps(dial, &["wasi:sockets/made-up#dial", "plugins do not have"]);
}

/// Opens standard error, writes `help` to it, and traps if the writing failed, or if `traps`.
fn crying(traps: bool) -> Vec<u8> {
    const STREAMS: &str = "package wasi:io@0.2.6; interface streams {
        resource error;
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }";
    const STDERR: &str = "package wasi:cli@0.2.6; interface stderr {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stderr: func() -> output-stream;
    }";
    let body = text_at(600, "help")
        + "(local.set $stream (call $get_stderr))
           (call $write (local.get $stream) (i32.const 600) (i32.const 4) (i32.const 512))
           (if (i32.load8_u (i32.const 512)) (then unreachable))
           (call $drop (local.get $stream))"
        + if traps { "unreachable" } else { "" };
    let body = format!("(local $stream i32) {body}");
    let streams = "wasi:io/streams@0.2.6";
    let mut guest = Guest::body(&body).import("wasi:cli/stderr@0.2.6", "get-stderr", "(result i32)");
    for (name, function, signature) in [
        ("write", "[method]output-stream.blocking-write-and-flush", "(param i32 i32 i32 i32)"),
        ("drop", "[resource-drop]output-stream", "(param i32)"),
    ] {
        guest.imports.push_str(&format!("(import \"{streams}\" \"{function}\" (func ${name} {signature}))\n"));
    }
    importing_router(&guest.text(World::Router), &[STREAMS, STDERR], &[streams, "wasi:cli/stderr@0.2.6"])
}

#[test]
fn standard_error_explains_a_trap() {
    assert_eq!(calls(crying(false), &[Capability::Log]), None);
    traps(crying(true), &["unreachable", "it wrote: help"]);
}
