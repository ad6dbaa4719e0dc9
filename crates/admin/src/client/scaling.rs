//! Questions and orders about scaling groups, alarms and metrics.

use std::fmt::Write as _;

use http::Method;
use hyper::body::Bytes;
use serde::Serialize;

use super::{Client, ClientError};
use crate::scaling::{
    Activity, Alarm, AlarmTransition, Datum, DesiredRequest, MetricQuery, MetricSeries, Order, ProcessesRequest,
    ScalingGroup, Taken, TerminateRequest,
};

/// Body of a push.
#[derive(Serialize)]
struct Push<'a> {
    data: &'a [Datum],
}

impl Client {
    /// `GET /v1/scaling-groups`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn scaling_groups(&self) -> Result<Vec<ScalingGroup>, ClientError> {
        self.json(Method::GET, "/v1/scaling-groups", Bytes::new()).await
    }

    /// `GET /v1/scaling-groups/{name}`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn scaling_group(&self, name: &str) -> Result<ScalingGroup, ClientError> {
        self.json(Method::GET, &format!("/v1/scaling-groups/{}", encoded(name)), Bytes::new()).await
    }

    /// `GET /v1/scaling-groups/{name}/activities`, the newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn activities(&self, name: &str, limit: usize) -> Result<Vec<Activity>, ClientError> {
        let path = format!("/v1/scaling-groups/{}/activities?limit={limit}", encoded(name));
        self.json(Method::GET, &path, Bytes::new()).await
    }

    /// Gives an order to a scaling group; gives back the group as it is then.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn order(&self, group: &str, order: &Order) -> Result<ScalingGroup, ClientError> {
        let (what, body) = written(order);
        let path = format!("/v1/scaling-groups/{}/{what}", encoded(group));
        self.json(Method::POST, &path, body).await
    }

    /// `GET /v1/alarms`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn alarms(&self) -> Result<Vec<Alarm>, ClientError> {
        self.json(Method::GET, "/v1/alarms", Bytes::new()).await
    }

    /// `GET /v1/alarms/{name}/history`, the newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn alarm_history(&self, name: &str, limit: usize) -> Result<Vec<AlarmTransition>, ClientError> {
        let path = format!("/v1/alarms/{}/history?limit={limit}", encoded(name));
        self.json(Method::GET, &path, Bytes::new()).await
    }

    /// `GET /v1/metrics`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn metric(&self, query: &MetricQuery) -> Result<MetricSeries, ClientError> {
        let seconds = query.period.as_secs();
        let span = u64::try_from(query.count).unwrap_or(u64::MAX).saturating_mul(seconds);
        let path = format!(
            "/v1/metrics?subject={}&metric={}&statistic={}&period={seconds}s&since={span}s",
            encoded(&query.subject.to_string()),
            encoded(&query.metric),
            encoded(&query.statistic),
        );
        self.json(Method::GET, &path, Bytes::new()).await
    }

    /// `POST /v1/metrics`: at most 100 numbers, measured now.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn push(&self, data: &[Datum]) -> Result<Taken, ClientError> {
        self.json(Method::POST, "/v1/metrics", json(&Push { data })).await
    }
}

/// The end of the path and the body of an order.
fn written(order: &Order) -> (String, Bytes) {
    let of_instance = |instance: &str, what: &str| format!("instances/{}/{what}", encoded(instance));
    let plain = |what: &str| (what.to_owned(), Bytes::new());
    match order {
        Order::SetDesired { desired, honor_cooldown } => {
            ("desired".to_owned(), json(&DesiredRequest { desired: *desired, honor_cooldown: *honor_cooldown }))
        }
        Order::Refresh => plain("refresh"),
        Order::CancelRefresh => plain("refresh/cancel"),
        Order::RollBack => plain("refresh/roll-back"),
        Order::Suspend(processes) => ("suspend".to_owned(), json(&ProcessesRequest { processes: processes.clone() })),
        Order::Resume(processes) => ("resume".to_owned(), json(&ProcessesRequest { processes: processes.clone() })),
        Order::Protect { instance, protected: true } => plain(&of_instance(instance, "protect")),
        Order::Protect { instance, protected: false } => plain(&of_instance(instance, "unprotect")),
        Order::Terminate { instance, shrink } => {
            (of_instance(instance, "terminate"), json(&TerminateRequest { shrink: *shrink }))
        }
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Texts, numbers and lists of them cannot fail to serialize.
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// A text as one part of a path or of a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to memory cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
