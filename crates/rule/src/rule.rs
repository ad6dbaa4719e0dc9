//! A rule as a user writes it, and what can be wrong between rules.

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::condition::When;

/// One rule of a listener: when its conditions hold, its action follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// Place among the listener's rules: lower numbers are tried first. No two rules share one.
    pub priority: u32,
    /// Conditions, all of which must hold. Default: none, so that the rule applies to every request.
    #[serde(default, skip_serializing_if = "When::always_holds")]
    pub when: When,
    /// What is done then.
    pub then: Action,
}

/// Something wrong between the rules of one listener. Positions are those in the list of rules as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Two rules have one priority, so their order is not defined.
    #[error("priority {priority} is taken twice")]
    DuplicatePriority {
        /// The shared priority.
        priority: u32,
        /// Position of the rule that has it first.
        first: usize,
        /// Position of the rule that repeats it.
        second: usize,
    },
    /// The default action leaves requests without an end.
    #[error("the default action needs an end: one of `forward`, `redirect` and `respond`")]
    DefaultWithoutEnd,
    /// A rule does nothing.
    #[error("the rule with priority {priority} does nothing")]
    Idle {
        /// Its priority.
        priority: u32,
        /// Its position.
        position: usize,
    },
    /// No request gets as far as this rule.
    #[error(
        "the rule with priority {priority} is never reached: the one with priority {by_priority} takes every request"
    )]
    Unreachable {
        /// Its priority.
        priority: u32,
        /// Its position.
        position: usize,
        /// Priority of the rule that takes every request.
        by_priority: u32,
        /// Position of that rule.
        by: usize,
    },
}

impl Problem {
    /// Whether rules with this problem are refused; otherwise it is worth a warning.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::DuplicatePriority { .. } | Self::DefaultWithoutEnd)
    }
}

/// Everything that is wrong between the rules of one listener and its default action, in the order of the rules.
#[must_use]
pub fn problems(rules: &[Rule], default: &Action) -> Vec<Problem> {
    let mut found = Vec::new();
    if default.end.is_none() {
        found.push(Problem::DefaultWithoutEnd);
    }
    let mut order: Vec<usize> = (0..rules.len()).collect();
    // Stable: of two rules with one priority the one written first comes first.
    order.sort_by_key(|position| rules[*position].priority);
    for twins in order.chunk_by(|one, other| rules[*one].priority == rules[*other].priority) {
        let (first, priority) = (twins[0], rules[twins[0]].priority);
        found.extend(twins[1..].iter().map(|&second| Problem::DuplicatePriority { priority, first, second }));
    }
    for (position, rule) in rules.iter().enumerate() {
        if rule.then.is_idle() {
            found.push(Problem::Idle { priority: rule.priority, position });
        }
    }
    let takes_all = |position: &usize| rules[*position].when.always_holds() && rules[*position].then.end.is_some();
    if let Some(at) = order.iter().position(takes_all) {
        let by = order[at];
        let by_priority = rules[by].priority;
        let unreachable = order[at + 1..].iter().filter(|position| rules[**position].priority > by_priority);
        found.extend(unreachable.map(|&position| {
            let priority = rules[position].priority;
            Problem::Unreachable { priority, position, by_priority, by }
        }));
    }
    found
}

#[cfg(test)]
mod tests;
