//! What the data plane counts, through a running balancer.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use super::*;
use crate::Equipoise;

async fn answering(status: &'static str) -> SocketAddr {
    let Endpoint::Ip(address) = pages(vec![response(status, "done")]).await else { panic!("no socket") };
    address
}

/// Asks for a path, and waits for the end of the answer.
async fn ask(address: SocketAddr, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        std::io::Read::read_to_string(&mut stream, &mut String::new()).unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_to_a_group_are_in_its_series_and_in_those_of_who_scales_it() {
    let (good, bad) = (answering("200 OK").await, answering("500 Broken").await);
    let text = format!(
        r#"
        [listener.web]
        bind = "127.0.0.1:0"
        default = {{ forward = "todo" }}
        [[listener.web.rule]]
        priority = 1
        when = {{ path = "/bad" }}
        then = {{ forward = "bad" }}
        [target-group.todo]
        targets = ["{good}"]
        [target-group.bad]
        targets = ["{bad}"]
        [alarm.errors]
        target-group = "bad"
        metric = "error-rate"
        comparison = "greater-than"
        threshold = 10
        "#
    );
    let running = Equipoise::builder().config_text(text).build().unwrap().start().await.unwrap();
    let handle = running.handle();
    let core = &handle.core;
    let web: SocketAddr = core.plane.addresses()[0].1.socket().unwrap();
    ask(web, "/").await; // before anybody looked, so it is in no sample
    let mut sampler = Sampler::new(&core.registry);
    let scaled = [group(Vec::new())];
    sampler.sample(core, &scaled, Moment::from_millis(START * 1000)).await;
    for path in ["/", "/", "/", "/bad"] {
        ask(web, path).await;
    }
    let requests = |subject| key(subject, Metric::RequestCount);
    let todo = Subject::TargetGroup(GroupName::new("todo").unwrap());
    let bad = Subject::TargetGroup(GroupName::new("bad").unwrap());
    let mut second = START;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    // A request is counted a moment after its client has the last byte.
    loop {
        second += 1;
        sampler.sample(core, &scaled, Moment::from_millis(second * 1000)).await;
        let sum = |subject: &Subject| statistic_of(&sampler, &requests(subject.clone()), Statistic::Sum, second);
        if sum(&todo) + sum(&bad) >= 4.0 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{} and {}", sum(&todo), sum(&bad));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let said =
        |subject: &Subject, metric, statistic| statistic_of(&sampler, &key(subject.clone(), metric), statistic, second);
    let web = Subject::ScalingGroup(ScalingGroupName::new("web").unwrap());
    for subject in [&todo, &web] {
        assert_eq!(said(subject, Metric::RequestCount, Statistic::Sum), 3.0);
        assert_eq!(said(subject, Metric::RequestCountPerTarget, Statistic::Sum), 3.0);
        assert_eq!(said(subject, Metric::ErrorRate, Statistic::Maximum), 0.0);
        assert_eq!(said(subject, Metric::HealthyCount, Statistic::Minimum), 1.0);
    }
    assert_eq!(said(&bad, Metric::ErrorRate, Statistic::Average), 100.0);
    assert_eq!(said(&web, Metric::InService, Statistic::Maximum), 0.0);
    assert!(handle.metrics().contains("equipoise_series "));
    handle.stop_now();
    running.ended().await;
}

/// The statistic of everything until after `second`; 0 without samples.
fn statistic_of(sampler: &Sampler, key: &SeriesKey, statistic: Statistic, second: u64) -> f64 {
    let period = second + 1; // one that begins with the epoch
    sampler.store().points(key, statistic, period, 1, period)[0].unwrap_or(0.0)
}
