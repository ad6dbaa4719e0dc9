//! Scaling groups at work.

#[allow(dead_code, reason = "whoever carries out what the fleet wants calls it, and comes next")]
mod sample;
