//! `equipoise:plugin/random`: randomness.

use wasmtime::{Result, bail};

use crate::bindings::router::equipoise::plugin::random;
use crate::state::State;

/// A number from a fast generator that each thread seeds for itself; not for secrets.
pub(crate) fn number() -> u64 {
    fastrand::u64(..)
}

/// Random bytes; from the operating system when they must be fit for secrets.
pub(crate) fn bytes(count: usize, secure: bool) -> Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    if !secure {
        fastrand::fill(&mut bytes);
    } else if let Err(error) = getrandom::fill(&mut bytes) {
        bail!("the operating system gave no random bytes: {error}");
    }
    Ok(bytes)
}

impl random::Host for State {
    fn number(&mut self) -> u64 {
        number()
    }
}
