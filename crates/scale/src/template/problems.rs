//! What a launch template's settings may not be.

use crate::{LaunchTemplate, Problem};

impl LaunchTemplate {
    /// What is wrong with these settings; empty when nothing is. Paths begin with the kind, such as `process`.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
