#![no_main]

#[path = "../../crates/stream/tests/any_hello.rs"]
mod any_hello;

libfuzzer_sys::fuzz_target!(|data: &[u8]| any_hello::any_hello(data));
