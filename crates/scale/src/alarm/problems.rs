//! What an alarm's settings may not be.

use std::time::Duration;

use crate::problem::{DAY, Problems, SECOND};
use crate::{Action, Alarm, Problem};

/// How far back an alarm looks at most, as in CloudWatch.
const LONGEST_LOOK: Duration = DAY.saturating_mul(7);

impl Alarm {
    /// What is wrong with these settings; empty when nothing is. Whether the groups exist is for the caller to see.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.subject_problems(&mut problems);
        problems.period("period", self.period, SECOND..=DAY);
        problems.number("evaluation-periods", self.evaluation_periods.get(), 1..=1440);
        if let Some(needed) = self.datapoints_to_alarm.filter(|needed| *needed > self.evaluation_periods) {
            let message = format!("{needed} datapoints of {} periods are out of range", self.evaluation_periods);
            problems.say("datapoints-to-alarm", message, "use at most `evaluation-periods`");
        }
        let look = self.period.saturating_mul(self.evaluation_periods.get());
        if look > LONGEST_LOOK {
            let message = "the periods together are longer than 7 days, which is out of range";
            problems.say("evaluation-periods", message, "use fewer or shorter periods");
        }
        problems.kept("period", self.period, self.evaluation_periods.get());
        problems.level("threshold", self.threshold);
        for (field, actions) in
            [("on-alarm", &self.on_alarm), ("on-ok", &self.on_ok), ("on-insufficient-data", &self.on_insufficient_data)]
        {
            for (place, action) in actions.iter().enumerate() {
                problems.include(&[field, &place.to_string()], action.problems());
            }
        }
        problems.done()
    }

    fn subject_problems(&self, problems: &mut Problems) {
        match (&self.scaling_group, &self.target_group) {
            (None, None) => {
                let message = format!("it does not say whose `{}` is measured", self.metric);
                problems.say("metric", message, "write `scaling-group` or `target-group`");
            }
            (Some(_), Some(_)) => {
                let message = "a metric is of a scaling group or of a target group, not of both";
                problems.say("target-group", message, "remove `scaling-group` or `target-group`");
            }
            (Some(_), None) | (None, Some(_)) => (),
        }
    }
}

impl Action {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        match self {
            Self::Webhook(url) => problems.url("webhook", url),
            Self::Command(command) if command.first().is_none_or(|program| program.as_os_str().is_empty()) => {
                problems.say("command", "it names no program", "write the program and its arguments");
            }
            Self::Command(_) | Self::Log => (),
        }
        problems.done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: &str, expected: &[&str]) {
        let whole = format!("metric = \"cpu-utilization\"\ncomparison = \"less-than\"\n{settings}");
        let alarm: Alarm = toml::from_str(&whole).unwrap();
        let found: Vec<String> = alarm.problems().iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(found, expected, "{settings}");
    }

    #[test]
    fn an_alarm_says_what_is_wrong_with_it() {
        check("scaling-group = \"a\"\nthreshold = 20", &[]);
        check("threshold = 20", &["metric"]);
        check("scaling-group = \"a\"\ntarget-group = \"a\"\nthreshold = 20", &["target-group"]);
        check("scaling-group = \"a\"\nthreshold = nan", &["threshold"]);
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"100ms\"", &["period"]);
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"0s\"", &["period"]);
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"2days\"", &["period"]);
        check(
            "scaling-group = \"a\"\nthreshold = 1\nevaluation-periods = 1441\nperiod = \"300s\"",
            &["evaluation-periods"],
        );
        check(
            "scaling-group = \"a\"\nthreshold = 1\nperiod = \"1day\"\nevaluation-periods = 8",
            &["evaluation-periods"],
        );
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"50s\"\nevaluation-periods = 18", &[]);
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"50s\"\nevaluation-periods = 19", &["period"]);
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"60s\"\nevaluation-periods = 1440", &[]);
        check("scaling-group = \"a\"\nthreshold = 1\nperiod = \"120s\"\nevaluation-periods = 721", &["period"]);
        check(
            "scaling-group = \"a\"\nthreshold = 1\nevaluation-periods = 2\ndatapoints-to-alarm = 3",
            &["datapoints-to-alarm"],
        );
        check(
            "scaling-group = \"a\"\nthreshold = 1\non-ok = [\"log\", { webhook = \"ftp://x\" }, { command = [] }]",
            &["on-ok.1.webhook", "on-ok.2.command"],
        );
    }
}
