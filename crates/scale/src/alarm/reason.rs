//! Why an alarm says what it says, in CloudWatch's manner: with the numbers.

use std::fmt::Write as _;

use super::book::Datapoint;
use super::judge::Count;
use crate::{Alarm, AlarmState, Comparison, MissingData};

/// How many datapoints a reason lists at most.
const LISTED: usize = 5;

impl Comparison {
    /// As it is read in a sentence: "was … 20".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqual => "greater than or equal to",
            Self::GreaterThan => "greater than",
            Self::LessThan => "less than",
            Self::LessThanOrEqual => "less than or equal to",
        }
    }
}

/// A number as people write it: two decimals at most; more for what is small.
pub(crate) fn number(value: f64) -> String {
    let places = if value.abs() < 0.1 { 6 } else { 2 };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Why `alarm` says `state` of what it counted in `points`, which are the oldest first.
pub(super) fn reason(alarm: &Alarm, state: AlarmState, count: Count, points: &[Datapoint]) -> String {
    if state == AlarmState::InsufficientData {
        return format!("insufficient data: none of the last {} periods has a datapoint", points.len());
    }
    let crossed = if state == AlarmState::Alarm { "threshold crossed: " } else { "" };
    let held = format!("{} {}", alarm.comparison.words(), number(alarm.threshold));
    let filled = match alarm.missing_data {
        MissingData::Breaching | MissingData::NotBreaching => count.missing,
        MissingData::Missing | MissingData::Ignore => 0,
    };
    let mut text = match count.real {
        0 => format!("{crossed}no datapoint was received"),
        real => {
            let breaching = if count.breaching == 0 { "none".to_owned() } else { count.breaching.to_string() };
            let was = if count.breaching > 1 { "were" } else { "was" };
            let s = if real == 1 { "" } else { "s" };
            let list = list(points, real);
            format!("{crossed}{breaching} of the last {real} datapoint{s} {list} {was} {held}")
        }
    };
    if filled > 0 {
        let kind = if alarm.missing_data == MissingData::Breaching { "breaching" } else { "not breaching" };
        let (s, counts) = if filled == 1 { ("", "counts") } else { ("s", "count") };
        // Writing to a text cannot fail.
        let _ = write!(text, ", {filled} missing datapoint{s} {counts} as {kind}");
    }
    let (needed, s) = (alarm.needed(), if alarm.needed() == 1 { " makes" } else { "s make" });
    let _ = write!(text, " ({needed} datapoint{s} an alarm)");
    text
}

/// The newest datapoints first, each with the time that its period began.
fn list(points: &[Datapoint], real: usize) -> String {
    let known = points.iter().rev().filter_map(|point| point.value.map(|value| (point.at, value)));
    let shown: Vec<String> =
        known.take(real.min(LISTED)).map(|(at, value)| format!("{} ({at})", number(value))).collect();
    let more = if real > LISTED { ", …" } else { "" };
    format!("[{}{more}]", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, text: &str) {
        assert_eq!(number(value), text);
    }

    #[test]
    fn numbers_are_short() {
        check(20.0, "20");
        check(23.14159, "23.14");
        check(100.0, "100");
        check(0.0, "0");
        check(0.00025, "0.00025");
        check(-3.5, "-3.5");
    }
}
