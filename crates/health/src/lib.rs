//! Is a target healthy?

mod probe;

pub use probe::{Outcome, Probe, ProbeFuture, ProbeSource};
