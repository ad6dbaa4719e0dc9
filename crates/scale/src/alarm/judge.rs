//! What an alarm says of the periods it looks at, when data may be missing. After CloudWatch's own tables ("Configuring how
//! CloudWatch alarms treat missing data"), which are the tests below.

use super::book::Datapoint;
use crate::{Alarm, AlarmState, Comparison, MissingData, Moment};

/// How many periods more than `evaluation-periods` are looked at, in case that some are missing.
pub(super) const SPARE: usize = 2;

/// What the periods came to, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// How many periods with data count: at most as many as are evaluated.
    pub(super) real: usize,
    /// How many of them breach.
    pub(super) breaching: usize,
    /// How many periods are missing to as many as are evaluated. Those from before the alarm was there are not.
    pub(super) missing: usize,
    /// Whether the last that was heard is a breach, long enough ago that it would be an alarm if nothing were missing.
    premature: bool,
}

impl Comparison {
    /// Whether `value` is beyond `threshold`.
    #[must_use]
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqual => value >= threshold,
            Self::GreaterThan => value > threshold,
            Self::LessThan => value < threshold,
            Self::LessThanOrEqual => value <= threshold,
        }
    }
}

impl Alarm {
    /// How many periods are evaluated.
    pub(crate) fn evaluated(&self) -> usize {
        self.evaluation_periods.get() as usize
    }

    /// How many of them make an alarm.
    pub(crate) fn needed(&self) -> usize {
        (self.datapoints_to_alarm.unwrap_or(self.evaluation_periods).get() as usize).min(self.evaluated())
    }
}

/// Counts the periods that an alarm looks at, the oldest first.
pub(super) fn count(alarm: &Alarm, points: &[Datapoint], born: Moment) -> Count {
    let breaches = |point: &Datapoint| point.value.map(|value| alarm.comparison.breaches(value, alarm.threshold));
    let known = || points.iter().rev().filter_map(breaches);
    let real = known().take(alarm.evaluated()).count();
    let gone = points.iter().filter(|point| point.value.is_none() && point.at.after(alarm.period) > born).count();
    let oldest = points.iter().position(|point| point.value.is_some()).map_or(0, |place| points.len() - place);
    Count {
        real,
        breaching: known().take(alarm.evaluated()).filter(|breaches| *breaches).count(),
        missing: gone.min(alarm.evaluated() - real),
        premature: known().all(|breaches| breaches) && oldest >= alarm.needed(),
    }
}

/// What an alarm says of that; `None` when it says what it said before.
pub(super) fn judge(alarm: &Alarm, count: Count) -> Option<AlarmState> {
    let by = |breaching: usize| if breaching >= alarm.needed() { AlarmState::Alarm } else { AlarmState::Ok };
    if count.real == alarm.evaluated() || count.breaching >= alarm.needed() {
        return Some(by(count.breaching));
    }
    match alarm.missing_data {
        MissingData::Missing if count.real == 0 => Some(AlarmState::InsufficientData),
        MissingData::Missing if count.premature => Some(AlarmState::Alarm),
        MissingData::Ignore if count.real == 0 || count.premature => None,
        MissingData::Missing | MissingData::Ignore => Some(AlarmState::Ok),
        MissingData::NotBreaching | MissingData::Breaching if count.real + count.missing == 0 => None,
        MissingData::NotBreaching => Some(AlarmState::Ok),
        // An alarm that is younger than its periods waits for them.
        MissingData::Breaching if count.real == 0 && count.missing < alarm.needed() => None,
        MissingData::Breaching => Some(by(count.breaching + count.missing)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use equipoise_metrics::series::Statistic;

    use super::*;
    use crate::Metric;

    fn alarm(needed: u32, evaluated: u32, missing_data: MissingData) -> Alarm {
        Alarm {
            metric: Metric::CpuUtilization,
            scaling_group: None,
            target_group: None,
            statistic: Statistic::Average,
            period: Duration::from_secs(60),
            evaluation_periods: evaluated.try_into().unwrap(),
            datapoints_to_alarm: Some(needed.try_into().unwrap()),
            comparison: Comparison::GreaterThan,
            threshold: 50.0,
            missing_data,
            on_alarm: Vec::new(),
            on_ok: Vec::new(),
            on_insufficient_data: Vec::new(),
        }
    }

    /// Reads AWS's own signs: `0` within the threshold, `X` beyond it, `-` missing; the oldest first.
    fn points(signs: &str) -> Vec<Datapoint> {
        let value = |sign| match sign {
            '0' => Some(10.0),
            'X' => Some(90.0),
            _ => None,
        };
        let at = |place: usize| Moment::from_millis(60_000 * place as u64);
        signs
            .split_whitespace()
            .enumerate()
            .map(|(place, sign)| Datapoint { at: at(place), value: value(sign.chars().next().unwrap()) })
            .collect()
    }

    #[track_caller]
    fn check(needed: u32, signs: &str, expected: [Option<AlarmState>; 4]) {
        let kinds = [MissingData::Missing, MissingData::Ignore, MissingData::Breaching, MissingData::NotBreaching];
        for (kind, expected) in kinds.into_iter().zip(expected) {
            let alarm = alarm(needed, 3, kind);
            let points = points(signs);
            let said = judge(&alarm, count(&alarm, &points, Moment::default()));
            assert_eq!(said, expected, "{needed} of 3, {signs}, {kind:?}");
        }
    }

    const OK: Option<AlarmState> = Some(AlarmState::Ok);
    const ALARM: Option<AlarmState> = Some(AlarmState::Alarm);
    const INSUFFICIENT: Option<AlarmState> = Some(AlarmState::InsufficientData);
    const STAYS: Option<AlarmState> = None;

    #[test]
    fn three_of_three_datapoints_make_an_alarm_as_in_the_table_of_cloudwatch() {
        check(3, "0 - X - X", [OK, OK, OK, OK]);
        check(3, "0 - - - -", [OK, OK, OK, OK]);
        check(3, "- - - - -", [INSUFFICIENT, STAYS, ALARM, OK]);
        check(3, "0 X X - X", [ALARM, ALARM, ALARM, ALARM]);
        check(3, "- - X - -", [ALARM, STAYS, ALARM, OK]);
    }

    #[test]
    fn two_of_three_datapoints_make_an_alarm_as_in_the_table_of_cloudwatch() {
        check(2, "0 - X - X", [ALARM, ALARM, ALARM, ALARM]);
        check(2, "0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]);
        check(2, "0 - X - -", [OK, OK, ALARM, OK]);
        check(2, "- - - - 0", [OK, OK, ALARM, OK]);
        check(2, "- - - X -", [ALARM, STAYS, ALARM, OK]);
    }

    #[test]
    fn what_is_missing_from_before_the_alarm_was_there_is_held_against_nobody() {
        let alarm = alarm(3, 3, MissingData::Breaching);
        let none = points("- - - - -");
        let said = |seconds: u64| judge(&alarm, count(&alarm, &none, Moment::from_millis(seconds * 1000)));
        assert_eq!(said(300), STAYS, "no period ended since");
        assert_eq!(said(200), STAYS, "two of three have");
        assert_eq!(said(150), ALARM, "three have");
    }
}
