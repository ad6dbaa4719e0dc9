//! What HTTP/2 can say and HTTP/1 must not, frame by frame, judged by what the target received.

use std::sync::{Arc, Mutex};

use crate::support::{Origin, Running, Wire, answer, soon};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A block of fields, each written out in full (RFC 7541 section 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// What the client is told of its first stream.
#[derive(Debug, PartialEq)]
enum Told {
    /// It is answered with 200.
    Served,
    /// It is answered with something else.
    Refused,
    /// The stream or the connection is ended.
    Reset,
}

async fn told(client: &mut Wire) -> Told {
    loop {
        let Some(head) = client.exactly(9).await else { return Told::Reset };
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some(payload) = client.exactly(length).await else { return Told::Reset };
        match head[3] {
            HEADERS if payload[0] == 0x88 => return Told::Served,
            HEADERS => return Told::Refused,
            RST_STREAM | GOAWAY => return Told::Reset,
            _ => {}
        }
    }
}

/// A plane before a target that keeps what it gets and answers each whole head.
struct Before {
    running: Running,
    _origin: Origin,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Before {
    async fn new() -> Self {
        let received: Arc<Mutex<Vec<u8>>> = Arc::default();
        let record = Arc::clone(&received);
        let origin = Origin::new(move |mut wire, _| {
            let record = Arc::clone(&record);
            async move {
                let mut head = Vec::new();
                while let Some(byte) = wire.exactly(1).await {
                    head.extend_from_slice(&byte);
                    record.lock().unwrap().extend_from_slice(&byte);
                    let text = String::from_utf8_lossy(&head).into_owned();
                    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
                    let length: usize = length.map_or(0, |length| length.parse().unwrap());
                    if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length) {
                        head.clear();
                        wire.write_while_wanted(answer("ok").as_bytes()).await;
                    }
                }
            }
        })
        .await;
        Self { running: Running::before(&[origin.address]).await, _origin: origin, received }
    }

    async fn send(&self, frames: &[Vec<u8>]) -> Told {
        let mut client = self.running.client().await;
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        client.write(frame(SETTINGS, 0, 0, &[])).await;
        for frame in frames {
            client.write_while_wanted(frame).await;
        }
        soon(told(&mut client)).await
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> Told {
        self.send(&[frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields))]).await
    }

    fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()).into_owned()
    }
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "http");
const PATH: (&str, &str) = (":path", "/");
const AUTHORITY: (&str, &str) = (":authority", "a");

#[tokio::test]
async fn what_would_be_two_requests_in_http_1_is_none() {
    let before = Before::new().await;
    let with = |field| [METHOD, SCHEME, PATH, AUTHORITY, field];
    for fields in [
        with(("x", "a\r\nhost: b")),
        with(("x", "a\nb")),
        with(("x", "a\rb")),
        with(("x", "a\0b")),
        with(("x\r\ny", "a")),
        with(("x: y", "a")),
        with(("x:", "a")),
        with((":x", "a")),
        with(("", "a")),
        with(("X", "a")),
        with(("x y", "a")),
        with(("x\0", "a")),
        with(("transfer-encoding", "chunked")),
        with(("connection", "x-a")),
        with(("keep-alive", "5")),
        with(("proxy-connection", "close")),
        with(("upgrade", "h2c")),
        with(("te", "gzip")),
        with(("host", "b")),
        with((":path", "/b")),
        with((":status", "200")),
        with(("content-length", "x")),
        with(("content-length", "+0")),
        with(("content-length", "5, 5")),
        with(("content-length", "5")),
        [METHOD, SCHEME, (":path", ""), AUTHORITY, ("x", "a")],
        [METHOD, SCHEME, (":path", "x"), AUTHORITY, ("x", "a")],
        [METHOD, SCHEME, (":path", "/ HTTP/1.1\r\nx: y"), AUTHORITY, ("x", "a")],
        [METHOD, SCHEME, (":path", "/ x"), AUTHORITY, ("x", "a")],
        [METHOD, SCHEME, (":path", "/%00"), AUTHORITY, ("x", "a")],
        [METHOD, SCHEME, PATH, (":authority", "a b"), ("x", "a")],
        [METHOD, SCHEME, PATH, (":authority", "me@a"), ("x", "a")],
        [METHOD, SCHEME, PATH, (":authority", "a\r\nb"), ("x", "a")],
        [METHOD, SCHEME, PATH, (":authority", ""), ("x", "a")],
        [METHOD, SCHEME, PATH, ("x", "a"), ("x", "b")],
        [METHOD, SCHEME, PATH, ("x", "a"), AUTHORITY],
        [METHOD, (":scheme", "ftp"), PATH, AUTHORITY, ("x", "a")],
        [METHOD, (":scheme", "http://b/"), PATH, AUTHORITY, ("x", "a")],
        [METHOD, ("x", "b"), PATH, AUTHORITY, ("x", "a")],
        [("x", "b"), SCHEME, PATH, AUTHORITY, ("x", "a")],
        [(":method", "GET / HTTP/1.1\r\n"), SCHEME, PATH, AUTHORITY, ("x", "a")],
        [(":method", "G T"), SCHEME, PATH, AUTHORITY, ("x", "a")],
        [(":method", ""), SCHEME, PATH, AUTHORITY, ("x", "a")],
    ] {
        assert_ne!(before.ask(&fields).await, Told::Served, "{fields:?}");
    }
    assert_ne!(before.ask(&[(":method", "CONNECT"), (":authority", "a:1")]).await, Told::Served);
    assert_eq!(before.received(), "");
    assert_eq!(before.ask(&with(("x", "a"))).await, Told::Served);
    assert_eq!(before.received().matches(" HTTP/1.1\r\n").count(), 1);
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_never_completes_a_request() {
    for (length, body) in [("5", "abc"), ("2", "abc"), ("0", "abc")] {
        let before = Before::new().await;
        let fields = [(":method", "POST"), SCHEME, PATH, AUTHORITY, ("content-length", length)];
        let frames = [frame(HEADERS, END_HEADERS, 1, &block(&fields)), frame(DATA, END_STREAM, 1, body.as_bytes())];
        let told = before.send(&frames).await;
        let received = before.received();
        let sent = received.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(sent.len() <= length.parse().unwrap(), "{length} {told:?} {received}");
        assert!(told != Told::Served || length == "2" || length == "0", "{length} {told:?} {received}");
        before.running.eventually(|running| running.in_flight(0) == 0).await;
    }
}

#[tokio::test]
async fn trailers_of_http_2_add_nothing_to_the_head() {
    let before = Before::new().await;
    let fields = [(":method", "POST"), SCHEME, PATH, AUTHORITY];
    let trailers = [("x-sum", "1"), ("host", "b"), ("content-length", "9"), ("x-forwarded-for", "192.0.2.1")];
    let frames = [
        frame(HEADERS, END_HEADERS, 1, &block(&fields)),
        frame(DATA, 0, 1, b"abc"),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&trailers)),
    ];
    assert_ne!(before.send(&frames).await, Told::Reset);
    before
        .running
        .eventually(|_| before.received().ends_with("0\r\n\r\n") || before.received().contains("x-sum"))
        .await;
    let received = before.received();
    let body = received.split_once("\r\n\r\n").unwrap().1;
    assert!(!body.contains("host") && !body.contains("length") && !body.contains("forwarded"), "{received}");
}
