use std::sync::Mutex;
use std::time::SystemTime;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;
use crate::client::{Client, ClientError};
use crate::control::{Pending, ReloadError};
use crate::problem::Diagnostic;
use crate::status::{Drain, DrainRequest, Phase, Reload, ReloadResult, Status, TargetGroup};

mod scaling;

/// A balancer that does what the test says.
#[derive(Default)]
struct Fake {
    phase: Mutex<Phase>,
    refuse: bool,
    begun: Notify,
    go_on: Notify,
    finished: Notify,
}

impl Control for Fake {
    fn status(&self) -> Status {
        let group = TargetGroup { name: "todo".to_owned(), failed_open: true, ..TargetGroup::default() };
        Status { generation: 7, uptime: Duration::from_millis(1500), target_groups: vec![group], ..Status::default() }
    }
    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap()
    }
    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }
    fn effective_config(&self) -> String {
        "[admin]\n".to_owned()
    }
    fn reload(&self) -> Pending<'_, Result<Reload, ReloadError>> {
        Box::pin(async {
            self.begun.notify_one();
            self.go_on.notified().await;
            self.finished.notify_one();
            if self.refuse {
                let diagnostics =
                    vec![Diagnostic { code: "unknown-group".to_owned(), line: 3, ..Diagnostic::default() }];
                return Err(ReloadError::Refused { generation: 7, diagnostics, rendered: "drawn".to_owned() });
            }
            let (at, took) = (SystemTime::UNIX_EPOCH, Duration::from_millis(20));
            let message = "applied".to_owned();
            Ok(Reload { at, generation: 8, result: ReloadResult::Applied, message, changes: vec![], took })
        })
    }
    fn drain(&self, request: DrainRequest) -> Drain {
        *self.phase.lock().unwrap() = Phase::Draining;
        Drain { in_flight: 4, deadline: request.deadline.unwrap_or(Duration::from_secs(30)) }
    }
}

async fn start<C: Control>(fake: C) -> (String, Arc<C>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let fake = Arc::new(fake);
    let control: Arc<dyn Control> = Arc::clone(&fake) as _;
    tokio::spawn(serve(listener, control, Options::default(), std::future::pending()));
    (address, fake)
}

/// Sends bytes as they are and gives back all that comes until the end of the connection.
async fn raw(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is fine: the answer is what counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[track_caller]
fn assert_status(answer: &str, status: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
}

async fn call(address: &str, line: &str, body: &str) -> String {
    let length = body.len();
    raw(
        address,
        &format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"),
    )
    .await
}

#[tokio::test]
async fn the_client_reads_what_the_server_writes() {
    let (address, fake) = start(Fake::default()).await;
    let client = Client::new(address, None);
    assert_eq!(client.status().await.unwrap(), fake.status());
    assert_eq!(client.effective_config().await.unwrap(), "[admin]\n");
    assert_eq!(client.metrics().await.unwrap(), "# EOF\n");
    fake.go_on.notify_one();
    assert_eq!(client.reload().await.unwrap().generation, 8);
    let deadline = Some(Duration::from_millis(2500));
    let drain = client.drain(DrainRequest { deadline }).await.unwrap();
    assert_eq!(drain, Drain { in_flight: 4, deadline: Duration::from_millis(2500) });
}

#[tokio::test]
async fn a_refused_configuration_comes_back_with_every_diagnostic() {
    let (address, fake) = start(Fake { refuse: true, ..Fake::default() }).await;
    fake.go_on.notify_one();
    let error = Client::new(address, None).reload().await.unwrap_err();
    assert!(!error.is_unreachable());
    let ClientError::Refused(problem) = error else { panic!("{error:?}") };
    assert_eq!((problem.status, problem.diagnostics[0].line, problem.rendered.as_str()), (422, 3, "drawn"));
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cut_a_reload_in_half() {
    let (address, fake) = start(Fake::default()).await;
    let caller = tokio::spawn(async move { Client::new(address, None).reload().await });
    fake.begun.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    fake.go_on.notify_one();
    fake.finished.notified().await;
}

#[tokio::test]
async fn readiness_follows_the_phase() {
    let (address, fake) = start(Fake::default()).await;
    for (phase, ready, started) in
        [(Phase::Starting, "503", "503"), (Phase::Ready, "200", "200"), (Phase::Draining, "503", "200")]
    {
        *fake.phase.lock().unwrap() = phase;
        assert_status(&call(&address, "GET /readyz", "").await, ready);
        assert_status(&call(&address, "GET /startupz", "").await, started);
        assert_status(&call(&address, "GET /livez", "").await, "200");
    }
}

#[tokio::test]
async fn get_changes_nothing() {
    let (address, fake) = start(Fake::default()).await;
    *fake.phase.lock().unwrap() = Phase::Ready;
    for path in ["/v1/drain", "/v1/reload"] {
        let answer = call(&address, &format!("GET {path}"), "").await;
        assert_status(&answer, "405");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    assert_eq!(fake.phase(), Phase::Ready);
}

#[tokio::test]
async fn bad_orders_are_refused_by_name() {
    let (address, fake) = start(Fake::default()).await;
    assert_status(&call(&address, "POST /v1/drain", "{").await, "400");
    assert_status(&call(&address, "POST /v1/drain", r#"{"dead-line": "3s"}"#).await, "400");
    assert_status(&call(&address, "POST /v1/drain", &"x".repeat(20_000)).await, "413");
    assert_status(&call(&address, "POST /v1/reload", "{}").await, "400");
    assert_status(&call(&address, "GET /nowhere", "").await, "404");
    let form = "POST /v1/drain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    assert_status(&raw(&address, form).await, "415");
    assert_eq!(fake.phase(), Phase::Starting);
}

#[tokio::test]
async fn a_foreign_host_sees_nothing() {
    let (address, _fake) = start(Fake::default()).await;
    let answer = raw(&address, "GET /v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await;
    assert_status(&answer, "421");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off() {
    let (address, _fake) = start(Fake::default()).await;
    let before = tokio::time::Instant::now();
    raw(&address, "GET /v1/status HTTP/1.1\r\nHost: loc").await;
    assert!(before.elapsed() <= HEAD_LIMIT + Duration::from_secs(1));
}

#[tokio::test]
async fn callers_that_never_finish_their_heads_keep_nobody_out() {
    let (address, _fake) = start(Fake::default()).await;
    let mut slow = Vec::new();
    for _ in 0..CONNECTIONS + 20 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHos").await.unwrap();
        slow.push(stream);
    }
    let answered = timeout(HEAD_LIMIT / 3, call(&address, "GET /livez", "")).await;
    assert_status(&answered.expect("long before the others are cut off"), "200");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Client::new(free.to_string(), None).status().await.unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains(&free.to_string()), "{error}");
}

#[tokio::test]
async fn something_else_that_answers_is_called_foreign() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    });
    let error = Client::new(address.to_string(), None).status().await.unwrap_err();
    assert!(matches!(error, ClientError::Foreign { .. }), "{error:?}");
}

#[tokio::test]
async fn serving_ends_with_the_shutdown_and_frees_the_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let control: Arc<dyn Control> = Arc::new(Fake::default());
    let serving = tokio::spawn(serve(listener, control, Options::default(), async move { stopped.notified().await }));
    assert_status(&call(&address.to_string(), "GET /livez", "").await, "200");
    stop.notify_one();
    serving.await.unwrap().unwrap();
    TcpListener::bind(address).await.unwrap();
}
