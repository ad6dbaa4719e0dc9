//! Guests of every temper, loaded and called through the public interface.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod balancer;
mod bytes;
mod capabilities;
mod health_check;
mod hostile;
mod life;
mod load;
mod prebuilt;
mod router;
mod support;
mod wasi;
