//! Questions about metrics, and their answers.

use equipoise_admin::scaling as admin;
use equipoise_admin::scaling::{MetricQuery, MetricSeries, ScalingError};
use equipoise_metrics::series::Statistic;
use equipoise_scale::{InstanceId, Metric, Moment, SeriesKey, Subject};
use equipoise_target::{GroupName, ScalingGroupName};

use super::{spelled, time, word};

const STATISTICS: [Statistic; 9] = [
    Statistic::Average,
    Statistic::Sum,
    Statistic::Minimum,
    Statistic::Maximum,
    Statistic::SampleCount,
    Statistic::P50,
    Statistic::P90,
    Statistic::P95,
    Statistic::P99,
];

/// Which line of a graph is meant; whether there is such a subject is not known here.
pub(crate) fn key(subject: &admin::Subject, metric: &str) -> Result<SeriesKey, ScalingError> {
    let group = |name: &str| {
        let missing = |_| ScalingError::NoGroup { name: name.to_owned(), known: Vec::new() };
        ScalingGroupName::new(name).map_err(missing)
    };
    let subject = match subject {
        admin::Subject::ScalingGroup(name) => Subject::ScalingGroup(group(name)?),
        admin::Subject::TargetGroup(name) => {
            let missing = |_| ScalingError::NoTargetGroup { name: name.clone(), known: Vec::new() };
            Subject::TargetGroup(GroupName::new(name).map_err(missing)?)
        }
        admin::Subject::Instance { group: name, id } => {
            let missing = || ScalingError::NoInstance { group: name.clone(), instance: id.clone(), known: Vec::new() };
            Subject::Instance(group(name)?, InstanceId::from_text(id).ok_or_else(missing)?)
        }
    };
    let metric = metric.parse::<Metric>().map_err(|_| ScalingError::NoSuch {
        what: "metric",
        value: metric.to_owned(),
        known: Metric::BUILT_IN.iter().map(ToString::to_string).chain(["custom.NAME".to_owned()]).collect(),
    })?;
    Ok(SeriesKey { subject, metric })
}

/// The statistic that is meant.
pub(crate) fn statistic(name: &str) -> Result<Statistic, ScalingError> {
    spelled(name).ok_or_else(|| ScalingError::NoSuch {
        what: "statistic",
        value: name.to_owned(),
        known: STATISTICS.iter().map(word).collect(),
    })
}

/// The answer to a question: `points` are those of the last whole periods before `now`.
pub(crate) fn series(query: &MetricQuery, points: &[Option<f64>], now: Moment) -> MetricSeries {
    let period = query.period.as_secs().max(1);
    let last = now.seconds() / period;
    let first = last.saturating_sub(u64::try_from(points.len()).unwrap_or(u64::MAX));
    let at = |number: u64| time(Moment::from_millis(number.saturating_mul(period).saturating_mul(1000)));
    let points = (first..).zip(points).map(|(number, &value)| admin::MetricPoint { at: at(number), value });
    MetricSeries {
        subject: query.subject.clone(),
        metric: query.metric.clone(),
        statistic: query.statistic.clone(),
        period: query.period,
        points: points.collect(),
    }
}
