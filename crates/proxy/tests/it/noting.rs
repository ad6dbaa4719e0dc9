//! The access log and the counts.

use std::sync::Arc;

use equipoise_proxy::{AccessLog, Generation, GroupSettings, LogDestination, LogFormat};

use crate::support::{Origin, Running, group, listener};

#[tokio::test]
async fn every_request_is_a_line_that_says_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(LogDestination::File(path.clone()), LogFormat::Json).unwrap();
    let origin = Origin::answering("hello").await;
    let gone = Origin::gone().await;
    let shared = group("g", &[gone, origin.address], GroupSettings::default());
    let mut generation = Generation::new(vec![listener()], [Arc::clone(&shared)]);
    generation.access_log = Some(log.clone());
    let running = Running::start(1, generation).await;
    let mut client = running.client().await;
    let request =
        "POST /todos?x=1 HTTP/1.1\r\nhost: todo.example\r\nuser-agent: a\"b\x07c\r\ncontent-length: 3\r\n\r\nabc";
    // The control character makes the whole head one that nobody reads.
    assert_eq!(client.ask(request).await.status(), 400);
    let mut client = running.client().await;
    assert_eq!(client.ask(&request.replace('\x07', "\t")).await.text(), "hello");
    assert_eq!(client.ask("GET /bad HTTP/1.1\r\n\r\n").await.status(), 400);
    assert!(log.flush(std::time::Duration::from_secs(30)));
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [unreadable, served, refused] = &lines[..] else { panic!("{text}") };
    assert_eq!((&unreadable["http.response.status_code"], &unreadable["reason"]), (&400.into(), &"bad-request".into()));
    assert_eq!((&unreadable["client.address"], unreadable.get("url.path")), (&"127.0.0.1".into(), None));
    assert_eq!(served["http.request.method"], "POST");
    assert_eq!(served["url.path"], "/todos");
    assert_eq!(served["url.query"], "x=1");
    assert_eq!(served["client.address"], "127.0.0.1");
    assert_eq!(served["user_agent.original"], "a\"b\tc");
    assert_eq!(served["http.response.status_code"], 200);
    assert_eq!(served["group"], "g");
    assert_eq!(served["rule"], "default");
    assert_eq!(served["target"], origin.address.to_string());
    assert_eq!((&served["bytes.received"], &served["bytes.sent"]), (&3.into(), &5.into()));
    assert_eq!(served["request.id"].as_str().unwrap().len(), 36);
    assert!(served.get("reason").is_none());
    assert_eq!((&refused["http.response.status_code"], &refused["reason"]), (&400.into(), &"no-host".into()));
}

#[tokio::test]
async fn requests_are_counted_by_listener_group_and_class() {
    let origin = Origin::answering("hello").await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.get("/").await;
    client.ask("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody").await;
    let labels = "{listener=\"web\",group=\"g\"}";
    let class = "equipoise_requests_total{listener=\"web\",group=\"g\",status_class=\"2xx\"}";
    running.eventually(|running| running.metric(class) == 2.0).await;
    assert_eq!(running.metric(&format!("equipoise_sent_bytes_total{labels}")), 10.0);
    assert_eq!(running.metric(&format!("equipoise_received_bytes_total{labels}")), 4.0);
    assert_eq!(running.metric(&format!("equipoise_request_duration_seconds_count{labels}")), 2.0);
    assert_eq!(running.metric("equipoise_connections_active{listener=\"web\"}"), 1.0);
    assert_eq!(
        running.metric(&format!("equipoise_target_in_flight{{group=\"g\",target=\"{}\"}}", origin.address)),
        0.0
    );
    assert!(!running.registry.encode().contains("equipoise_faults_total"), "{}", running.registry.encode());
}

#[tokio::test]
async fn half_a_head_is_a_line_too_when_it_was_waited_for_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(LogDestination::File(path.clone()), LogFormat::Json).unwrap();
    let mut listener = listener();
    listener.timeouts.head = std::time::Duration::from_millis(150);
    let mut generation = Generation::new(vec![listener], [group("g", &[], GroupSettings::default())]);
    generation.access_log = Some(log.clone());
    let running = Running::start(1, generation).await;
    let mut silent = running.client().await;
    let mut slow = running.client().await;
    slow.write("GET / HTTP/1.1\r\nhost: ").await;
    assert!(slow.closed().await && silent.closed().await);
    let series = "equipoise_faults_total{listener=\"web\",reason=\"head-timeout\"}";
    running.eventually(|running| running.metric(series) == 2.0).await;
    assert!(log.flush(std::time::Duration::from_secs(30)));
    let lines = std::fs::read_to_string(path).unwrap();
    assert_eq!(lines.matches('\n').count(), 1, "{lines}");
    let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&line["http.response.status_code"], &line["reason"]), (&408.into(), &"head-timeout".into()));
}
