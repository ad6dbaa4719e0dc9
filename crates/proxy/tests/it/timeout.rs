//! Nobody is waited for without end.

use std::time::{Duration, Instant};

use equipoise_proxy::{GroupSettings, GroupTimeouts, Listener, PoolSettings};

use crate::support::{Origin, Running, answer, group, listener, soon};

const SHORT: Duration = Duration::from_millis(150);

fn fault(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

fn settings(change: impl FnOnce(&mut GroupTimeouts)) -> GroupSettings {
    let mut settings = GroupSettings::default();
    change(&mut settings.timeouts);
    settings
}

/// A target that reads a request, says `bytes`, and then nothing.
async fn silent(bytes: &'static str) -> Origin {
    Origin::new(move |mut wire, _| async move {
        wire.message().await;
        wire.write(bytes).await;
        wire.closed().await;
    })
    .await
}

async fn before(origin: &Origin, listener: Listener, settings: GroupSettings) -> Running {
    Running::single(listener, [group("g", &[origin.address], settings)]).await
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_504_and_not_tried_again() {
    let origin = silent("").await;
    let running = before(&origin, listener(), settings(|timeouts| timeouts.first_byte = SHORT)).await;
    let started = Instant::now();
    let response = running.client().await.get("/").await;
    assert_eq!(response.status(), 504);
    assert_eq!(
        response.field("proxy-status"),
        "equipoise; error=http_response_timeout; details=\"first-byte-timeout\""
    );
    assert!(started.elapsed() >= SHORT);
    assert_eq!(origin.connections(), 1);
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_target_that_stops_in_its_response_is_cut() {
    let origin = silent("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let running = before(&origin, listener(), settings(|timeouts| timeouts.idle = SHORT)).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    client.head().await.unwrap();
    assert!(soon(client.exactly(9)).await.is_none());
    running.eventually(|running| fault(running, "response-stalled") == 1.0).await;
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_request_has_an_end_in_all_however_lively_it_is() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        // Until the connection is closed at the other side.
        loop {
            wire.write("1\r\nx\r\n").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let running = before(&origin, listener(), settings(|timeouts| timeouts.total = Some(SHORT))).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert!(soon(client.until(b"0\r\n\r\n")).await.is_none());
    running.eventually(|running| fault(running, "total-timeout") == 1.0).await;
}

#[tokio::test]
async fn a_connection_that_is_not_accepted_is_504() {
    // A queue of one, and two connections that fill it: the kernel drops what follows.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut fill = Vec::new();
    loop {
        let connect = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(200), connect).await {
            Ok(stream) => fill.push(stream.unwrap()),
            Err(_) => break,
        }
    }
    let settings = settings(|timeouts| timeouts.connect = SHORT);
    let running = Running::single(listener(), [group("g", &[address], settings)]).await;
    let response = running.client().await.get("/").await;
    assert_eq!(response.status(), 504);
    assert!(response.field("proxy-status").contains("error=connection_timeout"), "{}", response.head);
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.timeouts.head = SHORT;
    let running = before(&origin, listener, GroupSettings::default()).await;
    for sent in ["", "G", "PRI * HTTP", "GET / HTTP/1.1\r\nhost: t\r\nx: "] {
        let mut client = running.client().await;
        client.write(sent).await;
        assert!(soon(client.closed()).await, "{sent}");
    }
    // Also when it is the second head of a connection, and comes one byte at a time.
    let mut client = running.client().await;
    client.get("/").await;
    let mut text = "GET / HTTP/1.1\r\n".chars().chain(std::iter::repeat('x'));
    let dripping = async {
        loop {
            let byte = text.next().unwrap().to_string();
            client.write(&byte).await;
            tokio::select! {
                closed = client.closed() => break closed,
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
        }
    };
    assert!(soon(dripping).await);
    running.eventually(|running| fault(running, "head-timeout") == 5.0).await;
    running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") == 0.0).await;
}

#[tokio::test]
async fn a_client_that_does_not_ask_again_is_let_go() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.timeouts.keep_alive = SHORT;
    let running = before(&origin, listener, GroupSettings::default()).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/").await.text(), "hello");
    assert!(soon(client.closed()).await);
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_408() {
    let origin = Origin::answering("never").await;
    let mut listener = listener();
    listener.timeouts.idle = SHORT;
    let running = before(&origin, listener, settings(|timeouts| timeouts.first_byte = Duration::from_millis(50))).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\nhalf").await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 408);
    running.eventually(|running| fault(running, "body-timeout") == 1.0).await;
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 64 << 20)).await;
        wire.write(vec![b'x'; 64 << 20]).await;
    })
    .await;
    let mut listener = listener();
    listener.timeouts.idle = SHORT;
    let running = before(&origin, listener, GroupSettings::default()).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    running.eventually(|running| fault(running, "client-stalled") == 1.0).await;
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert!(soon(client.exactly(64 << 20)).await.is_none());
}

#[tokio::test]
async fn a_slow_upload_is_not_held_against_the_target() {
    let origin = Origin::new(|mut wire, _| async move {
        let message = wire.message().await.unwrap();
        wire.write(answer(message.text())).await;
    })
    .await;
    let running = before(&origin, listener(), settings(|timeouts| timeouts.first_byte = SHORT)).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 8\r\n\r\nhalf").await;
    tokio::time::sleep(SHORT * 2).await;
    client.write("half").await;
    assert_eq!(client.message().await.unwrap().text(), "halfhalf");
}

#[tokio::test]
async fn a_connection_to_a_target_does_not_wait_for_ever() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write(answer("hello")).await;
        assert!(wire.closed().await);
    })
    .await;
    let pool = PoolSettings { idle_timeout: SHORT, ..PoolSettings::default() };
    let running = before(&origin, listener(), GroupSettings { pool, ..GroupSettings::default() }).await;
    let mut client = running.client().await;
    client.get("/").await;
    tokio::time::sleep(SHORT * 2).await;
    client.get("/").await;
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_was_parked_goes_on_where_it_was() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.park_after = Duration::from_millis(20);
    listener.timeouts.keep_alive = Duration::from_secs(2);
    let running = before(&origin, listener, GroupSettings::default()).await;
    let mut client = running.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), "hello");
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    // Two requests at once, and the beginning of a third, which is no longer idle.
    let request = "GET / HTTP/1.1\r\nhost: t\r\n\r\n";
    client.write(format!("{request}{request}GET /")).await;
    assert_eq!(client.message().await.unwrap().text(), "hello");
    assert_eq!(client.message().await.unwrap().text(), "hello");
    tokio::time::sleep(Duration::from_millis(400)).await;
    client.write(" HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.message().await.unwrap().text(), "hello");
    // Parked or not, it does not wait for ever, and a drain ends it.
    assert!(soon(client.closed()).await);
    let mut client = running.client().await;
    client.get("/").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(soon(running.plane.drain(Duration::from_secs(8))).await);
    assert!(client.closed().await);
}
