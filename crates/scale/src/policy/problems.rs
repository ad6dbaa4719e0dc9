//! What a policy's settings may not be.

use crate::{Policy, Problem};

impl Policy {
    /// What is wrong with these settings; empty when nothing is. Paths begin with the kind, such as `simple`. Whether the
    /// alarms exist is for the caller to see.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
