//! What is wrong with settings that could be read.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use humantime_serde::re::humantime::format_duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Something in a group's or an alarm's settings that cannot be followed. The caller knows where they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting to point at, from the table that was asked, key by key: `["hook", "warm", "timeout"]`. Places in a list
    /// are numbers from 0.
    pub path: Vec<String>,
    /// What is wrong. Of a value beyond its range: "… is out of range".
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    pub(crate) fn new(field: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: vec![field.to_owned()], message: message.into(), help: help.into() }
    }

    /// The same, seen from the table around.
    pub(crate) fn within(mut self, keys: &[&str]) -> Self {
        self.path.splice(0..0, keys.iter().map(|key| (*key).to_owned()));
        self
    }
}

/// What was found so far in one table.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn say(&mut self, field: &str, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Problem::new(field, message, help));
    }

    /// A number within its range.
    pub(crate) fn number<T: PartialOrd + Display + Copy>(&mut self, field: &str, value: T, range: RangeInclusive<T>) {
        if !range.contains(&value) {
            let help = format!("use {} to {}", range.start(), range.end());
            self.say(field, format!("{value} is out of range"), help);
        }
    }

    /// A duration within its range.
    pub(crate) fn duration(&mut self, field: &str, value: Duration, range: RangeInclusive<Duration>) {
        if !range.contains(&value) {
            let help = format!("use \"{}\" to \"{}\"", format_duration(*range.start()), format_duration(*range.end()));
            self.say(field, format!("{} is out of range", format_duration(value)), help);
        }
    }

    /// A duration within its range, if there is one.
    pub(crate) fn some_duration(&mut self, field: &str, value: Option<Duration>, range: RangeInclusive<Duration>) {
        if let Some(value) = value {
            self.duration(field, value, range);
        }
    }

    /// A duration within its range, in whole seconds: metrics are kept by the second.
    pub(crate) fn period(&mut self, field: &str, value: Duration, range: RangeInclusive<Duration>) {
        if value.subsec_nanos() == 0 {
            self.duration(field, value, range);
        } else {
            self.say(field, format!("{} is no whole number of seconds", format_duration(value)), "use whole seconds");
        }
    }

    /// A period that can be read as far back as `periods` of them go: metrics are kept by the second for a quarter of an hour,
    /// by the minute for a day, by five minutes for two weeks.
    pub(crate) fn kept(&mut self, field: &str, period: Duration, periods: u32) {
        let (length, look) = (period.as_secs(), period.as_secs().saturating_mul(u64::from(periods)));
        let (step, kept) = match look {
            0..=900 => return,
            901..=86_400 => (60, "15 minutes"),
            _ => (300, "a day"),
        };
        if !length.is_multiple_of(step) {
            let message =
                format!("a period of {} is too fine to be kept for {periods} periods", format_duration(period));
            let whole = if step == 60 { "whole minutes" } else { "whole multiples of 5 minutes" };
            self.say(field, message, format!("use {whole}, or look back for no more than {kept}"));
        }
    }

    /// A number that a level can be.
    pub(crate) fn level(&mut self, field: &str, value: f64) {
        if !value.is_finite() {
            self.say(field, format!("{value} is no level that a metric can reach"), "use a number");
        }
    }

    /// A target of a metric.
    pub(crate) fn target(&mut self, value: f64) {
        if !(value.is_finite() && value > 0.0) {
            self.say("target", format!("{value} is out of range"), "use a number above 0");
        }
    }

    /// A URL that something can be posted to.
    pub(crate) fn url(&mut self, field: &str, url: &str) {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace)) {
            self.say(field, format!("`{url}` is no URL to post to"), "use one that begins with http:// or https://");
        }
    }

    pub(crate) fn include(&mut self, keys: &[&str], problems: Vec<Problem>) {
        self.0.extend(problems.into_iter().map(|problem| problem.within(keys)));
    }

    pub(crate) fn done(self) -> Vec<Problem> {
        self.0
    }
}
