use axum::Router;
use axum::routing::get;
use equipoise_target::Condition;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{Equipoise, Handle, Running};

/// A group without targets, whose checks want to see a target pass before it takes requests.
const CONFIGURATION: &str = r#"
    [admin]
    bind = "127.0.0.1:0"
    [listener.web]
    bind = "127.0.0.1:0"
    default = { forward = "todo" }
    [target-group.todo]
    deregistration-delay = "20s"
    [target-group.todo.health-check.http]
    path = "/"
    initial = "unhealthy"
"#;

async fn start() -> (Running, Handle, GroupName) {
    let running = Equipoise::builder().config_text(CONFIGURATION).build().unwrap().start().await.unwrap();
    let handle = running.handle();
    (running, handle, GroupName::new("todo").unwrap())
}

/// A target that answers at once, but for `/slow`, which takes until it is let go.
async fn target(name: &'static str, slow: Arc<tokio::sync::Notify>) -> Arc<Target> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Arc::new(Target::new(listener.local_addr().unwrap()));
    let wait = move || async move {
        slow.notified().await;
        name
    };
    let routes = Router::new().route("/", get(move || async move { name })).route("/slow", get(wait));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    target
}

async fn ask(handle: &Handle, path: &str) -> String {
    let address = handle.status().listeners[0].bind.clone();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_joins_healthy_takes_requests_at_once_and_leaves_at_its_last_byte() {
    let (_running, handle, group) = start().await;
    assert!(ask(&handle, "/").await.starts_with("HTTP/1.1 503"));
    let slow = Arc::new(tokio::sync::Notify::new());
    let target = target("one", slow.clone()).await;
    assert!(handle.core.join(&group, &target));
    assert_eq!(handle.core.monitor.condition(&group, target.address()), Condition::Ready);
    assert!(ask(&handle, "/").await.ends_with("one"));
    let under_way = tokio::spawn({
        let handle = handle.clone();
        async move { ask(&handle, "/slow").await }
    });
    while target.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let left = tokio::spawn(handle.core.leave(&group, &target));
    assert!(ask(&handle, "/").await.starts_with("HTTP/1.1 503"), "it takes nothing new");
    assert!(!left.is_finished());
    let draining = &handle.status().target_groups[0].targets;
    assert!(draining.len() == 1 && draining[0].draining, "{draining:?}");
    slow.notify_one();
    assert!(under_way.await.unwrap().ends_with("one"));
    left.await.unwrap();
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_who_joined_and_lets_them_go_with_their_group() {
    let (_running, handle, group) = start().await;
    let target = target("one", Arc::default()).await;
    handle.core.join(&group, &target);
    let other = CONFIGURATION.replace("20s", "10s").replace("path = \"/\"", "path = \"/?again\"");
    handle.apply_text(other).await.unwrap();
    assert!(ask(&handle, "/").await.ends_with("one"));
    assert_eq!(handle.status().target_groups[0].targets.len(), 1);
    handle.apply_text(CONFIGURATION.replace("todo", "tasks")).await.unwrap();
    assert!(ask(&handle, "/").await.starts_with("HTTP/1.1 503"));
    handle.core.leave(&group, &target).await;
    assert!(handle.core.joined.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_configured_too_is_there_once() {
    let (_running, handle, group) = start().await;
    let target = target("one", Arc::default()).await;
    handle.core.join(&group, &target);
    let both =
        CONFIGURATION.replace("deregistration", &format!("targets = [\"{}\"]\n    deregistration", target.address()));
    handle.apply_text(both).await.unwrap();
    assert_eq!(handle.status().target_groups[0].targets.len(), 1);
    assert!(ask(&handle, "/").await.ends_with("one"));
}
