//! Requests that change their protocol, over HTTP/1.1.

mod http2;
mod life;
mod onward;

use equipoise_proxy::{GroupSettings, Upgrades};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Origin, Running, Wire, answer, group, listener, soon};

pub(crate) const ASKS: &str = "GET /chat HTTP/1.1\r\nhost: t\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) const YES: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A target that says `first` to whoever asks, and then whatever it hears until its client stops.
pub(crate) async fn parrot(first: &'static str) -> Origin {
    Origin::new(move |mut wire, _| async move {
        let asked = wire.head().await.unwrap();
        assert_eq!(asked.field("upgrade"), "websocket");
        assert_eq!(asked.field("connection"), "upgrade");
        wire.write(first).await;
        while let Some(byte) = wire.exactly(1).await {
            wire.write(byte).await;
        }
        wire.write("bye").await;
    })
    .await
}

/// A client whose tunnel is open.
pub(crate) async fn opened(running: &Running) -> Wire {
    let mut client = running.client().await;
    client.write(ASKS).await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 101);
    client
}

/// One that answers each message with itself.
async fn websocket_echo() -> Origin {
    Origin::new(|wire, _| async move {
        let mut socket = tokio_tungstenite::accept_async(wire.into_stream()).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn websocket_messages_pass_both_ways() {
    let origin = websocket_echo().await;
    let running = Running::before(&[origin.address]).await;
    let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let (mut socket, response) = tokio_tungstenite::client_async("ws://todo.example/chat", stream).await.unwrap();
    assert_eq!(response.status(), 101);
    let big = Message::binary(vec![7; 3 << 20]);
    for message in [Message::text("hello"), big, Message::text("again")] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    }
    assert_eq!(running.in_flight(0), 1);
    assert_eq!(running.metric("equipoise_tunnels_active{listener=\"web\"}"), 1.0);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = soon(socket.next()).await {}
    drop(socket);
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert_eq!(running.metric("equipoise_tunnels_active{listener=\"web\"}"), 0.0);
    assert!(running.metric("equipoise_tunnel_bytes_total{listener=\"web\",direction=\"sent\"}") > 3e6);
    running
        .eventually(|running| {
            running.metric("equipoise_requests_total{listener=\"web\",group=\"g\",status_class=\"1xx\"}") == 1.0
        })
        .await;
    assert!(running.metric("equipoise_received_bytes_total{listener=\"web\",group=\"g\"}") > 3e6);
    assert!(!running.registry.encode().contains("equipoise_faults_total{"), "{}", running.registry.encode());
}

#[tokio::test]
async fn bytes_that_come_with_either_head_are_not_lost() {
    let origin = parrot(concat!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "early"
    ))
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write(format!("{ASKS}impatient")).await;
    let head = soon(client.head()).await.unwrap();
    assert_eq!(head.status(), 101);
    assert_eq!(head.field("upgrade"), "websocket");
    assert_eq!(head.field("connection"), "upgrade");
    assert_eq!(client.exactly(14).await.unwrap(), b"earlyimpatient");
}

#[tokio::test]
async fn a_side_that_has_ended_still_hears_the_other() {
    let origin = parrot(YES).await;
    let running = Running::before(&[origin.address]).await;
    let mut client = opened(&running).await;
    client.write("hello").await;
    client.shutdown().await;
    assert_eq!(client.exactly(8).await.unwrap(), b"hellobye");
    assert!(client.closed().await);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_no_is_an_answer_like_any_other() {
    let origin = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            wire.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for _ in 0..3 {
        let no = client.ask(ASKS).await;
        assert_eq!((no.status(), no.text()), (403, "no"));
    }
    assert_eq!(origin.connections(), 1);
}

/// A switch to something else than what `asks` asks for is a 502, and reaches nobody.
async fn refused(asks: &'static str, switch: &'static str) {
    let origin = Origin::new(move |mut wire, _| async move {
        wire.message().await;
        wire.write(switch).await;
        wire.write("foreign bytes").await;
        wire.closed().await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    let answer = client.ask(asks).await;
    assert_eq!(answer.status(), 502, "{switch}");
    assert!(answer.text().contains("refused-response"), "{}", answer.text());
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"refused-response\"}"), 1.0);
}

#[tokio::test]
async fn only_the_switch_that_was_asked_for_is_let_through() {
    refused("GET / HTTP/1.1\r\nhost: t\r\n\r\n", YES).await;
    refused(ASKS, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n").await;
    refused(ASKS, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n").await;
    refused(ASKS, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n").await;
    refused("GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", YES).await;
}

#[tokio::test]
async fn what_may_not_be_asked_for_is_not_asked() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for other in ["h2c", "H2C, spdy/3", "TLS/1.0", "websocket2"] {
        let fields = format!("connection: upgrade, http2-settings\r\nupgrade: {other}\r\nhttp2-settings: AAA");
        let head = client.ask(&format!("GET / HTTP/1.1\r\nhost: t\r\n{fields}\r\n\r\n")).await;
        assert_eq!(head.status(), 200);
        for gone in ["upgrade:", "connection:", "http2-settings:"] {
            assert!(!head.text().contains(gone), "{gone} in {}", head.text());
        }
    }
}

#[tokio::test]
async fn a_listener_says_which_protocols_may_be_asked_for() {
    let origin = Origin::echoing().await;
    let mut listener = listener();
    listener.upgrades = Upgrades::new(["tls-tunnel"]);
    let running = Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    let asks = |name| format!("GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: {name}\r\n\r\n");
    let mut client = running.client().await;
    assert!(!client.ask(&asks("websocket")).await.text().contains("upgrade"));
    assert!(client.ask(&asks("tls-tunnel")).await.text().contains("upgrade: tls-tunnel"));
}

#[tokio::test]
async fn a_request_for_another_protocol_has_no_body() {
    let origin = Origin::answering("never").await;
    let running = Running::before(&[origin.address]).await;
    for body in ["content-length: 4\r\n\r\nbody", "transfer-encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let mut client = running.client().await;
        let asks = format!("GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n{body}");
        let refusal = client.ask(&asks).await;
        assert_eq!(refusal.status(), 400);
        assert_eq!(refusal.field("connection"), "close");
    }
    assert_eq!(origin.connections(), 0);
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"upgrade-with-body\"}"), 2.0);
}

#[tokio::test]
async fn a_connection_that_carried_requests_may_become_a_tunnel_and_is_never_pooled_again() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            if message.head.contains("upgrade: websocket") {
                wire.write(YES).await;
                assert_eq!(wire.exactly(5).await.unwrap(), b"hello");
                wire.write("world").await;
                assert!(wire.closed().await);
                return;
            }
            wire.write(answer("plain")).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/").await.text(), "plain");
    client.write(ASKS).await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 101);
    assert_eq!(origin.connections(), 1);
    client.write("hello").await;
    assert_eq!(client.exactly(5).await.unwrap(), b"world");
    drop(client);
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert_eq!(running.client().await.get("/").await.text(), "plain");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn an_http_1_0_client_cannot_change_its_protocol() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let head = running.client().await.ask(&ASKS.replace("HTTP/1.1", "HTTP/1.0")).await;
    assert!(!head.text().contains("upgrade"), "{}", head.text());
}
