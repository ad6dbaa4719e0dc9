#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| equipoise_proxy::fuzz::way(data));
