//! Header fields and framing, judged by the raw bytes on the other side.

use equipoise_proxy::{GroupSettings, Networks};

use crate::support::{Origin, Running, Wire, get, group, listener};

/// The head that a target sees of `request`.
async fn seen(running: &Running, request: &str) -> crate::support::Message {
    let response = running.client().await.ask(request).await;
    assert_eq!(response.status(), 200, "{}", response.head);
    crate::support::Message { head: response.text().to_owned(), body: Vec::new() }
}

#[tokio::test]
async fn the_target_is_told_who_asks_and_nothing_of_the_clients_connection() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let head = seen(
        &running,
        "GET /a%20b?c=d HTTP/1.1\r\nHost: todo.example:80\r\nConnection: close, x-secret\r\nX-Secret: 1\r\n\
         Keep-Alive: timeout=5\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\
         Proxy-Connection: keep-alive\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n\
         X-Forwarded-Proto: https\r\nX-Request-Id: lie\r\nX_Under_Score: 1\r\ntraceparent: 00-ab-cd-01\r\n\r\n",
    )
    .await;
    assert!(head.head.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"), "{}", head.head);
    assert_eq!(head.field("host"), "todo.example:80");
    assert_eq!(head.field("x-forwarded-for"), "127.0.0.1");
    assert_eq!(head.field("x-forwarded-proto"), "http");
    assert_eq!(head.field("x-forwarded-host"), "todo.example:80");
    assert_eq!(head.field("x-forwarded-port"), running.address.port().to_string());
    assert_eq!(head.field("via"), "1.1 equipoise");
    assert_eq!(head.field("traceparent"), "00-ab-cd-01");
    let id = head.field("x-request-id");
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'7'), "{id}");
    assert_eq!((head.field("te"), head.field("connection")), ("trailers", "te"));
    for gone in ["x-secret", "keep-alive", "upgrade", "proxy-connection", "forwarded", "x_under_score"] {
        assert!(head.all(gone).is_empty(), "{gone} in {}", head.head);
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let origin = Origin::echoing().await;
    let mut listener = listener();
    listener.trusted_proxies = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let running = Running::new(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    let request = "GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\
                   X-Request-Id: theirs\r\n\r\n";
    let head = seen(&running, request).await;
    assert_eq!(head.field("x-forwarded-for"), "192.0.2.1, 127.0.0.1");
    assert_eq!(head.field("x-forwarded-proto"), "https");
    assert_eq!(head.field("x-request-id"), "theirs");
}

#[tokio::test]
async fn an_absolute_target_becomes_a_path_and_its_host_wins() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let head = seen(&running, "GET http://real.example/x?y HTTP/1.1\r\nHost: other.example\r\n\r\n").await;
    assert!(head.head.starts_with("GET /x?y HTTP/1.1\r\n"), "{}", head.head);
    assert_eq!(head.field("host"), "real.example");
}

#[tokio::test]
async fn an_old_client_is_served_in_its_own_version() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    let response = client.ask("GET / HTTP/1.0\r\n\r\n").await;
    assert!(response.head.starts_with("HTTP/1.0 200"), "{}", response.head);
    assert!(response.text().starts_with("GET / HTTP/1.1\r\n"));
    assert!(response.text().contains("via: 1.0 equipoise"));
    assert!(client.closed().await);
}

#[track_caller]
fn refused(running: &Running, request: &'static str, status: u16) -> impl Future<Output = ()> {
    let address = running.address;
    async move {
        let mut client = Wire::connect(address).await;
        let response = client.ask(request).await;
        assert_eq!(response.status(), status, "{request}\n{}", response.head);
        assert!(client.closed().await, "{request}");
    }
}

#[tokio::test]
async fn what_two_readers_could_read_differently_is_refused() {
    let origin = Origin::answering("never").await;
    let running = Running::before(&[origin.address]).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ] {
        refused(&running, request, status).await;
    }
    assert_eq!(origin.connections(), 0, "nothing of it reached a target");
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"many-hosts\"}"), 1.0);
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_what_is_too_large() {
    let origin = Origin::answering("never").await;
    let running = Running::before(&[origin.address]).await;
    for (request, status) in [
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9 << 10)), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(65 << 10)), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(120)), 431),
    ] {
        let mut client = running.client().await;
        client.write(&request).await;
        assert_eq!(client.head().await.unwrap().status(), status);
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_head_may_be_as_long_as_the_limit_says() {
    let origin = Origin::answering("long").await;
    let mut listener = listener();
    listener.limits.head_bytes = 1 << 20;
    let running = Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1000 << 10));
    assert_eq!(running.client().await.ask(&request).await.text(), "long");
}

#[tokio::test]
async fn a_response_that_cannot_be_trusted_becomes_502() {
    for bytes in [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\na",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \0\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
    ] {
        let origin = Origin::new(move |mut wire, _| async move {
            wire.message().await;
            wire.write(bytes).await;
            wire.closed().await;
        })
        .await;
        let running = Running::before(&[origin.address]).await;
        let response = get(running.address, "/").await;
        assert_eq!(response.status(), 502, "{bytes}");
        assert!(response.field("proxy-status").contains("error=http_protocol_error"), "{}", response.head);
        assert_eq!(origin.connections(), 1, "{bytes}");
        assert_eq!(running.in_flight(0), 0);
    }
}

#[tokio::test]
async fn a_head_whose_length_cannot_be_trusted_is_answered_all_the_same() {
    for length in
        ["content-length: 1\r\ncontent-length: 2", "content-length: 5\r\ncontent-length: 5", "content-length: +5"]
    {
        let origin = Origin::new(move |mut wire, _| async move {
            wire.message().await;
            wire.write(format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n")).await;
            wire.closed().await;
        })
        .await;
        let running = Running::before(&[origin.address]).await;
        let mut client = running.client().await;
        client.write("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n").await;
        assert_eq!(client.head().await.expect(length).status(), 502, "{length}");
    }
}

#[tokio::test]
async fn a_target_that_never_ends_its_interim_answers_is_502_and_holds_up_nobody() {
    let origin = Origin::new(|mut wire, _| async move {
        let message = wire.message().await.unwrap();
        if message.head.contains("/good") {
            return wire.write(crate::support::answer("good")).await;
        }
        // 16 MiB: more than any socket's buffers, so that it ends by being cut.
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(400);
        for _ in 0..1000 {
            wire.write_while_wanted(hints.as_bytes()).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let response = get(running.address, "/flood").await;
    assert_eq!(response.status(), 502);
    assert!(response.field("proxy-status").contains("error=http_protocol_error"), "{}", response.head);
    assert_eq!(get(running.address, "/good").await.text(), "good");
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn trailers_that_contradict_the_head_end_here() {
    let origin = Origin::new(|mut wire, _| async move {
        let head = wire.head().await.unwrap();
        assert_eq!(head.field("transfer-encoding"), "chunked");
        let body = wire.until(b"\r\n\r\n").await.unwrap();
        wire.write(crate::support::answer(std::str::from_utf8(&body).unwrap())).await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let request = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, x-forwarded-for, cookie\r\n\r\n\
                   2\r\nok\r\n0\r\nx-forwarded-for: 192.0.2.9\r\nx-sum: 1\r\ncookie: a=b\r\n\r\n";
    assert_eq!(running.client().await.ask(request).await.text(), "2\r\nok\r\n0\r\nx-sum: 1");
}

#[tokio::test]
async fn a_response_says_nothing_of_the_targets_connection() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write(
            "HTTP/1.0 200 Fine\r\ncontent-length: 2\r\nconnection: keep-alive, x-a\r\nx-a: 1\r\n\
             keep-alive: timeout=5\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nok",
        )
        .await;
        wire.closed().await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    let response = client.get("/").await;
    assert!(response.head.starts_with("HTTP/1.1 200 Fine\r\n"), "{}", response.head);
    assert!(response.all("connection").is_empty() && response.all("x-a").is_empty());
    assert!(response.all("keep-alive").is_empty());
    assert_eq!(response.all("set-cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn interim_answers_are_not_taken_for_the_answer() {
    let origin = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            wire.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n").await;
            wire.write(crate::support::answer("final")).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    assert_eq!(get(running.address, "/").await.text(), "final");
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_gets_it_from_us() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.write("ok").await;
    let response = client.message().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.text().contains("expect"));
}

#[tokio::test]
async fn a_client_that_would_rather_speak_something_else_is_served_as_ever() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for _ in 0..2 {
        let request = "GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let response = client.ask(request).await;
        assert_eq!(response.status(), 200);
        assert!(!response.text().contains("upgrade"), "{}", response.text());
    }
}
