//! What an alarm's settings may not be.

use crate::{Alarm, Problem};

impl Alarm {
    /// What is wrong with these settings; empty when nothing is. Whether the groups exist is for the caller to see.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
