//! WebSocket over HTTP/2 (RFC 8441).

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Request, Response};

use super::{YES, parrot};
use crate::support::{Origin, Running, Wire, soon};

pub(super) async fn connect(running: &Running) -> SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = soon(sender.ready()).await.unwrap();
    // The settings that allow it come a moment later.
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
        sender = soon(sender.ready()).await.unwrap();
    }
    sender
}

pub(super) fn request(protocol: Option<&str>) -> Request<()> {
    let mut request = Request::builder().method("CONNECT").uri("http://todo.example/chat?a=b").body(()).unwrap();
    if let Some(protocol) = protocol {
        request.extensions_mut().insert(Protocol::from(protocol));
    }
    request.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
    request
}

pub(super) async fn ask(
    sender: &mut SendRequest<Bytes>,
    request: Request<()>,
) -> (Response<RecvStream>, SendStream<Bytes>) {
    let (response, stream) = sender.send_request(request, false).unwrap();
    (soon(response).await.unwrap(), stream)
}

pub(super) async fn exactly(stream: &mut RecvStream, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let part = soon(stream.data()).await.expect("more").unwrap();
        stream.flow_control().release_capacity(part.len()).unwrap();
        all.extend_from_slice(&part);
    }
    all
}

/// What a WebSocket server answers to this request.
fn yes(head: &crate::support::Message) -> String {
    let key = head.field("sec-websocket-key");
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    YES.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &accept)
}

/// Like a parrot, but one that knows WebSocket's handshake.
async fn trained_parrot() -> Origin {
    Origin::new(|mut wire: Wire, _| async move {
        let head = wire.head().await.unwrap();
        assert!(head.head.starts_with("GET /chat?a=b HTTP/1.1\r\n"), "{}", head.head);
        for (name, value) in [
            ("host", "todo.example"),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat"),
            ("via", "2 equipoise"),
        ] {
            assert_eq!(head.field(name), value);
        }
        wire.write(yes(&head).replace("upgrade: websocket", "upgrade: websocket\r\nsec-websocket-protocol: chat"))
            .await;
        while let Some(byte) = wire.exactly(1).await {
            wire.write(byte).await;
        }
        wire.write("bye").await;
    })
    .await
}

#[tokio::test]
async fn an_extended_connect_becomes_an_upgrade_at_the_target() {
    let origin = trained_parrot().await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    let (response, mut up) = ask(&mut sender, request(Some("websocket"))).await;
    assert_eq!(response.status(), 200);
    let names: Vec<_> = response.headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["sec-websocket-protocol", "date"]);
    let mut down = response.into_body();
    up.send_data("hello".into(), false).unwrap();
    assert_eq!(exactly(&mut down, 5).await, b"hello");
    assert_eq!(running.in_flight(0), 1);
    assert_eq!(running.metric("equipoise_tunnels_active{listener=\"web\"}"), 1.0);
    up.send_data("end".into(), true).unwrap();
    assert_eq!(exactly(&mut down, 6).await, b"endbye");
    while let Some(part) = soon(down.data()).await {
        assert!(part.unwrap().is_empty());
    }
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert!(!running.registry.encode().contains("equipoise_faults_total{"), "{}", running.registry.encode());
}

#[tokio::test]
async fn tunnels_and_requests_share_a_connection() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(head) = wire.message().await {
            if head.all("upgrade").is_empty() {
                wire.write(crate::support::answer("plain")).await;
                continue;
            }
            wire.write(yes(&head)).await;
            while let Some(byte) = wire.exactly(1).await {
                wire.write(byte).await;
            }
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    let mut tunnels = Vec::new();
    for _ in 0..4 {
        let (response, up) = ask(&mut sender, request(Some("websocket"))).await;
        assert_eq!(response.status(), 200);
        tunnels.push((response.into_body(), up));
    }
    let plain = Request::builder().uri("http://todo.example/").body(()).unwrap();
    let (response, _) = sender.send_request(plain, true).unwrap();
    assert_eq!(exactly(&mut soon(response).await.unwrap().into_body(), 5).await, b"plain");
    for (down, up) in &mut tunnels {
        up.send_data("hello".into(), false).unwrap();
        assert_eq!(exactly(down, 5).await, b"hello");
    }
    drop(tunnels);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_yes_without_the_answer_to_our_key_is_refused() {
    let origin = parrot(YES).await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    let (response, _) = ask(&mut sender, request(Some("websocket"))).await;
    assert_eq!(response.status(), 502);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn other_protocols_and_a_plain_connect_are_refused() {
    let origin = Origin::answering("never").await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    assert_eq!(ask(&mut sender, request(Some("connect-udp"))).await.0.status(), 501);
    let mut plain = Request::builder().method("CONNECT").uri("todo.example:443").body(()).unwrap();
    *plain.version_mut() = http::Version::HTTP_2;
    assert_eq!(ask(&mut sender, plain).await.0.status(), 405);
    assert_eq!(origin.connections(), 0);
    let fault = |reason| running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"));
    assert_eq!((fault("unknown-protocol"), fault("connect-refused")), (1.0, 1.0));
}

#[tokio::test]
async fn a_client_that_resets_its_stream_ends_the_tunnel() {
    let origin = trained_parrot().await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    let (response, mut up) = ask(&mut sender, request(Some("websocket"))).await;
    up.send_reset(h2::Reason::CANCEL);
    drop(response);
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert_eq!(running.metric("equipoise_tunnels_active{listener=\"web\"}"), 0.0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_costs_its_windows_and_no_more() {
    let (sender, mut total) = tokio::sync::mpsc::unbounded_channel();
    let origin = Origin::new(move |mut wire, _| {
        let sender = sender.clone();
        async move {
            let head = wire.head().await.unwrap();
            wire.write(yes(&head)).await;
            let _ = sender.send(wire.write_until_stuck().await);
            wire.closed().await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    let (response, _up) = ask(&mut sender, request(Some("websocket"))).await;
    let written = soon(total.recv()).await.unwrap();
    // Sockets of the system hold most of it.
    assert!(written < 16 << 20, "{written} bytes went nowhere");
    drop(response);
}

#[tokio::test]
async fn a_drain_cuts_the_tunnels_of_http_2_too() {
    let origin = trained_parrot().await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(&running).await;
    let (response, mut up) = ask(&mut sender, request(Some("websocket"))).await;
    let mut down = response.into_body();
    let draining = running.plane.drain(std::time::Duration::from_millis(300));
    let talking = async {
        up.send_data("hello".into(), false).unwrap();
        assert_eq!(exactly(&mut down, 5).await, b"hello");
        while let Some(Ok(_)) = soon(down.data()).await {}
    };
    let (clean, ()) = tokio::join!(draining, talking);
    assert!(!clean);
    running.eventually(|running| running.in_flight(0) == 0).await;
}
