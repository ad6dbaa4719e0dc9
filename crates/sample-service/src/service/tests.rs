use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A running instance; it ends when this is dropped.
struct Running {
    address: SocketAddr,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { name: Some("one".to_owned()), ..Options::new(folder.path().join("data")) };
        let service = Service::start(options).await.unwrap();
        let (address, (stop, stopped)) = (service.address(), oneshot::channel());
        let serving = tokio::spawn(service.run(async move { stopped.await.unwrap_or(()) }));
        Self { address, folder, stop: Some(stop), serving }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "one");
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::<Bytes>::from(body.to_owned())).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.headers()["x-instance"], "one");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (status, body)
    }

    #[track_caller]
    fn assert_reason(answer: &(u16, Value), status: u16, part: &str) {
        assert_eq!(answer.0, status, "{answer:?}");
        assert!(answer.1["reason"].as_str().unwrap().contains(part), "{answer:?}");
    }
}

#[tokio::test]
async fn a_todo_is_added_read_changed_and_removed() {
    let one = Running::start().await;
    let (status, body) = one.call("POST", "/api/v1/todos", r#"{"title":"milk"}"#).await;
    assert_eq!((status, &body["instance"], &body["todo"]["id"]), (201, &json!("one"), &json!(1)));
    let (status, _) = one.call("PUT", "/api/v1/todos/1", r#"{"title":"milk","done":true}"#).await;
    assert_eq!(status, 200);
    let (_, body) = one.call("GET", "/api/v1/todos?work=1", "").await;
    assert_eq!(body, json!({ "instance": "one", "todos": [{ "id": 1, "title": "milk", "done": true }] }));
    assert_eq!(one.call("DELETE", "/api/v1/todos/1", "").await.0, 204);
    Running::assert_reason(&one.call("GET", "/api/v1/todos/1", "").await, 404, "no todo 1");
}

#[tokio::test]
async fn bad_input_is_refused_by_name() {
    let one = Running::start().await;
    Running::assert_reason(&one.call("POST", "/api/v1/todos", "{").await, 400, "JSON");
    Running::assert_reason(&one.call("POST", "/api/v1/todos", r#"{"titel":"x"}"#).await, 422, "titel");
    Running::assert_reason(&one.call("POST", "/api/v1/todos", r#"{"title":"  "}"#).await, 422, "title");
    let large = format!(r#"{{"title":"{}"}}"#, "x".repeat(20_000));
    Running::assert_reason(&one.call("POST", "/api/v1/todos", &large).await, 413, "");
    Running::assert_reason(&one.call("GET", "/api/v1/todos/x", "").await, 400, "");
    Running::assert_reason(&one.call("GET", "/api/v1/todos?work=x", "").await, 400, "work");
    Running::assert_reason(&one.call("GET", "/nowhere", "").await, 404, "/nowhere");
}

#[tokio::test]
async fn the_port_stays_open_while_the_storage_is_gone() {
    let one = Running::start().await;
    assert_eq!(one.call("GET", "/api/v1/health", "").await.0, 200);
    assert_eq!(one.call("POST", "/api/v1/chaos/storage", r#"{"available":false}"#).await.0, 200);
    Running::assert_reason(&one.call("GET", "/api/v1/health", "").await, 503, "taken away");
    assert_eq!(one.call("GET", "/api/v1/todos", "").await.0, 503);
    assert_eq!(one.call("POST", "/api/v1/chaos/storage", r#"{"available":true}"#).await.0, 200);
    assert_eq!(one.call("GET", "/api/v1/health", "").await.0, 200);
}

#[tokio::test]
async fn health_fails_when_the_data_file_is_removed() {
    let one = Running::start().await;
    std::fs::remove_file(one.folder.path().join("data/todos.redb")).unwrap();
    Running::assert_reason(&one.call("GET", "/api/v1/health", "").await, 503, "todos.redb");
}

#[tokio::test]
async fn the_echo_shows_the_head_as_it_arrived() {
    let one = Running::start().await;
    let (status, body) = one.call("PATCH", "/api/v1/echo?a=b", "").await;
    assert_eq!((status, &body["method"], &body["uri"]), (200, &json!("PATCH"), &json!("/api/v1/echo?a=b")));
    assert!(body["headers"].as_array().unwrap().contains(&json!(["host", "one"])));
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let mut one = Running::start().await;
    let mut stream = TcpStream::connect(one.address).await.unwrap();
    let head = "POST /api/v1/todos HTTP/1.1\r\nHost: one\r\nContent-Type: application/json\r\n\
                Expect: 100-continue\r\nContent-Length: 13\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The interim answer proves that the request is under way before the end is asked for.
    let mut interim = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut interim).await.unwrap();
    one.stop.take().unwrap().send(()).unwrap();
    stream.write_all(br#"{"title":"b"}"#).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    one.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let one = Running::start().await;
    let options = Options { bind: one.address, ..Options::new(one.folder.path().join("other")) };
    let error = Service::start(options).await.unwrap_err();
    assert_eq!(error.to_string(), format!("listening on {}", one.address));
}

#[tokio::test]
async fn two_instances_do_not_share_a_store() {
    let one = Running::start().await;
    let error = Service::start(Options::new(one.folder.path().join("data"))).await.unwrap_err();
    assert!(error.to_string().contains("data"), "{error}");
}
