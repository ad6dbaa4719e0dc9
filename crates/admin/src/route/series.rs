//! Metrics: one line of a graph at a time out, custom numbers in.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::Shared;
use super::extract::{Asked, Told, bad_body, bad_query};
use crate::control::Control;
use crate::problem::Problem;
use crate::scaling::{Datum, MetricQuery, MetricSeries, Subject, SubjectError, Taken};

/// Numbers in one push; the body's limit is hardly more.
const MOST_DATA: usize = 100;

pub(super) fn routes() -> Router<Arc<dyn Control>> {
    Router::new().route("/v1/metrics", get(metric).post(push))
}

/// A query as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    subject: String,
    metric: String,
    statistic: Option<String>,
    period: Option<String>,
    since: Option<String>,
}

/// Body of a push.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push {
    data: Vec<Datum>,
}

async fn metric(State(control): Shared, Asked(line): Asked<Line>) -> Result<Json<MetricSeries>, Box<Problem>> {
    #[expect(clippy::disallowed_methods, reason = "a caller may name a time of the wall clock")]
    let now = SystemTime::now();
    let query = line.query(now).map_err(bad_query)?;
    Ok(Json(control.metric(&query)?))
}

async fn push(State(control): Shared, Told(push): Told<Push>) -> Result<Json<Taken>, Box<Problem>> {
    match push.data.len() {
        1..=MOST_DATA => Ok(Json(control.push(&push.data)?)),
        count => Err(bad_body(format!("`data` holds 1 to {MOST_DATA} numbers, not {count}"))),
    }
}

impl Line {
    fn query(self, now: SystemTime) -> Result<MetricQuery, String> {
        let subject: Subject = self.subject.parse().map_err(|error: SubjectError| error.to_string())?;
        let period = self.period.as_deref().map_or(Ok(Duration::from_secs(60)), period)?;
        let count = match &self.since {
            None => MetricQuery::USUAL_POINTS,
            Some(since) => points(span(since, now)?, period)?,
        };
        let statistic = self.statistic.unwrap_or_else(|| "average".to_owned());
        Ok(MetricQuery { subject, metric: self.metric, statistic, period, count })
    }
}

fn period(text: &str) -> Result<Duration, String> {
    let period = humantime::parse_duration(text).ok();
    let period = period.filter(|period| period.as_secs() > 0 && period.subsec_nanos() == 0);
    period.ok_or_else(|| format!("`period` is whole seconds, such as 60s, not `{text}`"))
}

/// How far back a time is, or a span of time.
fn span(text: &str, now: SystemTime) -> Result<Duration, String> {
    let time = || humantime::parse_rfc3339(text).ok().and_then(|since| now.duration_since(since).ok());
    let span = humantime::parse_duration(text).ok().or_else(time);
    span.ok_or_else(|| {
        format!("`since` is a span such as 1h, or a past time such as 2020-02-02T20:20:20Z, not `{text}`")
    })
}

fn points(span: Duration, period: Duration) -> Result<usize, String> {
    let count = span.as_secs().div_ceil(period.as_secs()).max(1);
    let fits = usize::try_from(count).ok().filter(|count| *count <= MetricQuery::MOST_POINTS);
    let most = MetricQuery::MOST_POINTS;
    fits.ok_or_else(|| format!("that would be {count} periods, more than {most}: ask for a longer period or less time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(period: Option<&str>, since: Option<&str>, want: Result<(u64, usize), &str>) {
        let line = Line {
            subject: "scaling-group/web".to_owned(),
            metric: "latency".to_owned(),
            statistic: None,
            period: period.map(str::to_owned),
            since: since.map(str::to_owned),
        };
        let query = line.query(SystemTime::UNIX_EPOCH + Duration::from_secs(3600));
        match (query, want) {
            (Ok(query), Ok((period, count))) => assert_eq!((query.period.as_secs(), query.count), (period, count)),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (query, want) => panic!("{query:?} is not {want:?}"),
        }
    }

    #[test]
    fn a_query_covers_the_time_that_it_names() {
        check(None, None, Ok((60, 60)));
        check(Some("1s"), Some("90s"), Ok((1, 90)));
        check(Some("5min"), Some("11min"), Ok((300, 3)));
        check(None, Some("1970-01-01T00:30:00Z"), Ok((60, 30)));
        check(None, Some("1970-01-01T01:00:00Z"), Ok((60, 1)));
    }

    #[test]
    fn what_cannot_be_answered_is_refused_by_name() {
        check(Some("0s"), None, Err("`period`"));
        check(Some("1500ms"), None, Err("`period`"));
        check(None, Some("soon"), Err("`since`"));
        check(None, Some("1970-01-01T02:00:00Z"), Err("past"));
        check(Some("1s"), Some("2h"), Err("4032"));
    }
}
