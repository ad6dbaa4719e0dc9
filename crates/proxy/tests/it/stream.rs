//! Responses that go on and on.

use std::time::{Duration, Instant};

use equipoise_proxy::{GroupSettings, GroupTimeouts};

use crate::support::{Origin, Running, group, listener, soon};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A target that sends a head and one event, waits, and sends another.
async fn events(head: &'static str, pause: Duration) -> Origin {
    Origin::new(move |mut wire, _| async move {
        wire.message().await.unwrap();
        wire.write(head).await;
        wire.write("8\r\ndata: 1\n\r\n").await;
        tokio::time::sleep(pause).await;
        wire.write_while_wanted(b"8\r\ndata: 2\n\r\n0\r\n\r\n").await;
        wire.closed().await;
    })
    .await
}

async fn before(origin: &Origin, timeouts: GroupTimeouts) -> Running {
    let settings = GroupSettings { timeouts, ..GroupSettings::default() };
    Running::single(listener(), [group("g", &[origin.address], settings)]).await
}

#[tokio::test]
async fn an_event_arrives_while_the_next_is_not_there_yet() {
    let origin = events(EVENTS, Duration::from_secs(3600)).await;
    let running = before(&origin, GroupTimeouts::default()).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(soon(client.head()).await.unwrap().field("content-type"), "text/event-stream");
    assert_eq!(client.chunk().await.unwrap(), b"data: 1\n");
}

#[tokio::test]
async fn a_stream_of_events_may_be_silent_for_longer_than_other_responses() {
    let timeouts = GroupTimeouts { idle: Duration::from_millis(100), ..GroupTimeouts::default() };
    let pause = Duration::from_millis(500);
    let origin = events(EVENTS, pause).await;
    let running = before(&origin, timeouts).await;
    assert_eq!(running.client().await.get("/").await.text(), "data: 1\ndata: 2\n");

    let origin = events("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", pause).await;
    let running = before(&origin, timeouts).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 200);
    assert!(client.until(b"data: 2").await.is_none());
}

#[tokio::test]
async fn no_response_outlives_the_time_out_of_streams() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await.unwrap();
        wire.write(EVENTS).await;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            wire.write_while_wanted(b"8\r\ndata: 1\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let timeouts = GroupTimeouts { stream: Some(Duration::from_millis(300)), ..GroupTimeouts::default() };
    let running = before(&origin, timeouts).await;
    let mut client = running.client().await;
    let started = Instant::now();
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    soon(client.head()).await.unwrap();
    assert!(soon(client.until(b"0\r\n\r\n")).await.is_none());
    assert!(started.elapsed() >= Duration::from_millis(250) && started.elapsed() < Duration::from_secs(4));
    let fault = "equipoise_faults_total{listener=\"web\",reason=\"stream-timeout\"}";
    running.eventually(|running| running.metric(fault) == 1.0).await;
}

#[tokio::test]
async fn a_request_that_comes_round_too_often_is_refused() {
    let origin = Origin::echoing().await;
    let running = before(&origin, GroupTimeouts::default()).await;
    let asks = |times: usize| format!("GET / HTTP/1.1\r\nhost: t\r\n{}\r\n", "via: 1.1 equipoise\r\n".repeat(times));
    let mut client = running.client().await;
    assert_eq!(client.ask(&asks(5)).await.status(), 200);
    let refusal = client.ask(&asks(6)).await;
    assert_eq!(refusal.status(), 508);
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"loop\"}"), 1.0);
}

#[tokio::test]
async fn a_balancer_before_itself_ends_the_circle() {
    // Its own address is known only when it runs, so it gets its target later.
    let origin = Origin::gone().await;
    let running = Running::before(&[origin]).await;
    let listener = listener();
    let around = group("g", &[running.address], GroupSettings::default());
    running.plane.apply(equipoise_proxy::Generation::new(vec![listener], [around])).await.unwrap();
    let answer = running.client().await.get("/").await;
    assert_eq!(answer.status(), 508);
    let requests = running.metric("equipoise_listener_requests_total{listener=\"web\"}");
    assert_eq!(requests, 7.0);
}

#[tokio::test]
async fn a_body_that_drips_is_refused() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.head().await.unwrap();
        while wire.exactly(1).await.is_some() {}
    })
    .await;
    let mut listener = listener();
    listener.limits.body_rate = 1 << 20;
    let running = Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\n").await;
    let started = Instant::now();
    let answer = loop {
        client.write_while_wanted(b"x").await;
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(500), client.message()).await {
            break answer.expect("an answer");
        }
    };
    assert_eq!(answer.status(), 408);
    assert!(answer.text().contains("slow-body"));
    assert!(started.elapsed() >= Duration::from_secs(10));
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn trailers_reach_a_client_that_takes_them_and_its_target_knows() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(head) = wire.message().await {
            assert_eq!((head.all("te"), head.all("connection")), (vec!["trailers"], vec!["te"]));
            wire.write(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum, host\r\n\r\n1\r\na\r\n0\r\nx-sum: 7\r\nhost: b\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let running = before(&origin, GroupTimeouts::default()).await;
    let mut client = running.client().await;
    for _ in 0..2 {
        client.write("GET / HTTP/1.1\r\nhost: t\r\nte: deflate;q=0.5, trailers\r\nconnection: te\r\n\r\n").await;
        assert_eq!(soon(client.head()).await.unwrap().field("trailer"), "x-sum, host");
        assert_eq!(client.until(b"\r\n\r\n").await.unwrap(), b"1\r\na\r\n0\r\nx-sum: 7");
    }
    assert_eq!(origin.connections(), 1);
}
