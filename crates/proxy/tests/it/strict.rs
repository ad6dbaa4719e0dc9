//! What no proxy may pass on, sent byte by byte and judged by the bytes that the target received.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use equipoise_proxy::{GroupSettings, PathForm};
use equipoise_rule::{Decision, HeaderEdit, Router, RouterSource};
use equipoise_target::PluginName;
use http::{HeaderName, HeaderValue};

use crate::support::{Origin, Running, Wire, answer, get, group, listener_with, soon};

/// A target that keeps every byte that it gets and answers `ok` at the end of each head.
struct Recorder {
    origin: Origin,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    async fn new() -> Self {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let record = Arc::clone(&bytes);
        let origin = Origin::new(move |mut wire, _| {
            let record = Arc::clone(&record);
            async move {
                let mut request = Vec::new();
                while let Some(part) = wire.exactly(1).await {
                    request.extend_from_slice(&part);
                    record.lock().unwrap().extend_from_slice(&part);
                    let end: &[u8] = if text(&request).contains("chunked") { b"\r\n0\r\n\r\n" } else { b"\r\n\r\n" };
                    if request.ends_with(end) || request.ends_with(b"\r\n\r\n0\r\n\r\n") {
                        request.clear();
                        wire.write_while_wanted(answer("ok").as_bytes()).await;
                    }
                }
            }
        })
        .await;
        Self { origin, bytes }
    }

    fn received(&self) -> String {
        text(&self.bytes.lock().unwrap())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn faults(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

#[tokio::test]
async fn a_head_that_two_readers_could_read_differently_reaches_nobody() {
    let recorder = Recorder::new().await;
    let running = Running::before(&[recorder.origin.address]).await;
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (head, reason) in [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", "bare-line-feed"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "bare-line-feed"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", "bare-line-feed"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 40\r\n\r\n", "bare-line-feed"),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bare-line-feed"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "two-lengths"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "two-lengths"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n", "bad-length"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "many-lengths"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 6\r\n\r\n", "many-lengths"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", "bad-length"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "bad-length"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", "bad-length"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "bad-length"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "bad-length"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n ,5\r\n\r\n", "bad-request"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", "bad-request"),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "bad-request"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0b\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\0: 1\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "bad-request"),
        ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
        ("GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad-request"),
        ("GET /\r\nHost: a\r\n\r\n", "bad-request"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "bad-request"),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", "bad-request"),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
    ] {
        let before = faults(&running, reason);
        let mut client = running.client().await;
        client.write(head.to_owned() + body).await;
        let response = soon(client.head()).await.unwrap_or_else(|| panic!("no answer to {head:?}"));
        assert_eq!(response.status(), 400, "{head:?}");
        assert_eq!(response.field("connection"), "close", "{head:?}");
        assert_eq!(response.field("content-length"), "0");
        assert!(client.closed().await, "{head:?}");
        running.eventually(|running| faults(running, reason) == before + 1.0).await;
    }
    assert_eq!(recorder.received(), "");
    assert_eq!(recorder.origin.connections(), 0);
}

#[tokio::test]
async fn a_head_is_refused_however_it_is_cut_into_parts() {
    let recorder = Recorder::new().await;
    let running = Running::before(&[recorder.origin.address]).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n";
    for at in (1..head.len()).step_by(3) {
        let mut client = running.client().await;
        client.write(&head[..at]).await;
        client.flush().await;
        client.write_while_wanted(&head.as_bytes()[at..]).await;
        assert_eq!(soon(client.head()).await.unwrap().status(), 400, "cut at {at}");
        assert!(client.closed().await);
    }
    assert_eq!(recorder.origin.connections(), 0);
}

#[tokio::test]
async fn a_bad_request_behind_good_ones_is_refused_after_their_answers() {
    let recorder = Recorder::new().await;
    let running = Running::before(&[recorder.origin.address]).await;
    let mut client = running.client().await;
    let good = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
    client.write(format!("{good}{good}GET /bad HTTP/1.1\nHost: a\r\n\r\n{good}")).await;
    assert_eq!(client.message().await.unwrap().text(), "ok");
    assert_eq!(client.message().await.unwrap().text(), "ok");
    assert_eq!(client.head().await.unwrap().status(), 400);
    assert!(client.closed().await);
    assert_eq!(recorder.received().matches("GET /").count(), 2);
    assert!(!recorder.received().contains("bad"));
}

/// What becomes of a chunked body that begins well.
async fn chunked(running: &Running, body: &str) -> u16 {
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n").await;
    client.write_while_wanted(body.as_bytes()).await;
    let status = soon(client.message()).await.unwrap_or_else(|| panic!("no answer to {body:?}")).status();
    if status != 200 {
        assert!(client.closed().await, "{body:?}");
    }
    status
}

#[tokio::test]
async fn a_chunk_that_two_readers_could_read_differently_never_completes_a_request() {
    for (body, reason) in [
        ("3\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("3\r\nabc\n0\r\n\r\n", "bad-chunk"),
        ("3\r\nabcd\r\n0\r\n\r\n", "bad-chunk"),
        ("+3\r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("-0\r\n\r\n", "bad-chunk"),
        ("0x3\r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("3 \r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("10000000000000003\r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("00000000000000003\r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("3\0\r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        ("\r\n0\r\n\r\n", "bad-chunk"),
        ("3;a\0\r\nabc\r\n0\r\n\r\n", "chunk-extension"),
        ("3;a\nabc\r\n0\r\n\r\n", "bare-line-feed"),
        ("3;a\rabc\r\n0\r\n\r\n", "bad-chunk"),
        ("0\r\n\n", "bare-line-feed"),
        ("0\n\n", "bad-chunk"),
        ("0\r\nx-a: 1\n\r\n", "bare-line-feed"),
        ("0\r\nx-a\r\n\r\n", "broken-body"),
        ("0\r\nx-a: \0\r\n\r\n", "broken-body"),
        ("0\r\nx-a : 1\r\n\r\n", "broken-body"),
    ] {
        let recorder = Recorder::new().await;
        let running = Running::before(&[recorder.origin.address]).await;
        assert_eq!(chunked(&running, body).await, 400, "{body:?}");
        running.eventually(|running| faults(running, reason) == 1.0).await;
        assert!(!recorder.received().ends_with("0\r\n\r\n"), "{body:?} {}", recorder.received());
        running.eventually(|running| running.in_flight(0) == 0).await;
    }
}

#[tokio::test]
async fn extensions_and_trailers_of_chunks_are_bounded() {
    let recorder = Recorder::new().await;
    let running = Running::before(&[recorder.origin.address]).await;
    let extension = "x".repeat(1000);
    let some: String = (0..4).map(|_| format!("1;{extension}\r\na\r\n")).collect();
    assert_eq!(chunked(&running, &format!("{some}0;last=\"y\"\r\n\r\n")).await, 200);
    let received = recorder.received();
    assert!(received.ends_with("\r\n\r\n4\r\ngood\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n0\r\n\r\n"), "{received}");
    assert_eq!(chunked(&running, &format!("{some}1;{extension}\r\na\r\n0\r\n\r\n")).await, 400);
    let trailer = format!("x-a: {}\r\n", "y".repeat(8000));
    assert_eq!(chunked(&running, &format!("0\r\n{trailer}{trailer}{trailer}\r\n")).await, 400);
    assert_eq!(faults(&running, "chunk-extension"), 1.0);
    assert_eq!(faults(&running, "trailers-too-long"), 1.0);
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_dropped_or_ends_the_connection() {
    let running = Running::single(listener_with("default = { respond = { body = 'own' } }"), []).await;
    let mut client = running.client().await;
    let small = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    for _ in 0..3 {
        assert_eq!(client.ask(&small).await.text(), "own");
    }
    // More than is dropped: the answer comes through all the same, and then nothing more.
    client.write(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 8 << 20)).await;
    assert_eq!(soon(client.message()).await.unwrap().text(), "own");
    client.write_while_wanted(&vec![b'x'; 8 << 20]).await;
    assert!(client.closed().await);
    // In a body that nobody reads, too, bytes have to be right.
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n").await;
    assert_eq!(soon(client.message()).await.unwrap().text(), "own");
    assert!(client.closed().await);
    running.eventually(|running| faults(running, "bad-chunk") == 1.0).await;
}

#[tokio::test]
async fn a_client_is_told_why_before_its_connection_ends() {
    let recorder = Recorder::new().await;
    let running = Running::before(&[recorder.origin.address]).await;
    let mut client = running.client().await;
    // Bytes that come after the close would make the kernel take the answer back.
    client.write("GET / HTTP/1.1\nHost: a\r\n\r\n").await;
    client.write_while_wanted(&vec![b'x'; 32 << 10]).await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 400);
    assert!(client.closed().await);
}

#[tokio::test]
async fn what_is_right_still_passes() {
    let recorder = Recorder::new().await;
    let running =
        Running::single(crate::support::listener(), [group("g", &[recorder.origin.address], GroupSettings::default())])
            .await;
    let mut client = running.client().await;
    for request in [
        "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /b HTTP/1.1\r\nHost: a\r\nX:\t spaces\t \r\nY:\r\n\r\n",
        "GET /c HTTP/1.1\r\nHost:a\r\nTransfer-Encoding: \tChunked \r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(client.ask(request).await.text(), "ok", "{request:?}");
    }
    assert!(recorder.received().contains("x: spaces\r\ny: \r\n"), "{}", recorder.received());
    assert_eq!(get(running.address, "/d").await.text(), "ok");
    let mut client = Wire::connect(running.address).await;
    client.write("GET /e HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /f HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.message().await.unwrap().text(), "ok");
    assert_eq!(client.message().await.unwrap().text(), "ok");
}

/// What a client gets of a target's answer in raw bytes.
async fn passed_on(bytes: &'static str) -> (u16, Vec<u8>, bool) {
    let origin = Origin::new(move |mut wire, _| async move {
        wire.head().await;
        wire.write(bytes).await;
        wire.closed().await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = soon(client.head()).await.expect(bytes);
    let mut body = Vec::new();
    // Once refused with its head, it is a message of ours.
    while head.status() == 200
        && let Some(chunk) = client.try_chunk().await
    {
        if chunk.is_empty() {
            return (head.status(), body, true);
        }
        body.extend(chunk);
    }
    running.eventually(|running| faults(running, "response-cut") + faults(running, "refused-response") == 1.0).await;
    running.eventually(|running| running.in_flight(0) == 0).await;
    (head.status(), body, false)
}

#[tokio::test]
async fn a_chunk_of_a_target_that_two_readers_could_read_differently_is_a_cut_that_the_client_sees() {
    let good = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0;x\r\nx-sum: 1\r\n\r\n";
    assert_eq!(passed_on(good).await, (200, b"good".to_vec(), true));
    for bytes in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n3\nbad\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n3 \r\nbad\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n3;\0\r\nbad\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n2\r\nbad\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\nx: 1\n\r\n",
    ] {
        let (status, body, whole) = passed_on(bytes).await;
        assert!(!whole && (status == 502 || body.is_empty() || body == b"good"), "{bytes:?} {status} {}", text(&body));
    }
}

/// The first line that the target gets of a request for `target`, or the status of a refusal.
async fn asked_for(running: &Running, target: &str) -> Result<String, u16> {
    let response = running.client().await.ask(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    match response.status() {
        200 => Ok(response.text().lines().next().unwrap().split(' ').nth(1).unwrap().to_owned()),
        status => Err(status),
    }
}

#[tokio::test]
async fn rules_and_targets_see_one_spelling_of_a_path() {
    let origin = Origin::echoing().await;
    let text = "default = { forward = 'g' }
        [[rule]]
        priority = 1
        when = { path = '/admin/*' }
        then = { respond = { status = 403 } }";
    for (form, target, want) in [
        (PathForm::Normal, "/a/../b?x=/../y", Ok("/b?x=/../y")),
        (PathForm::Normal, "/a%2fb/%7euser", Ok("/a%2Fb/~user")),
        (PathForm::Normal, "/x/../admin/x", Err(403)),
        (PathForm::Normal, "/x/%2e%2E/admin/x", Err(403)),
        (PathForm::Normal, "/%61dmin/x", Err(403)),
        (PathForm::Normal, "//admin//x", Err(403)),
        (PathForm::Normal, "/./admin/x", Err(403)),
        (PathForm::Normal, "http://a//admin/x", Err(403)),
        (PathForm::Normal, "/../admin/x", Err(400)),
        (PathForm::Normal, "/x/..;/admin/x", Err(400)),
        (PathForm::Normal, "/%zz", Err(400)),
        (PathForm::KeepSlashes, "//a/./b", Ok("//a/b")),
        (PathForm::AsSent, "/a/../b%61", Ok("/a/../b%61")),
        (PathForm::AsSent, "/a%00", Err(400)),
    ] {
        let mut listener = listener_with(text);
        listener.path_form = form;
        let running = Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
        assert_eq!(asked_for(&running, target).await, want.map(str::to_owned), "{target}");
    }
}

#[tokio::test]
async fn a_body_that_only_the_end_of_the_connection_would_end_is_refused() {
    let recorder = Recorder::new().await;
    let running = Running::before(&[recorder.origin.address]).await;
    for method in ["POST", "PUT", "PATCH"] {
        let mut client = running.client().await;
        client.write(format!("{method} / HTTP/1.0\r\nHost: a\r\n\r\nGET /b HTTP/1.0\r\n\r\n")).await;
        assert_eq!(soon(client.message()).await.unwrap().status(), 400);
        assert!(client.closed().await);
    }
    assert_eq!(recorder.received(), "");
    assert_eq!(faults(&running, "no-length"), 3.0);
}

/// A router that wishes for what no request may be.
#[derive(Debug)]
struct Wicked;

impl Router for Wicked {
    fn route(&self, _: &mut http::request::Parts, _: IpAddr) -> Decision {
        let set = |name, value| HeaderEdit::Set(HeaderName::from_static(name), HeaderValue::from_static(value));
        let add = |name, value| HeaderEdit::Add(HeaderName::from_static(name), HeaderValue::from_static(value));
        Decision {
            request_edits: vec![
                set("transfer-encoding", "gzip, chunked"),
                add("content-length", "5"),
                add("host", "evil"),
                set("connection", "x-forwarded-for, keep-alive"),
                set("upgrade", "h2c"),
                add("te", "gzip"),
                HeaderEdit::Remove(HeaderName::from_static("content-length")),
                set("x-fine", "1"),
            ],
            rewrite_path: Some("/x/%2e%2e/admin".parse().unwrap()),
            rewrite_host: Some(HeaderValue::from_static("a b")),
            ..Decision::default()
        }
    }
}

impl RouterSource for Wicked {
    fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
        Some(Arc::new(Self))
    }
}

#[tokio::test]
async fn a_router_cannot_make_of_a_request_what_no_client_may_send() {
    let recorder = Recorder::new().await;
    let mut listener = crate::support::listener();
    let rule = "default = { forward = 'g' }\n[[rule]]\npriority = 1\nthen = { plugin = 'p' }";
    listener.rules = crate::support::rules_with(rule, &Wicked);
    let running = Running::single(listener, [group("g", &[recorder.origin.address], GroupSettings::default())]).await;
    let request = "POST /here HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(running.client().await.ask(request).await.text(), "ok");
    running.eventually(|_| recorder.received().ends_with("abc")).await;
    let received = recorder.received();
    let head = received.split("\r\n\r\n").next().unwrap();
    assert!(head.starts_with("POST /here HTTP/1.1\r\n"), "{head}");
    for (name, count) in
        [("host: a", 1), ("host:", 1), ("content-length: 3", 1), ("content-length:", 1), ("x-fine: 1", 1)]
    {
        assert_eq!(head.lines().filter(|line| line.starts_with(name)).count(), count, "{name} in {head}");
    }
    for name in ["transfer-encoding", "connection", "upgrade", "te:"] {
        assert!(!head.lines().any(|line| line.starts_with(name)), "{name} in {head}");
    }
    assert!(running.metric("equipoise_router_edits_refused_total{listener=\"web\"}") >= 8.0);
}
