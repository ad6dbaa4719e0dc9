//! What can be measured of a group, and where the numbers come from.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use equipoise_metrics::series::{Statistic, Store};
use equipoise_target::{GroupName, ScalingGroupName};
use serde::{Deserialize, Serialize};

use crate::{InstanceId, Moment};

/// What starts the name of a metric that somebody else measures.
const CUSTOM: &str = "custom.";

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// Processor time in percent of what an instance may use: of the `cpu` of its launch template's limits, or of one
    /// processor.
    CpuUtilization,
    /// Resident memory of an instance in bytes.
    Memory,
    /// The same in percent of the `memory` of its launch template's limits.
    MemoryUtilization,
    /// Bytes that an instance received in a second, where that can be read.
    NetworkReceived,
    /// Bytes that an instance sent in a second, where that can be read.
    NetworkSent,
    /// Requests that were answered in a second.
    RequestCount,
    /// The same, for each target in service.
    RequestCountPerTarget,
    /// Requests under way, for each target in service.
    InFlightPerTarget,
    /// Milliseconds from a request's first byte to its response's last one.
    Latency,
    /// Share of requests that failed (5xx or no response), in percent.
    ErrorRate,
    /// Requests that wait for a place at a target.
    QueueLength,
    /// Targets that pass their checks.
    HealthyCount,
    /// Instances in service.
    InService,
    /// What somebody else measures: pushed over the admin API, or read from an instance's Prometheus page.
    Custom(Arc<str>),
}

/// Why a text is no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{name}`")]
pub struct MetricError {
    /// The refused text, cut to a length that is safe to print.
    pub name: String,
}

impl Metric {
    /// Every metric that is measured here.
    pub const BUILT_IN: [Self; 13] = [
        Self::CpuUtilization,
        Self::Memory,
        Self::MemoryUtilization,
        Self::NetworkReceived,
        Self::NetworkSent,
        Self::RequestCount,
        Self::RequestCountPerTarget,
        Self::InFlightPerTarget,
        Self::Latency,
        Self::ErrorRate,
        Self::QueueLength,
        Self::HealthyCount,
        Self::InService,
    ];

    /// The name that stands in the configuration.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::CpuUtilization => "cpu-utilization",
            Self::Memory => "memory",
            Self::MemoryUtilization => "memory-utilization",
            Self::NetworkReceived => "network-received",
            Self::NetworkSent => "network-sent",
            Self::RequestCount => "request-count",
            Self::RequestCountPerTarget => "request-count-per-target",
            Self::InFlightPerTarget => "in-flight-per-target",
            Self::Latency => "latency",
            Self::ErrorRate => "error-rate",
            Self::QueueLength => "queue-length",
            Self::HealthyCount => "healthy-count",
            Self::InService => "in-service",
            Self::Custom(name) => return Cow::Owned(format!("{CUSTOM}{name}")),
        })
    }

    /// Whether it is measured of instances, each by itself; a group's is then over all of them.
    #[must_use]
    pub fn is_of_instances(&self) -> bool {
        matches!(
            self,
            Self::CpuUtilization
                | Self::Memory
                | Self::MemoryUtilization
                | Self::NetworkReceived
                | Self::NetworkSent
                | Self::Custom(_)
        )
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let fits = |name: &&str| {
            (1..=63).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
        };
        if let Some(name) = text.strip_prefix(CUSTOM).filter(fits) {
            return Ok(Self::Custom(name.into()));
        }
        let known = Self::BUILT_IN.into_iter().find(|metric| metric.name() == text);
        known.ok_or_else(|| MetricError { name: text.chars().take(63).collect() })
    }
}

impl TryFrom<String> for Metric {
    type Error = MetricError;
    fn try_from(text: String) -> Result<Self, MetricError> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.name().into_owned()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Metric {
    fn schema_name() -> Cow<'static, str> {
        "Metric".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Self::BUILT_IN.map(|metric| metric.name());
        schemars::json_schema!({ "anyOf": [
            { "type": "string", "enum": names },
            { "type": "string", "pattern": "^custom\\.[A-Za-z0-9_.:-]{1,63}$" },
        ] })
    }
}

/// Whose numbers they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A scaling group, over its instances in service and its target group.
    ScalingGroup(ScalingGroupName),
    /// One instance.
    Instance(ScalingGroupName, InstanceId),
    /// A target group, wherever its targets come from.
    TargetGroup(GroupName),
}

/// One line in a graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Whose.
    pub subject: Subject,
    /// Of what.
    pub metric: Metric,
}

/// Where alarms and policies read.
pub trait Readings {
    /// The statistic of the last `count` whole periods before `now`, the oldest first. Periods are aligned with the epoch.
    /// `None` where a period has no samples.
    fn points(
        &self,
        key: &SeriesKey,
        statistic: Statistic,
        period: Duration,
        count: usize,
        now: Moment,
    ) -> Vec<Option<f64>>;
}

impl Readings for Store<SeriesKey> {
    fn points(
        &self,
        key: &SeriesKey,
        statistic: Statistic,
        period: Duration,
        count: usize,
        now: Moment,
    ) -> Vec<Option<f64>> {
        Store::points(self, key, statistic, period.as_secs(), count, now.seconds())
    }
}

#[cfg(test)]
mod tests {
    use equipoise_metrics::series::Limits;

    use super::*;

    #[test]
    fn alarms_read_what_was_recorded() {
        let store = Store::new(Limits::default());
        let subject = Subject::ScalingGroup(ScalingGroupName::new("web").expect("a name"));
        let key = SeriesKey { subject, metric: Metric::CpuUtilization };
        store.record(key.clone(), 119, 20.0).expect("room");
        store.record(key.clone(), 119, 40.0).expect("room");
        let readings: &dyn Readings = &store;
        let now = Moment::from_millis(180_999);
        let points = readings.points(&key, Statistic::Average, Duration::from_secs(60), 3, now);
        assert_eq!(points, [None, Some(30.0), None]);
    }
}
