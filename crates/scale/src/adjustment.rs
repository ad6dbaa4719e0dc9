//! How a policy changes a capacity.

use serde::{Deserialize, Serialize};

/// How the number of an adjustment is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AdjustmentKind {
    /// As instances more, or less when negative.
    ChangeInCapacity,
    /// As the number of instances.
    ExactCapacity,
    /// In percent of the instances, more or less.
    PercentChangeInCapacity,
}

/// A change of capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adjustment {
    /// How `by` is meant.
    pub kind: AdjustmentKind,
    /// The number.
    pub by: i32,
    /// For percentages: the fewest instances that a change is worth.
    pub at_least: u32,
}

impl Adjustment {
    /// What becomes of `capacity`, before minimum and maximum. Percentages are rounded as AWS does: above 1 down, between
    /// 0 and 1 up to 1, between -1 and 0 down to -1, below -1 up.
    #[must_use]
    pub fn apply(self, capacity: u32) -> u32 {
        let change = match self.kind {
            AdjustmentKind::ExactCapacity => return u32::try_from(self.by).unwrap_or(0),
            AdjustmentKind::ChangeInCapacity => i64::from(self.by),
            AdjustmentKind::PercentChangeInCapacity => {
                let exact = i64::from(capacity) * i64::from(self.by);
                let rounded = match exact / 100 {
                    0 => exact.signum(),
                    whole => whole,
                };
                let size = rounded.abs().max(i64::from(self.at_least)) * i64::from(exact != 0);
                size * exact.signum()
            }
        };
        let changed = i64::from(capacity).saturating_add(change).max(0);
        u32::try_from(changed).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: AdjustmentKind, by: i32, at_least: u32, from: u32, to: u32) {
        assert_eq!(Adjustment { kind, by, at_least }.apply(from), to);
    }

    #[test]
    fn capacities_change_by_number_to_a_number_and_by_percent() {
        use AdjustmentKind::{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity};
        check(ChangeInCapacity, 2, 0, 3, 5);
        check(ChangeInCapacity, -5, 0, 3, 0);
        check(ExactCapacity, 4, 0, 9, 4);
        check(ExactCapacity, -4, 0, 9, 0);
        check(PercentChangeInCapacity, 50, 0, 4, 6);
        // 12.7 more are 12, 0.67 more is 1, 0.58 less is 1, 6.67 less are 6.
        check(PercentChangeInCapacity, 127, 0, 10, 22);
        check(PercentChangeInCapacity, 67, 0, 1, 2);
        check(PercentChangeInCapacity, -58, 0, 1, 0);
        check(PercentChangeInCapacity, -67, 0, 10, 4);
        check(PercentChangeInCapacity, 10, 3, 10, 13);
        check(PercentChangeInCapacity, 10, 3, 0, 0);
    }
}
