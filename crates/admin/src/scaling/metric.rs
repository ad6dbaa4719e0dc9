//! Numbers over time, read and pushed.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::status::seconds;

/// Whose numbers they are; written as `scaling-group/NAME`, `instance/GROUP/ID` or `target-group/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// A scaling group, over its instances in service and its target group.
    ScalingGroup(String),
    /// One instance.
    Instance {
        /// Its scaling group.
        group: String,
        /// Its name.
        id: String,
    },
    /// A target group, wherever its targets come from.
    TargetGroup(String),
}

/// Why a text names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no subject: write `scaling-group/NAME`, `instance/GROUP/ID` or `target-group/NAME`")]
pub struct SubjectError {
    /// The refused text, cut to a length that is safe to print.
    pub text: String,
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        match parts[..] {
            _ if parts.iter().any(|part| part.is_empty()) => None,
            ["scaling-group", name] => Some(Self::ScalingGroup(name.to_owned())),
            ["target-group", name] => Some(Self::TargetGroup(name.to_owned())),
            ["instance", group, id] => Some(Self::Instance { group: group.to_owned(), id: id.to_owned() }),
            _ => None,
        }
        .ok_or_else(|| SubjectError { text: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for Subject {
    type Error = SubjectError;
    fn try_from(text: String) -> Result<Self, SubjectError> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScalingGroup(name) => write!(f, "scaling-group/{name}"),
            Self::Instance { group, id } => write!(f, "instance/{group}/{id}"),
            Self::TargetGroup(name) => write!(f, "target-group/{name}"),
        }
    }
}

/// What is asked of a metric: the last `count` whole periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    /// Whose.
    pub subject: Subject,
    /// Of what, such as `cpu-utilization`.
    pub metric: String,
    /// What is made of a period's samples, such as `average`.
    pub statistic: String,
    /// Length of a period, in whole seconds and at least one.
    pub period: Duration,
    /// How many periods: 1 to [`MetricQuery::MOST_POINTS`].
    pub count: usize,
}

impl MetricQuery {
    /// Two weeks in steps of five minutes.
    pub const MOST_POINTS: usize = 4032;
    /// Periods that are shown when nothing is said.
    pub const USUAL_POINTS: usize = 60;
}

/// A line of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSeries {
    /// Whose.
    pub subject: Subject,
    /// Of what.
    pub metric: String,
    /// What was made of a period's samples.
    pub statistic: String,
    /// Length of a period.
    #[serde(with = "seconds")]
    pub period: Duration,
    /// Its points, the oldest first.
    pub points: Vec<MetricPoint>,
}

/// One period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    /// When it began.
    #[serde(with = "humantime_serde")]
    pub at: SystemTime,
    /// The statistic; `None` when there were no samples.
    pub value: Option<f64>,
}

/// A number that somebody else measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Datum {
    /// Whose.
    pub subject: Subject,
    /// Of what: `custom.` and a name.
    pub metric: String,
    /// The number, measured now.
    pub value: f64,
}

/// How many numbers were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// All of them: a push is taken whole or not at all.
    pub taken: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_as_they_are_written() {
        for text in ["scaling-group/web", "instance/web/i-0123456789abcdef", "target-group/web"] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        for text in ["", "web", "scaling-group/", "instance/web", "instance//x", "target-group/a/b", "instance/a/b/c"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
