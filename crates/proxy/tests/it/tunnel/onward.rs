//! WebSocket to targets that speak HTTP/2 only (RFC 8441).

use equipoise_proxy::{GroupSettings, TargetVersion, Transport};
use h2::ext::Protocol;
use http::Response;

use super::http2::{ask, connect, exactly, request};
use super::{ASKS, opened};
use crate::streams::{Call, StreamOrigin};
use crate::support::{Running, group, listener, soon};

async fn before(origin: &StreamOrigin) -> Running {
    let transport = Transport { version: TargetVersion::Http2, ..Transport::default() };
    let settings = GroupSettings { transport, ..GroupSettings::default() };
    Running::single(listener(), [group("g", &[origin.address], settings)]).await
}

/// A target that says yes, then whatever it hears, and at last "bye".
async fn parrot() -> StreamOrigin {
    StreamOrigin::with(h2::server::Builder::new().enable_connect_protocol(), |mut call: Call| async move {
        assert_eq!(call.request.method(), "CONNECT");
        assert_eq!(call.request.extensions().get::<Protocol>().unwrap().as_str(), "websocket");
        assert!(call.path().starts_with("/chat"));
        for gone in ["connection", "upgrade", "sec-websocket-key"] {
            assert!(!call.request.headers().contains_key(gone), "{gone}");
        }
        let mut stream = call.begin();
        while let Some(Ok(data)) = call.request.body_mut().data().await {
            call.request.body_mut().flow_control().release_capacity(data.len()).unwrap();
            stream.send_data(data, false).unwrap();
        }
        let _ = stream.send_data("bye".into(), true);
    })
    .await
}

#[tokio::test]
async fn an_upgrade_becomes_an_extended_connect() {
    let origin = parrot().await;
    let running = before(&origin).await;
    for _ in 0..2 {
        let mut client = running.client().await;
        client.write(ASKS).await;
        let yes = soon(client.head()).await.unwrap();
        assert_eq!((yes.status(), yes.field("connection"), yes.field("upgrade")), (101, "upgrade", "websocket"));
        assert_eq!(yes.field("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        client.write("hello").await;
        assert_eq!(client.exactly(5).await.unwrap(), b"hello");
        assert_eq!(running.in_flight(0), 1);
        let big = vec![b'x'; 3 << 20];
        for part in big.chunks(64 << 10) {
            client.write(part).await;
            assert!(client.exactly(part.len()).await.unwrap() == part);
        }
        client.shutdown().await;
        assert_eq!(client.exactly(3).await.unwrap(), b"bye");
        assert!(client.closed().await);
        running.eventually(|running| running.in_flight(0) == 0).await;
    }
    assert_eq!(origin.connections(), 1);
    assert!(!running.registry.encode().contains("equipoise_faults_total{"), "{}", running.registry.encode());
}

#[tokio::test]
async fn an_extended_connect_stays_one() {
    let origin = parrot().await;
    let running = before(&origin).await;
    let mut sender = connect(&running).await;
    let (response, mut up) = ask(&mut sender, request(Some("websocket"))).await;
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    let mut down = response.into_body();
    up.send_data("hello".into(), true).unwrap();
    assert_eq!(exactly(&mut down, 8).await, b"hellobye");
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_target_that_does_not_know_it_is_not_asked() {
    let origin = StreamOrigin::new(|mut call: Call| async move { call.answer("plain") }).await;
    let running = before(&origin).await;
    let mut client = running.client().await;
    let answer = client.ask(ASKS).await;
    assert_eq!((answer.status(), answer.text()), (502, "502 Bad Gateway: not-in-http2\n"));
    assert_eq!(client.get("/").await.text(), "plain");
}

#[tokio::test]
async fn a_no_is_passed_on() {
    let origin =
        StreamOrigin::with(h2::server::Builder::new().enable_connect_protocol(), |mut call: Call| async move {
            let no = Response::builder().status(403).body(()).unwrap();
            call.reply.send_response(no, false).unwrap().send_data("no".into(), true).unwrap();
        })
        .await;
    let running = before(&origin).await;
    let mut client = running.client().await;
    client.write(ASKS).await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 403);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn what_ends_a_tunnel_resets_its_stream_and_no_other() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let origin = StreamOrigin::with(h2::server::Builder::new().enable_connect_protocol(), move |mut call: Call| {
        let ended = ended.clone();
        async move {
            if call.request.method() == "GET" {
                return call.answer("plain");
            }
            let _stream = call.begin();
            while let Some(data) = call.request.body_mut().data().await {
                if let Err(error) = data {
                    let _ = ended.send(error.reason());
                    return;
                }
            }
        }
    })
    .await;
    let running = before(&origin).await;
    let client = opened(&running).await;
    client.reset();
    assert_eq!(soon(ends.recv()).await.unwrap(), Some(h2::Reason::CANCEL));
    running.eventually(|running| running.in_flight(0) == 0).await;
    let mut client = opened(&running).await;
    running.plane.cut(&crate::support::group_name("g"), origin.address.into());
    assert!(client.closed().await);
    assert_eq!(soon(ends.recv()).await.unwrap(), Some(h2::Reason::CANCEL));
    assert_eq!(running.client().await.get("/").await.text(), "plain");
    assert_eq!(origin.connections(), 1);
}
