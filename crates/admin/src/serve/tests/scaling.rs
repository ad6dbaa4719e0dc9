//! Scaling groups, alarms and metrics over the wire, against a balancer that is made up.

use std::time::UNIX_EPOCH;

use super::*;
use crate::scaling::{
    Activity, ActivityStatus, Alarm, AlarmState, AlarmTransition, BackOff, Datum, Forecast, ForecastPoint, Instance,
    Lifecycle, MetricPoint, MetricQuery, MetricSeries, Order, Policy, Refresh, ScalingError, ScalingGroup, Subject,
    Summary, Taken, WarmPool,
};
use crate::status::Health;

const INSTANCE: &str = "i-0123456789abcdef";

/// Has one group of everything that can be said, and remembers what it was told.
#[derive(Default)]
struct Scaler {
    orders: Mutex<Vec<Order>>,
    pushed: Mutex<Vec<Datum>>,
    asked: Mutex<Vec<MetricQuery>>,
    limits: Mutex<Vec<usize>>,
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn group() -> ScalingGroup {
    let instance = Instance {
        id: INSTANCE.to_owned(),
        lifecycle: Lifecycle::InService,
        since: at(20),
        launched: at(10),
        template: 2,
        address: Some("127.0.0.1:6500".to_owned()),
        protected: true,
        health: Health::Healthy,
        reason: String::new(),
        in_flight: 3,
    };
    let refresh = Refresh {
        template: 2,
        state: "checkpoint".to_owned(),
        replaced: 1,
        of: 2,
        failures: 0,
        max_failures: 2,
        since: at(5),
        until: Some(at(605)),
    };
    ScalingGroup {
        name: "web".to_owned(),
        target_group: "todo".to_owned(),
        provider: "process".to_owned(),
        min: 1,
        max: 4,
        desired: 2,
        in_service: 1,
        template: 2,
        cooldown_until: Some(at(120)),
        suspended: vec!["terminate".to_owned()],
        refresh: Some(refresh),
        back_off: Some(BackOff { until: at(40), failures: 3, reason: "exited with code 1\nlast words".to_owned() }),
        warm_pool: Some(WarmPool { size: 2, ready: 1 }),
        instances: vec![instance],
        policies: vec![Policy { name: "out".to_owned(), kind: "simple".to_owned(), ..Policy::default() }],
        forecasts: vec![forecast()],
    }
}

fn forecast() -> Forecast {
    let points = vec![ForecastPoint { at: at(60), value: Some(12.0), capacity: Some(3) }];
    Forecast { policy: "ahead".to_owned(), forecast_only: true, made: at(50), seasons: 2, points }
}

fn activity() -> Activity {
    Activity {
        id: 7,
        group: "web".to_owned(),
        instance: Some(INSTANCE.to_owned()),
        description: format!("launching instance {INSTANCE}"),
        cause: "at 1970-01-01T00:00:10Z an administrator wanted 2 instances".to_owned(),
        start: at(10),
        end: None,
        status: ActivityStatus::InProgress,
        message: None,
    }
}

fn alarm() -> Alarm {
    Alarm {
        name: "cpu-high".to_owned(),
        subject: "scaling-group/web".to_owned(),
        metric: "cpu-utilization".to_owned(),
        statistic: "average".to_owned(),
        period: Duration::from_secs(120),
        evaluation_periods: 2,
        datapoints_to_alarm: 2,
        comparison: "greater-than-or-equal".to_owned(),
        threshold: 20.0,
        missing_data: "missing".to_owned(),
        state: AlarmState::InsufficientData,
        since: Some(at(9)),
        reason: "no datapoints".to_owned(),
        policies: vec!["web/out".to_owned()],
        generated_by: None,
    }
}

fn transition() -> AlarmTransition {
    let (from, to) = (AlarmState::Ok, AlarmState::Alarm);
    AlarmTransition { alarm: "cpu-high".to_owned(), at: at(9), from, to, reason: "2 of 2".to_owned() }
}

impl Control for Scaler {
    fn status(&self) -> Status {
        Status { scaling_groups: vec![Summary::from(&group())], ..Status::default() }
    }
    fn phase(&self) -> Phase {
        Phase::Ready
    }
    fn metrics(&self) -> String {
        String::new()
    }
    fn effective_config(&self) -> String {
        String::new()
    }
    fn reload(&self) -> Pending<'_, Result<Reload, ReloadError>> {
        Box::pin(async { Err(ReloadError::NoSource) })
    }
    fn drain(&self, _: DrainRequest) -> Drain {
        Drain { in_flight: 0, deadline: Duration::ZERO }
    }
    fn scaling_groups(&self) -> Vec<ScalingGroup> {
        vec![group()]
    }
    fn order(&self, name: String, order: Order) -> Pending<'_, Result<ScalingGroup, ScalingError>> {
        Box::pin(async move {
            let group = self.scaling_group(&name)?;
            if let Order::SetDesired { desired: desired @ 5.., .. } = order {
                return Err(ScalingError::OutOfBounds { group: name, desired, min: 1, max: 4 });
            }
            self.orders.lock().unwrap().push(order);
            Ok(group)
        })
    }
    fn activities(&self, name: String, limit: usize) -> Pending<'_, Result<Vec<Activity>, ScalingError>> {
        Box::pin(async move {
            self.limits.lock().unwrap().push(limit);
            self.scaling_group(&name).map(|_| vec![activity()])
        })
    }
    fn alarms(&self) -> Vec<Alarm> {
        vec![alarm()]
    }
    fn alarm_history(&self, name: String, limit: usize) -> Pending<'_, Result<Vec<AlarmTransition>, ScalingError>> {
        Box::pin(async move {
            self.limits.lock().unwrap().push(limit);
            let known = vec!["cpu-high".to_owned()];
            if known.contains(&name) { Ok(vec![transition()]) } else { Err(ScalingError::NoAlarm { name, known }) }
        })
    }
    fn metric(&self, query: &MetricQuery) -> Result<MetricSeries, ScalingError> {
        self.asked.lock().unwrap().push(query.clone());
        Ok(series(query))
    }
    fn push(&self, data: &[Datum]) -> Result<Taken, ScalingError> {
        self.pushed.lock().unwrap().extend_from_slice(data);
        Ok(Taken { taken: data.len() })
    }
}

fn series(query: &MetricQuery) -> MetricSeries {
    let points = vec![MetricPoint { at: at(60), value: Some(23.5) }, MetricPoint { at: at(120), value: None }];
    let MetricQuery { subject, metric, statistic, period, .. } = query.clone();
    MetricSeries { subject, metric, statistic, period, points }
}

#[tokio::test]
async fn the_client_reads_what_is_said_of_scaling() {
    let (address, scaler) = start(Scaler::default()).await;
    let client = Client::new(address, None);
    assert_eq!(client.status().await.unwrap(), scaler.status());
    assert_eq!(client.scaling_groups().await.unwrap(), [group()]);
    assert_eq!(client.scaling_group("web").await.unwrap(), group());
    assert_eq!(client.activities("web", 5).await.unwrap(), [activity()]);
    assert_eq!(client.alarms().await.unwrap(), [alarm()]);
    assert_eq!(client.alarm_history("cpu-high", 6).await.unwrap(), [transition()]);
    assert_eq!(*scaler.limits.lock().unwrap(), [5, 6]);
}

#[tokio::test]
async fn a_status_says_in_one_line_what_an_operator_should_know_of_a_group() {
    let note = Summary::from(&group()).note;
    let want =
        "3 launches failed, waiting: exited with code 1; refresh checkpoint, 1 of 2 replaced; suspended: terminate";
    assert_eq!(note, want);
}

#[tokio::test]
async fn every_order_arrives_as_it_was_given() {
    let (address, scaler) = start(Scaler::default()).await;
    let client = Client::new(address, None);
    let instance = || INSTANCE.to_owned();
    let orders = [
        Order::SetDesired { desired: 3, honor_cooldown: true },
        Order::Refresh,
        Order::CancelRefresh,
        Order::RollBack,
        Order::Suspend(vec!["terminate".to_owned()]),
        Order::Resume(Vec::new()),
        Order::Protect { instance: instance(), protected: true },
        Order::Protect { instance: instance(), protected: false },
        Order::Terminate { instance: instance(), shrink: true },
    ];
    for order in &orders {
        assert_eq!(client.order("web", order).await.unwrap(), group());
    }
    assert_eq!(*scaler.orders.lock().unwrap(), orders);
}

#[tokio::test]
async fn an_order_is_refused_with_a_reason_that_helps() {
    let (address, scaler) = start(Scaler::default()).await;
    let check = async |line: &str, body: &str, status: &str, part: &str| {
        let answer = call(&address, line, body).await;
        assert_status(&answer, status);
        assert!(answer.contains("application/problem+json") && answer.contains(part), "{line}: {answer}");
    };
    let group = "/v1/scaling-groups/web";
    check("POST /v1/scaling-groups/wbe/refresh", "", "404", "the scaling groups are `web`").await;
    check("GET /v1/scaling-groups/w%2Fb", "", "404", "`w/b`").await;
    check("GET /v1/scaling-groups/%ff", "", "400", "bad path").await;
    check(&format!("POST {group}/desired"), "", "400", "missing field `desired`").await;
    check(&format!("POST {group}/desired"), r#"{"desired": -1}"#, "400", "-1").await;
    check(&format!("POST {group}/desired"), r#"{"desired": 5}"#, "422", "has 1 to 4 instances").await;
    check(&format!("POST {group}/desired"), r#"{"desired": 2, "honour_cooldown": true}"#, "400", "honor_cooldown")
        .await;
    check(&format!("POST {group}/refresh"), r#"{"min": 1}"#, "400", "unknown field `min`").await;
    check(&format!("POST {group}/suspend"), &"x".repeat(20_000), "413", "bad-body").await;
    check(&format!("GET {group}/desired"), "", "405", "does not take GET").await;
    check(&format!("GET {group}/activities?limit=0"), "", "400", "1 to 1000").await;
    check(&format!("GET {group}/activities?limt=5"), "", "400", "limit").await;
    check("GET /v1/alarms/x/history", "", "404", "the alarms are `cpu-high`").await;
    assert!(scaler.orders.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_order_without_a_body_means_all_processes_and_another_instance() {
    let (address, scaler) = start(Scaler::default()).await;
    assert_status(&call(&address, "POST /v1/scaling-groups/web/suspend", "").await, "200");
    let terminate = format!("POST /v1/scaling-groups/web/instances/{INSTANCE}/terminate");
    assert_status(&call(&address, &terminate, "").await, "200");
    let orders = [Order::Suspend(vec![]), Order::Terminate { instance: INSTANCE.to_owned(), shrink: false }];
    assert_eq!(*scaler.orders.lock().unwrap(), orders);
}

#[tokio::test]
async fn a_line_of_a_graph_is_asked_for_by_its_periods() {
    let (address, scaler) = start(Scaler::default()).await;
    let client = Client::new(address, None);
    let query = MetricQuery {
        subject: Subject::Instance { group: "web".to_owned(), id: INSTANCE.to_owned() },
        metric: "custom.jobs:depth".to_owned(),
        statistic: "p99".to_owned(),
        period: Duration::from_secs(10),
        count: 90,
    };
    assert_eq!(client.metric(&query).await.unwrap(), series(&query));
    assert_eq!(*scaler.asked.lock().unwrap(), [query]);
}

#[tokio::test]
async fn numbers_are_taken_within_bounds() {
    let (address, scaler) = start(Scaler::default()).await;
    let subject = Subject::ScalingGroup("web".to_owned());
    let data = vec![Datum { subject, metric: "custom.jobs".to_owned(), value: 12.5 }];
    assert_eq!(Client::new(address.clone(), None).push(&data).await.unwrap(), Taken { taken: 1 });
    let datum = r#"{"subject":"scaling-group/web","metric":"custom.jobs","value":1}"#;
    for (body, status) in [
        (r#"{"data": []}"#.to_owned(), "400"),
        (format!(r#"{{"data": [{}]}}"#, vec![datum; 101].join(",")), "400"),
        (format!(r#"{{"data": [{}]}}"#, vec![datum; 300].join(",")), "413"),
        (r#"{"data": [{"subject": "web", "metric": "custom.jobs", "value": 1}]}"#.to_owned(), "400"),
        (r#"{"data": [{"subject": "scaling-group/web", "metric": "custom.jobs", "value": 1e999}]}"#.to_owned(), "400"),
    ] {
        assert_status(&call(&address, "POST /v1/metrics", &body).await, status);
    }
    assert_eq!(*scaler.pushed.lock().unwrap(), data);
}

#[tokio::test]
async fn a_balancer_without_scaling_groups_says_so() {
    let (address, _fake) = start(Fake::default()).await;
    let client = Client::new(address, None);
    assert_eq!(client.scaling_groups().await.unwrap(), []);
    let error = client.order("web", &Order::Refresh).await.unwrap_err();
    assert!(!error.is_unreachable() && error.to_string().contains("no scaling groups"), "{error}");
    let error = client.scaling_group("web").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no scaling group `web`");
}
