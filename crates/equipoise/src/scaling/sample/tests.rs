use std::sync::Mutex;

use equipoise_metrics::series::Statistic;
use equipoise_scale::InstanceId;
use equipoise_scale::provider::{Ended, Found, Handle, Launched, Pending, ProviderError, Usage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::metrics::lock;

/// A second since the epoch, at the beginning of a minute.
const START: u64 = 1_700_000_040;

/// Says what it is told that instances used, or never answers.
#[derive(Debug, Default)]
struct Said(Mutex<Option<Usage>>);

impl Provider for Said {
    fn launch<'a>(&'a self, _: &'a InstanceId) -> Pending<'a, Result<Launched, ProviderError>> {
        Box::pin(std::future::pending())
    }
    fn list(&self) -> Pending<'_, Result<Vec<Found>, ProviderError>> {
        Box::pin(std::future::pending())
    }
    fn ended<'a>(&'a self, _: &'a Handle) -> Pending<'a, Ended> {
        Box::pin(std::future::pending())
    }
    fn stop<'a>(&'a self, _: &'a Handle) -> Pending<'a, Result<(), ProviderError>> {
        Box::pin(std::future::pending())
    }
    fn usage<'a>(&'a self, _: &'a Handle) -> Pending<'a, Result<Usage, ProviderError>> {
        let usage = *lock(&self.0);
        Box::pin(async move {
            match usage {
                Some(usage) => Ok(usage),
                None => std::future::pending().await,
            }
        })
    }
    fn log<'a>(&'a self, _: &'a Handle) -> Pending<'a, Vec<String>> {
        Box::pin(std::future::pending())
    }
}

fn instance(number: u64, lifecycle: Lifecycle, since: u64) -> Instance {
    let since = Moment::from_millis(since * 1000);
    Instance {
        id: InstanceId::from_number(number),
        lifecycle,
        since,
        launched: since,
        template: 1,
        address: None,
        handle: Some(Handle(number.to_string().into())),
        protected: false,
        pooled: false,
        unhealthy: None,
    }
}

fn group(instances: Vec<(Instance, Arc<Said>)>) -> Scaled {
    let instances = instances.into_iter().map(|(instance, said)| (instance, said as Arc<dyn Provider>)).collect();
    Scaled {
        name: ScalingGroupName::new("web").unwrap(),
        target_group: GroupName::new("todo").unwrap(),
        warm_up: Duration::from_secs(10),
        scrape: None,
        instances,
    }
}

fn of_group(metric: Metric) -> SeriesKey {
    key(Subject::ScalingGroup(ScalingGroupName::new("web").unwrap()), metric)
}

fn of_instance(number: u64, metric: Metric) -> SeriesKey {
    key(Subject::Instance(ScalingGroupName::new("web").unwrap(), InstanceId::from_number(number)), metric)
}

/// The rounds of a test, a second apart in virtual time.
struct Rounds {
    instances: Instances,
    store: Store<SeriesKey>,
    second: u64,
}

impl Rounds {
    fn new() -> Self {
        let instances = Instances::new(&Registry::new());
        Self { instances, store: Store::new(Limits::default()), second: START }
    }

    async fn round(&mut self, scaled: &[Scaled]) {
        self.second += 1;
        self.instances.sample(&self.store, scaled, Moment::from_millis(self.second * 1000)).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }

    /// The statistic of the last second.
    fn last(&self, key: &SeriesKey, statistic: Statistic) -> Option<f64> {
        self.store.points(key, statistic, 1, 1, self.second)[0]
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_used_is_read_from_two_readings() {
    let said = Arc::new(Said::default());
    let scaled = [group(vec![(instance(1, Lifecycle::InService, 0), said.clone())])];
    let mut rounds = Rounds::new();
    let usage = |seconds: f64, received| Usage {
        cpu: Some(Duration::from_secs_f64(seconds)),
        processors: 2.0,
        memory: Some(50),
        memory_limit: Some(200),
        received: Some(received),
        sent: None,
    };
    *lock(&said.0) = Some(usage(10.0, 1000));
    rounds.round(&scaled).await;
    assert_eq!(rounds.last(&of_group(Metric::CpuUtilization), Statistic::Average), None);
    assert_eq!(rounds.last(&of_group(Metric::MemoryUtilization), Statistic::Average), Some(25.0));
    *lock(&said.0) = Some(usage(10.5, 4000));
    rounds.round(&scaled).await;
    let near = |key, wanted: f64| {
        let said = rounds.last(&key, Statistic::Average).unwrap();
        assert!((said - wanted).abs() < 1e-6, "{said} instead of {wanted}");
    };
    near(of_group(Metric::CpuUtilization), 25.0);
    near(of_instance(1, Metric::CpuUtilization), 25.0);
    near(of_instance(1, Metric::NetworkReceived), 3000.0);
    assert_eq!(rounds.last(&of_group(Metric::NetworkSent), Statistic::Average), None);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_measured_over_its_instances_in_service_that_are_warm() {
    let used = |seconds| Arc::new(Said(Mutex::new(Some(Usage { memory: Some(seconds), ..Usage::default() }))));
    let scaled = [group(vec![
        (instance(1, Lifecycle::InService, 0), used(10)),
        (instance(2, Lifecycle::InService, 0), used(30)),
        (instance(3, Lifecycle::InService, START - 5), used(500)),
        (instance(4, Lifecycle::Warming, 0), used(900)),
    ])];
    let mut rounds = Rounds::new();
    rounds.round(&scaled).await;
    let memory = of_group(Metric::Memory);
    assert_eq!(rounds.last(&memory, Statistic::SampleCount), Some(2.0));
    assert_eq!(rounds.last(&memory, Statistic::Average), Some(20.0));
    assert_eq!(rounds.last(&memory, Statistic::Maximum), Some(30.0));
    assert_eq!(rounds.last(&of_instance(3, Metric::Memory), Statistic::Average), Some(500.0));
    assert_eq!(rounds.last(&of_instance(4, Metric::Memory), Statistic::Average), Some(900.0));
    for _ in 0..5 {
        rounds.round(&scaled).await;
    }
    assert_eq!(rounds.last(&memory, Statistic::SampleCount), Some(3.0));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_says_nothing_holds_up_nobody() {
    let (silent, other) = (Arc::new(Said::default()), Arc::new(Said::default()));
    *lock(&other.0) = Some(Usage { memory: Some(7), ..Usage::default() });
    let scaled = [group(vec![
        (instance(1, Lifecycle::InService, 0), silent.clone()),
        (instance(2, Lifecycle::InService, 0), other),
    ])];
    let mut rounds = Rounds::new();
    rounds.round(&scaled).await;
    assert_eq!(rounds.last(&of_group(Metric::Memory), Statistic::SampleCount), Some(1.0));
    *lock(&silent.0) = Some(Usage { memory: Some(9), ..Usage::default() });
    for _ in 0..15 {
        rounds.round(&scaled).await; // it was given up, and is asked again
    }
    assert_eq!(rounds.last(&of_group(Metric::Memory), Statistic::Maximum), Some(9.0));
}

#[tokio::test(start_paused = true)]
async fn among_very_many_series_groups_go_first() {
    let used = Said(Mutex::new(Some(Usage { memory: Some(7), ..Usage::default() })));
    let scaled = [group(vec![(instance(1, Lifecycle::InService, 0), Arc::new(used))])];
    let mut rounds = Rounds::new();
    for number in 0..20_000 {
        rounds.store.record(of_instance(number + 2, Metric::Memory), START, 1.0).unwrap();
    }
    rounds.round(&scaled).await;
    assert_eq!(rounds.last(&of_group(Metric::Memory), Statistic::Average), Some(7.0));
    assert_eq!(rounds.last(&of_instance(1, Metric::Memory), Statistic::Average), None);
}

#[test]
fn a_sample_that_is_pushed_for_an_instance_counts_for_its_group() {
    let store = Store::new(Limits::default());
    let jobs: Metric = "custom.jobs".parse().unwrap();
    let now = Moment::from_millis(START * 1000);
    for (number, value) in [(1, 4.0), (2, 8.0)] {
        push(&store, of_instance(number, jobs.clone()), now, value).unwrap();
    }
    let points = |key| store.points(&key, Statistic::Average, 1, 1, START + 1)[0];
    assert_eq!(points(of_group(jobs.clone())), Some(6.0));
    assert_eq!(points(of_instance(2, jobs.clone())), Some(8.0));
    let kept = kept(&store);
    assert_eq!(kept.keys().collect::<Vec<_>>(), [&of_group(jobs)]);
}

#[test]
fn pushed_metrics_without_end_leave_room_for_what_is_measured() {
    let store = Store::new(Limits::default());
    let now = Moment::from_millis(START * 1000);
    let pushed =
        |number: usize, value| push(&store, of_group(format!("custom.m{number}").parse().unwrap()), now, value);
    let refused = (0..PUSHED + 100).filter(|number| pushed(*number, 1.0).is_err()).count();
    assert_eq!(refused, 100);
    pushed(0, 2.0).expect("one that has begun goes on");
    store.record(of_instance(1, Metric::CpuUtilization), START, 1.0).expect("there is room");
}

/// Answers each connection with the next of these responses, then with the last one for ever.
async fn pages(responses: Vec<String>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut responses = responses.into_iter().peekable();
        while let Ok((mut stream, _)) = listener.accept().await {
            let response = responses.next().unwrap();
            if responses.peek().is_none() {
                responses = vec![response.clone()].into_iter().peekable();
            }
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    address.into()
}

fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn scrape() -> Scrape {
    Scrape {
        path: "/metrics".to_owned(),
        port: None,
        metrics: vec!["jobs".to_owned(), "done_total".to_owned()],
        interval: Duration::from_secs(10),
    }
}

#[tokio::test]
async fn pages_are_read_and_what_is_no_page_is_none() {
    let page = "# TYPE jobs gauge\njobs{q=\"a\"} 1\njobs{q=\"b\"} 2\nother 9\ndone_total 5\n";
    let good = pages(vec![response("200 OK", page)]).await;
    let page = page::fetch_page(&scrape(), good).await.unwrap();
    assert_eq!(page.into_iter().collect::<Vec<_>>(), [("done_total".into(), 5.0), ("jobs".into(), 3.0)]);

    let failure = async |response: String| {
        let address = pages(vec![response]).await;
        page::fetch_page(&scrape(), address).await.unwrap_err().to_string()
    };
    assert_eq!(failure(response("503 Busy", "jobs 1")).await, "answered with status 503 Service Unavailable");
    assert_eq!(failure(response("200 OK", "<html>")).await, "line 1 is not in the text format of Prometheus");
    let huge = "jobs 1\n".repeat(200_000);
    assert_eq!(failure(response("200 OK", &huge)).await, "the page is larger than 1048576 bytes");
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\njobs 1\n".to_owned();
    assert!(failure(cut).await.starts_with("the body broke off"));
}

#[tokio::test]
async fn counters_of_a_page_are_read_as_their_growth() {
    let at = |millis| tokio::time::Instant::now() + Duration::from_millis(millis);
    let mut counters = BTreeMap::new();
    let start = at(0);
    let mut shown = |millis, value: f64| {
        let page = [("done_total".into(), value), ("jobs".into(), value)].into();
        instances::shown(&mut counters, start + Duration::from_millis(millis), page)
    };
    let custom = |name: &str, value| (format!("custom.{name}").parse::<Metric>().unwrap(), value);
    assert_eq!(shown(0, 100.0), [custom("jobs", 100.0)]);
    assert_eq!(shown(2000, 110.0), [custom("done_total", 5.0), custom("jobs", 110.0)]);
    // It began anew: there is no telling how much it grew.
    assert_eq!(shown(4000, 3.0), [custom("jobs", 3.0)]);
    assert_eq!(shown(6000, 3.0), [custom("done_total", 0.0), custom("jobs", 3.0)]);
}

mod balancer;
