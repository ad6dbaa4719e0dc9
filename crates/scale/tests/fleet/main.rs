//! Stories of scaling groups, told through the crate's door: what the fleet asks for, and what it makes of what happens.

#![allow(clippy::unwrap_used, reason = "a story that cannot be told has failed")]

mod adoption;
mod capacity;
mod failures;
mod life;
mod policies;
mod pool;
mod refresh;
mod shell;
mod simulation;
