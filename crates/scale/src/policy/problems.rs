//! What a policy's settings may not be.

use std::time::Duration;

use super::forecast;
use super::schedule::{Schedule, ScheduleError};
use super::{Policy, Predictive, Scheduled, Simple, Step, StepRange, TargetTracking};
use crate::problem::{DAY, HOUR, Problems, SECOND};
use crate::{AdjustmentKind, Metric, Problem};

/// The most instances of a group.
pub(crate) const MOST: u32 = 1000;

impl Policy {
    /// What is wrong with these settings; empty when nothing is. Paths begin with the kind, such as `simple`. Whether the
    /// alarms exist is for the caller to see.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let (kind, found) = match self {
            Self::Simple(simple) => ("simple", simple.problems()),
            Self::Step(step) => ("step", step.problems()),
            Self::TargetTracking(tracking) => ("target-tracking", tracking.problems()),
            Self::Scheduled(scheduled) => ("scheduled", scheduled.problems()),
            Self::Predictive(predictive) => ("predictive", predictive.problems()),
            Self::Plugin(_) => return Vec::new(),
        };
        found.done().into_iter().map(|problem| problem.within(&[kind])).collect()
    }
}

/// What an adjustment may be.
fn adjustment(problems: &mut Problems, field: &str, kind: AdjustmentKind, by: i32) {
    let most = i32::try_from(MOST).unwrap_or(i32::MAX);
    match kind {
        AdjustmentKind::ExactCapacity => problems.number(field, by, 0..=most),
        AdjustmentKind::ChangeInCapacity if by == 0 => {
            problems.say(field, "0 instances more change nothing", "use another number than 0");
        }
        AdjustmentKind::ChangeInCapacity => problems.number(field, by, -most..=most),
        AdjustmentKind::PercentChangeInCapacity if by == 0 => {
            problems.say(field, "0 percent more change nothing", "use another number than 0");
        }
        AdjustmentKind::PercentChangeInCapacity => problems.number(field, by, -100..=10_000),
    }
}

fn at_least(problems: &mut Problems, kind: AdjustmentKind, at_least: u32) {
    if at_least > 0 && kind != AdjustmentKind::PercentChangeInCapacity {
        let help = "remove it, or write `adjustment = \"percent-change-in-capacity\"`";
        problems.say("at-least", "only a change in percent has a least number of instances", help);
    }
    problems.number("at-least", at_least, 0..=MOST);
}

impl Simple {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        adjustment(&mut problems, "by", self.adjustment, self.by);
        at_least(&mut problems, self.adjustment, self.at_least);
        problems.some_duration("cooldown", self.cooldown, Duration::ZERO..=DAY);
        problems
    }
}

impl Step {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        at_least(&mut problems, self.adjustment, self.at_least);
        problems.some_duration("warm-up", self.warm_up, Duration::ZERO..=DAY);
        if !(1..=20).contains(&self.steps.len()) {
            problems.say("steps", format!("{} steps are out of range", self.steps.len()), "write 1 to 20 steps");
        }
        for (place, step) in self.steps.iter().enumerate() {
            let mut of_step = Problems::default();
            adjustment(&mut of_step, "by", self.adjustment, step.by);
            if !step.is_range() {
                of_step.say("to", "the step ends before it begins", "let `from` be below `to`");
            }
            problems.include(&["steps", &place.to_string()], of_step.done());
        }
        self.fit(&mut problems);
        problems
    }

    /// Ranges lie side by side, and nothing is beyond the outermost ones.
    fn fit(&self, problems: &mut Problems) {
        if self.steps.iter().any(|step| !step.is_range()) {
            return;
        }
        let mut order: Vec<usize> = (0..self.steps.len()).collect();
        order.sort_by(|a, b| self.steps[*a].begin().total_cmp(&self.steps[*b].begin()));
        for pair in order.windows(2) {
            let (end, begin) = (self.steps[pair[0]].end(), self.steps[pair[1]].begin());
            let place = pair[1].to_string();
            let help = "let each step begin where the one below it ends";
            let mut of_step = Problems::default();
            if begin < end {
                of_step.say(
                    "from",
                    format!("the steps overlap from {begin} to {}", end.min(self.steps[pair[1]].end())),
                    help,
                );
            } else if begin > end {
                of_step.say("from", format!("no step is for what is between {end} and {begin}"), help);
            }
            problems.include(&["steps", &place], of_step.done());
        }
        let (Some(first), Some(last)) = (order.first(), order.last()) else { return };
        let (begin, end) = (self.steps[*first].begin(), self.steps[*last].end());
        if begin.is_finite() && begin < 0.0 {
            problems.include(
                &["steps", &first.to_string()],
                vec![Problem::new("from", format!("no step is for what is below {begin}"), "remove the lowest `from`")],
            );
        }
        if end.is_finite() && end > 0.0 {
            problems.include(
                &["steps", &last.to_string()],
                vec![Problem::new("to", format!("no step is for what is above {end}"), "remove the highest `to`")],
            );
        }
    }
}

impl StepRange {
    fn begin(&self) -> f64 {
        self.from.unwrap_or(f64::NEG_INFINITY)
    }

    fn end(&self) -> f64 {
        self.to.unwrap_or(f64::INFINITY)
    }

    fn is_range(&self) -> bool {
        self.begin() < self.end()
    }
}

impl TargetTracking {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        problems.target(self.target);
        problems.period("period", self.period, SECOND..=HOUR);
        problems.number("out-periods", self.out_periods, 1..=100);
        problems.number("in-periods", self.in_periods, 1..=100);
        problems.kept("period", self.period, self.out_periods.max(self.in_periods));
        problems.duration("out-cooldown", self.out_cooldown, Duration::ZERO..=DAY);
        problems.duration("in-cooldown", self.in_cooldown, Duration::ZERO..=DAY);
        problems.some_duration("warm-up", self.warm_up, Duration::ZERO..=DAY);
        problems
    }
}

impl Scheduled {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        match Schedule::new(&self.cron, &self.time_zone) {
            Ok(_) => (),
            Err(error @ ScheduleError::Zone { .. }) => {
                let help =
                    "use a name of the IANA time zone database, such as \"Europe/Berlin\"; it must be installed here";
                problems.say("time-zone", error.to_string(), help);
            }
            Err(error) => {
                let help =
                    "write minute, hour, day of the month, month and day of the week, such as \"0 8 * * MON-FRI\"";
                problems.say("cron", error.to_string(), help);
            }
        }
        let numbers = [("min", self.min), ("max", self.max), ("desired", self.desired)];
        if numbers.iter().all(|(_, number)| number.is_none()) {
            problems.say("cron", "it changes nothing when it falls due", "write `min`, `max` or `desired`");
        }
        for (field, number) in numbers {
            problems.number(field, number.unwrap_or_default(), 0..=MOST);
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            problems.say(
                "min",
                format!("a minimum of {min} exceeds the maximum of {max}"),
                "lower `min` or raise `max`",
            );
        }
        if let Some(desired) = self.desired.filter(|desired| *desired <= MOST) {
            let below = self.min.is_some_and(|min| desired < min);
            let above = self.max.is_some_and(|max| desired > max);
            if below || above {
                problems.say("desired", format!("{desired} is out of range"), "use a number between `min` and `max`");
            }
        }
        problems
    }
}

impl Predictive {
    fn problems(&self) -> Problems {
        const MINUTE: Duration = Duration::from_secs(60);
        const WEEK: Duration = DAY.saturating_mul(7);
        let mut problems = Problems::default();
        problems.target(self.target);
        problems.period("season", self.season, MINUTE..=WEEK);
        if (MINUTE..=WEEK).contains(&self.season)
            && self.season.subsec_nanos() == 0
            && forecast::Plan::new(self.season).is_none()
        {
            let help =
                "above 128 s use whole minutes, above 3 h 25 min whole multiples of 5 minutes: metrics are kept so";
            problems.say("season", "metrics are not kept finely enough for such a season", help);
        }
        problems.some_duration("lead", self.lead, Duration::ZERO..=HOUR);
        problems.number("quantile", self.quantile, 50..=99);
        if matches!(self.metric, Metric::HealthyCount | Metric::InService | Metric::Latency | Metric::ErrorRate) {
            let message = format!("`{}` does not tell how much there is to do", self.metric);
            problems.say("metric", message, "use a metric of load, such as `request-count` or `cpu-utilization`");
        }
        problems
    }
}

#[cfg(test)]
mod tests;
