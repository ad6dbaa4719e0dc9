//! Checks for any bytes whatsoever, run by the fuzzer (`fuzz/`) and, on its stored inputs, by `cargo test`. Each is a
//! function that panics when a promise does not hold. No part of the interface.

mod announced;
mod hyper_side;
mod way;
mod wire;

pub use announced::announced;
pub use way::way;
pub use wire::wire;

#[cfg(test)]
mod tests;
