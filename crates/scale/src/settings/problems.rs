//! What a scaling group's settings may not be.

use crate::{Problem, ScalingGroup};

impl ScalingGroup {
    /// What is wrong with these settings, its launch template and its policies included; empty when nothing is. Whether
    /// what they name exists is for the caller to see.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.min > self.max {
            let message = format!("a minimum of {} exceeds the maximum of {}", self.min, self.max);
            problems.push(Problem::new("min", message, "lower `min` or raise `max`"));
        }
        problems
            .extend(self.launch_template.problems().into_iter().map(|problem| problem.within(&["launch-template"])));
        for (name, policy) in &self.policy {
            let of_policy = policy.problems().into_iter().map(|problem| problem.within(&["policy", name.as_str()]));
            problems.extend(of_policy);
        }
        problems
    }
}
