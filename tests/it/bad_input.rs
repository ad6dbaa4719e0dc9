//! Bytes that no client should send, judged by the answer and by what the target received.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use equipoise_tests::{Program, TestTarget, eventually, free_port, get, send_raw};
use http_body_util::Full;
use hyper::{Request, Response};

use crate::text::{group, listener};

fn status(bytes: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix("HTTP/1.1 ").or(text.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()
}

#[test]
fn ambiguous_requests_are_refused_and_never_reach_a_target() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let cases: &[&str] = &[
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\r\n\r\n",
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|case| (case, status(&send_raw(([127, 0, 0, 1], port), case.as_bytes()).unwrap_or_default())))
        .filter(|(_, status)| status.is_some_and(|status| !(400..=505).contains(&status)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(target.requests(), 0, "a refused request reached the target");
    assert_eq!(get(port, "/").expect("an answer").body, "a", "{}", program.log());
    assert!(!program.log().contains("panicked"), "{}", program.log());
}

/// RFC 9112 section 6.3 lets a server refuse this or take the coding; what must not happen is that the target sees both.
#[test]
fn a_request_with_two_framings_reaches_the_target_with_one() {
    let script = |request: &Request<Bytes>, _: &str| {
        let framings = ["content-length", "transfer-encoding"].map(|name| request.headers().contains_key(name));
        Response::new(Full::from(format!("{framings:?} {}", String::from_utf8_lossy(request.body()))))
    };
    let (target, port) = (TestTarget::scripted("echo", Arc::new(script)), free_port());
    let _program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let both = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                5\r\nhello\r\n0\r\n\r\n";
    let answer = send_raw(([127, 0, 0, 1], port), both.as_bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(&answer);
    assert!(status(&answer) == Some(400) || text.contains("[false, true] hello"), "{text}");
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let _program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let many: String = (0..300).map(|n| format!("x-{n}: y\r\n")).collect();
    for head in [
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "y".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
    ] {
        let answer = send_raw(([127, 0, 0, 1], port), head.as_bytes()).unwrap_or_default();
        assert!(matches!(status(&answer), None | Some(400 | 414 | 431)), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(target.requests(), 0);
}

#[test]
fn a_client_that_never_finishes_its_head_is_let_go() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let timeouts = listener(port, "g") + "[listener.web.timeouts]\nhead = \"300ms\"\n";
    let _program = Program::start(&(timeouts + &group("g", &[target.port()])));
    let mut slow = TcpStream::connect(("127.0.0.1", port)).expect("accepted");
    slow.set_read_timeout(Some(Duration::from_secs(20))).expect("settable");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").expect("sent");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(matches!(status(&rest), None | Some(408)), "{}", String::from_utf8_lossy(&rest));
}

/// A target that answers every connection with these bytes and closes.
fn raw_target(answer: &'static [u8]) -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = server.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn a_target_that_talks_nonsense_becomes_a_502_that_says_why() {
    for (answer, want) in [
        (&b""[..], 502),
        (b"nonsense\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nbad header\r\n\r\n", 502),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 502),
    ] {
        let (target, port) = (raw_target(answer), free_port());
        let _program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
        let got = get(port, "/").expect("an answer");
        assert_eq!(got.status, want, "{:?}", String::from_utf8_lossy(answer));
        assert!(got.header("proxy-status").is_some_and(|why| why.contains("error=")), "{got:?}");
    }
}

#[test]
fn a_body_that_ends_early_is_cut_where_the_client_can_see_it() {
    let target = raw_target(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    let port = free_port();
    let _program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let bytes = send_raw(([127, 0, 0, 1], port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        !text.contains("only this") || text.contains("content-length: 100"),
        "a short body must not look whole: {text}"
    );
}

#[test]
fn a_target_without_an_answer_becomes_a_504_in_time() {
    let target = TestTarget::scripted(
        "never",
        Arc::new(|_, _| {
            std::thread::park_timeout(Duration::from_secs(10));
            Response::new(Full::default())
        }),
    );
    let port = free_port();
    let timeouts = "[target-group.g.timeouts]\nfirst-byte = \"300ms\"\n";
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()]) + timeouts));
    let answer = get(port, "/").expect("an answer");
    assert_eq!(answer.status, 504);
    assert!(answer.header("proxy-status").is_some_and(|why| why.contains("timeout")), "{answer:?}");
    eventually("the slot is free again", || {
        (program.status()["target_groups"][0]["targets"][0]["in_flight"] == 0).then_some(())
    });
}

#[test]
fn frames_that_make_no_sense_are_no_lines_of_the_log() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let unasked_ping_answer = b"\0\0\x08\x06\x01\0\0\0\x0012345678";
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    (0..1000).for_each(|_| bytes.extend_from_slice(unasked_ping_answer));
    // A question at the end: its answer says that all before it has been read.
    bytes.extend_from_slice(b"\0\0\x08\x06\0\0\0\0\0question");
    client.write_all(&bytes).expect("room");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let mut answer = Vec::new();
    while !answer.windows(8).any(|window| window == b"question") {
        let mut part = [0; 1024];
        let count = client.read(&mut part).expect("an answer");
        assert!(count > 0, "the connection was closed");
        answer.extend_from_slice(&part[..count]);
    }
    assert!(program.log().lines().count() < 20, "{}", program.log());
}
