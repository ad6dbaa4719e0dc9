//! Bodies pass through as they come, and end as they ended.

use std::sync::Arc;

use equipoise_proxy::GroupSettings;
use tokio::sync::{Mutex, mpsc};

use crate::support::{Origin, Running, Wire, answer, group, listener, soon};

/// A target whose connections are handed to the test.
async fn by_hand() -> (Origin, mpsc::UnboundedReceiver<Wire>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let origin = Origin::new(move |wire, _| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(wire);
        }
    })
    .await;
    (origin, receiver)
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let origin = Origin::answering("hello").await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for _ in 0..5 {
        assert_eq!(client.get("/").await.text(), "hello");
    }
    drop(client);
    assert_eq!(running.client().await.get("/").await.text(), "hello");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_request_streams_while_the_client_still_sends() {
    let (origin, mut wires) = by_hand().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    let mut target = soon(wires.recv()).await.unwrap();
    assert_eq!(target.head().await.unwrap().field("transfer-encoding"), "chunked");
    assert_eq!(target.chunk().await.unwrap(), b"first");
    client.write("6\r\nsecond\r\n0\r\n\r\n").await;
    assert_eq!(target.chunk().await.unwrap(), b"second");
    assert_eq!(target.chunk().await.unwrap(), b"");
    target.write(answer("done")).await;
    assert_eq!(client.message().await.unwrap().text(), "done");
}

#[tokio::test]
async fn a_response_streams_while_the_target_still_sends_and_both_ways_at_once() {
    let (origin, mut wires) = by_hand().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\nhello").await;
    let mut target = soon(wires.recv()).await.unwrap();
    target.head().await.unwrap();
    assert_eq!(target.exactly(5).await.unwrap(), b"hello");
    target.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 200);
    assert_eq!(client.chunk().await.unwrap(), b"one");
    client.write("world").await;
    assert_eq!(target.exactly(5).await.unwrap(), b"world");
    target.write("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), b"two");
    assert_eq!(client.chunk().await.unwrap(), b"");
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn lengths_are_passed_on_and_large_bodies_arrive_whole() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            assert_eq!(message.field("content-length"), (8 << 20).to_string());
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", message.body.len());
            wire.write(head).await;
            wire.write(message.body).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    let body: Vec<u8> = (0..8 << 20).map(|n: u32| (n % 251) as u8).collect();
    client.write(format!("PUT /big HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", body.len())).await;
    client.write(&body).await;
    assert!(soon(client.message()).await.unwrap().body == body);
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let (origin, mut wires) = by_hand().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    let fields = "transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n1\r\na\r\n0\r\nx-sum: 7\r\n\r\n";
    client.write(format!("POST / HTTP/1.1\r\nhost: t\r\nte: trailers\r\n{fields}")).await;
    let mut target = soon(wires.recv()).await.unwrap();
    assert_eq!(target.head().await.unwrap().field("trailer"), "x-sum");
    assert_eq!(target.until(b"\r\n\r\n").await.unwrap(), b"1\r\na\r\n0\r\nx-sum: 7");
    target.write(format!("HTTP/1.1 200 OK\r\n{fields}")).await;
    assert_eq!(client.head().await.unwrap().field("trailer"), "x-sum");
    assert_eq!(client.until(b"\r\n\r\n").await.unwrap(), b"1\r\na\r\n0\r\nx-sum: 7");
}

#[tokio::test]
async fn a_get_with_chunks_keeps_its_body() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            wire.write(answer(message.text())).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    let request = "GET / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    assert_eq!(client.ask(request).await.text(), "body");
}

#[tokio::test]
async fn responses_without_a_body_end_with_their_head() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            let answer = if message.head.starts_with("HEAD") {
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
            } else if message.head.contains("/304") {
                "HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\n\r\n"
            } else {
                "HTTP/1.1 204 No Content\r\n\r\n"
            };
            wire.write(answer).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("HEAD / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().field("content-length"), "5");
    client.write("GET /304 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 304);
    client.write("GET /204 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 204);
    assert_eq!(origin.connections(), 1);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_arrives_and_the_connection_is_not_kept() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.head().await.unwrap();
        wire.write("HTTP/1.1 200 OK\r\n\r\nall of it").await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/").await.text(), "all of it");
    assert_eq!(client.get("/").await.text(), "all of it");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_target_at_once() {
    let (origin, mut wires) = by_hand().await;
    let running = Running::before(&[origin.address]).await;
    // Before the response, and in the middle of it.
    for head in [None, Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome")] {
        let mut client = running.client().await;
        client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
        let mut target = soon(wires.recv()).await.unwrap();
        target.head().await.unwrap();
        assert_eq!(running.in_flight(0), 1);
        if let Some(head) = head {
            target.write(head).await;
            client.head().await.unwrap();
        }
        drop(client);
        assert!(target.closed().await, "the target's connection is of no use to anybody");
        assert_eq!(running.in_flight(0), 0);
    }
    assert!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"client-left\"}") >= 1.0);
}

#[tokio::test]
async fn a_target_that_dies_in_its_response_is_a_cut_that_the_client_sees() {
    let origin = Origin::new(|mut wire, number| async move {
        wire.head().await.unwrap();
        let framing = ["content-length: 100\r\n\r\nsome", "transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n"];
        wire.write(format!("HTTP/1.1 200 OK\r\n{}", framing[number])).await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    for _ in 0..2 {
        let mut client = running.client().await;
        client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
        assert_eq!(client.head().await.unwrap().status(), 200);
        assert!(client.until(b"0\r\n\r\n").await.is_none(), "no end that looks like one");
    }
    assert_eq!(running.in_flight(0), 0);
    running
        .eventually(|running| running.metric("equipoise_faults_total{listener=\"web\",reason=\"response-cut\"}") == 2.0)
        .await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_passed_on_and_its_connection_not_used_again() {
    let (origin, mut wires) = by_hand().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1000000\r\n\r\nsome").await;
    let mut target = soon(wires.recv()).await.unwrap();
    target.head().await.unwrap();
    target.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 413);
    assert_eq!(target.exactly(4).await.unwrap(), b"some");
    assert!(target.closed().await);
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn what_a_target_says_beyond_its_response_reaches_nobody() {
    let origin = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            wire.write(answer("mine") + &answer("foreign")).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "mine");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_target_back() {
    let sent = Arc::new(Mutex::new(0_usize));
    let count = Arc::clone(&sent);
    let origin = Origin::new(move |mut wire, _| {
        let count = Arc::clone(&count);
        async move {
            wire.head().await.unwrap();
            wire.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 256 << 20)).await;
            let part = vec![b'x'; 1 << 20];
            for _ in 0..256 {
                wire.write(&part).await;
                *count.lock().await += part.len();
            }
        }
    })
    .await;
    let running = Running::single(listener(), [group("g", &[origin.address], GroupSettings::default())]).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    client.head().await.unwrap();
    // The count stands still once all buffers between are full: no more than the kernel's and hyper's.
    let mut before = usize::MAX;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let now = *sent.lock().await;
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before < 64 << 20, "{before} bytes are on their way");
    let rest = soon(client.exactly(256 << 20)).await.unwrap();
    assert!(rest.iter().all(|byte| *byte == b'x'));
}
