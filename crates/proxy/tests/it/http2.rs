//! HTTP/2 without TLS, for clients that know beforehand.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use equipoise_proxy::GroupSettings;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{Origin, Running, group, listener_with, soon};

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    connect_with(address, 64 << 10).await
}

/// With so many bytes of a response in advance.
async fn connect_with(address: SocketAddr, window: u32) -> SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(path: &str) -> http::request::Builder {
    Request::builder().uri(format!("http://todo.example{path}"))
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn requests_of_one_connection_go_to_a_target_side_by_side() {
    let origin = Origin::echoing().await;
    let running = Running::before(&[origin.address]).await;
    let sender = connect(running.address).await;
    let requests = (0..20).map(|n| {
        let mut sender = sender.clone();
        tokio::spawn(async move {
            let request = request(&format!("/{n}")).header("cookie", "a=1").header("cookie", "b=2");
            let response = sender.send_request(request.body(Full::default()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 200);
            text(response).await
        })
    });
    for (n, request) in requests.collect::<Vec<_>>().into_iter().enumerate() {
        let head = soon(request).await.unwrap();
        assert!(head.starts_with(&format!("GET /{n} HTTP/1.1\r\n")), "{head}");
        for line in ["host: todo.example", "via: 2 equipoise", "x-forwarded-host: todo.example", "cookie: a=1; b=2"] {
            assert!(head.lines().any(|other| other == line), "{line} in {head}");
        }
    }
}

#[tokio::test]
async fn bodies_pass_with_and_without_a_length() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            wire.write(crate::support::answer(message.text())).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(running.address).await;
    let body = "x".repeat(300_000);
    let response = sender.send_request(request("/").method("POST").body(body.clone().into()).unwrap()).await.unwrap();
    assert!(text(response).await == body);
}

#[tokio::test]
async fn a_host_that_differs_from_the_authority_is_refused() {
    let origin = Origin::answering("never").await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(running.address).await;
    let request = request("/").header("host", "other.example").body(Full::default()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 421);
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_target_that_dies_in_its_response_resets_the_stream_and_not_the_connection() {
    let origin = Origin::new(|mut wire, _| async move {
        let message = wire.message().await.unwrap();
        if message.head.contains("/good") {
            wire.write(crate::support::answer("good")).await;
        } else {
            wire.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome").await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(running.address).await;
    let response = sender.send_request(request("/bad").body(Full::default()).unwrap()).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    let response = sender.send_request(request("/good").body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(text(response).await, "good");
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_stream_that_the_client_resets_frees_its_target() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.closed().await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(running.address).await;
    let pending = tokio::spawn(sender.send_request(request("/").body(Full::default()).unwrap()));
    running.eventually(|running| running.in_flight(0) == 1).await;
    pending.abort();
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_loses_its_connection_in_the_end() {
    let origin = Origin::answering("some").await;
    let mut listener = listener_with(
        "default = { forward = 'g' }\nrule = [{ priority = 1, when = { path = '/own' }, then = { respond = { body = 'own' } } }]",
    );
    listener.timeouts.keep_alive = Duration::from_millis(200);
    listener.timeouts.idle = Duration::from_millis(200);
    let running = Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    // One byte is asked for, and the rest waits in the connection when the request is over here.
    for (path, window) in [("/own", 0), ("/own", 1), ("/", 1)] {
        let mut sender = connect_with(running.address, window).await;
        let response = sender.send_request(request(path).body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") == 0.0).await;
        assert!(response.into_body().collect().await.is_err(), "{path} {window}");
    }
}

#[tokio::test]
async fn draining_says_goodbye_and_finishes_what_is_under_way() {
    let (send, release) = tokio::sync::oneshot::channel::<()>();
    let release = std::sync::Arc::new(tokio::sync::Mutex::new(Some(release)));
    let origin = Origin::new(move |mut wire, _| {
        let release = std::sync::Arc::clone(&release);
        async move {
            wire.message().await;
            let release = release.lock().await.take().unwrap();
            release.await.unwrap();
            wire.write(crate::support::answer("finished")).await;
            wire.closed().await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut sender = connect(running.address).await;
    let pending = tokio::spawn(sender.send_request(request("/").body(Full::default()).unwrap()));
    running.eventually(|running| running.in_flight(0) == 1).await;
    let drain = async {
        let clean = running.plane.drain(Duration::from_secs(10)).await;
        assert!(clean);
    };
    let finish = async {
        // New connections are refused once the drain has begun; what is under way goes on.
        while tokio::net::TcpStream::connect(running.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        send.send(()).unwrap();
        assert_eq!(text(pending.await.unwrap().unwrap()).await, "finished");
    };
    soon(async { tokio::join!(drain, finish) }).await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_reset_and_its_connection_goes_on() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            if message.head.contains("/big") {
                wire.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 64 << 20)).await;
                // Nobody waits for the rest: the connection is closed in the middle.
                wire.write_while_wanted(&vec![b'x'; 64 << 20]).await;
            } else {
                wire.write(crate::support::answer("small")).await;
            }
        }
    })
    .await;
    let mut listener = crate::support::listener();
    listener.timeouts.idle = Duration::from_millis(150);
    let group = group("g", &[origin.address], GroupSettings::default());
    let running = Running::single(listener, [group]).await;
    let mut sender = connect(running.address).await;
    let unread = sender.send_request(request("/big").body(Full::default()).unwrap()).await.unwrap();
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert!(unread.into_body().collect().await.is_err());
    let response = sender.send_request(request("/small").body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(text(response).await, "small");
    running
        .eventually(|running| {
            running.metric("equipoise_faults_total{listener=\"web\",reason=\"client-stalled\"}") == 1.0
        })
        .await;
}
