#![no_main]

#[path = "../../crates/config/tests/it/survives.rs"]
mod survives;

libfuzzer_sys::fuzz_target!(|data: &[u8]| survives::survives(&String::from_utf8_lossy(data)));
