//! Harness of the end-to-end tests: the built program in a folder of its own, targets that answer as told, a load that
//! counts every failure, and plain requests.
//!
//! Nothing here sleeps to synchronise: [`eventually`] asks until the answer is right or the time is up.

mod client;
mod guest;
mod load;
mod metric;
mod program;
mod stall;
mod target;
mod wait;

pub use client::{Answer, call, get, request, send_raw};
pub use guest::{component, fixture, fixture_text, prebuilt, wasm};
pub use load::{Load, Tally};
pub use metric::{families, metric};
pub use program::{Program, SampleService, binary, equipoise};
pub use stall::Stalls;
pub use target::{Script, TestTarget};
pub use wait::{eventually, free_port, free_ports};
