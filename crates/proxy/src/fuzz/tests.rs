#![allow(clippy::print_stderr, reason = "what a test fails on has to be seen")]

use std::path::Path;

use super::*;

/// How many times as many neighbours to try, and where to begin: for a longer search without a fuzzer.
fn effort() -> (usize, u64) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    (number("EQUIPOISE_FUZZ_TIMES").unwrap_or(1) as usize, number("EQUIPOISE_FUZZ_SEED").unwrap_or(7))
}

/// Runs the check on every stored input and on neighbours of it.
#[track_caller]
fn on_stored(name: &str, neighbours: usize, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let (times, seed) = effort();
    let mut random = fastrand::Rng::with_seed(seed);
    for input in &inputs {
        named(check, input);
        for _ in 0..neighbours * times {
            let mut other = input.clone();
            for _ in 0..random.usize(1..4) {
                change(&mut other, &inputs, &mut random);
            }
            named(check, &other);
        }
    }
}

/// Runs the check, and says what it was run on if it fails.
fn named(check: fn(&[u8]), input: &[u8]) {
    if let Err(failure) = std::panic::catch_unwind(|| check(input)) {
        eprintln!("on b\"{}\"", input.escape_ascii());
        std::panic::resume_unwind(failure);
    }
}

/// Changes something, as a fuzzer does.
fn change(bytes: &mut Vec<u8>, inputs: &[Vec<u8>], random: &mut fastrand::Rng) {
    let at = random.usize(0..=bytes.len());
    match random.u8(0..5) {
        0 => bytes.insert(at, random.choice(*b"\r\n\0 \t:;,0a/.%").unwrap_or(0)),
        1 => drop(bytes.drain(at..(at + random.usize(1..4)).min(bytes.len()).max(at))),
        2 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
        3 => {
            let end = (at + random.usize(0..40)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let other = &inputs[random.usize(0..inputs.len())];
            let from = random.usize(0..=other.len());
            bytes.extend_from_slice(&other[from..(from + 60).min(other.len())]);
        }
    }
}

#[test]
fn hyper_frames_what_passes_as_the_scanner_does() {
    on_stored("wire", 60, wire);
}

#[test]
fn what_a_proxy_announces_is_clear_in_bounded_time() {
    on_stored("announced", 100, announced);
}

#[test]
fn what_a_target_gets_is_one_request_whatever_came_in() {
    on_stored("way", 60, way);
}
