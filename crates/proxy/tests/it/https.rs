//! HTTPS listeners: TLS on real sockets, and what it means for the requests inside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use equipoise_proxy::{Generation, GroupSettings, Listener, ListenerProtocol};
use equipoise_stream::Stream;
use equipoise_stream::tls::{
    Certificate, ClientAuth, ClientAuthMode, ClientTls, HandshakeError, ServerTls, ServerTlsSettings, TlsVersion,
};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::certificates::Ca;
use crate::support::{Origin, Running, Wire, group, listener, listener_with, soon};

fn settings(certificates: Vec<Certificate>) -> ServerTlsSettings {
    let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    ServerTlsSettings { certificates, client_auth: None, alpn, min_version: TlsVersion::Tls12 }
}

fn secure(listener: Listener, settings: ServerTlsSettings) -> Listener {
    let mut listener = listener;
    listener.protocol = ListenerProtocol::Https(Arc::new(ServerTls::new(settings, None).unwrap()));
    listener
}

async fn running(listener: Listener, origin: &Origin) -> Running {
    Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await
}

async fn connect(client: &ClientTls, address: SocketAddr, name: &str) -> Result<Stream, HandshakeError> {
    let stream = Stream::connect(address.into()).await.unwrap();
    soon(client.connect(stream, &name.parse().unwrap())).await
}

async fn wire(client: &ClientTls, address: SocketAddr, name: &str) -> Wire {
    connect(client, address, name).await.unwrap().into()
}

fn for_host(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")
}

#[tokio::test]
async fn a_request_inside_tls_is_served_and_the_target_learns_that_it_was_secure() {
    let (ca, origin) = (Ca::new("ours"), Origin::echoing().await);
    let running = running(secure(listener(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let mut wire = wire(&ca.client(None, &[]), running.address, "a.example").await;
    for _ in 0..3 {
        let answer = wire.ask(&for_host("a.example")).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().contains("x-forwarded-proto: https"), "{}", answer.text());
    }
    assert_eq!(running.metric("equipoise_tls_handshakes_total{listener=\"web\",outcome=\"full\"}"), 1.0);
}

#[tokio::test]
async fn the_protocol_is_the_one_that_was_agreed_on() {
    let (ca, origin) = (Ca::new("ours"), Origin::echoing().await);
    let running = running(secure(listener(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let stream = connect(&ca.client(None, &["h2", "http/1.1"]), running.address, "a.example").await.unwrap();
    assert_eq!(stream.tls().unwrap().alpn.as_deref(), Some(b"h2".as_slice()));
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://a.example/two").body(Full::<Bytes>::default()).unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    let head = response.into_body().collect().await.unwrap().to_bytes();
    let head = std::str::from_utf8(&head).unwrap();
    assert!(head.starts_with("GET /two HTTP/1.1\r\n") && head.contains("via: 2 equipoise"), "{head}");
    assert!(head.contains("x-forwarded-proto: https"), "{head}");
    let mut wire = wire(&ca.client(None, &["http/1.1"]), running.address, "a.example").await;
    assert!(wire.ask(&for_host("a.example")).await.text().contains("via: 1.1 equipoise"));
    let error = connect(&ca.client(None, &["spdy/3"]), running.address, "a.example").await.unwrap_err();
    assert_eq!(error.reason(), "tls-refused");
    let counted = |running: &Running| {
        running.metric("equipoise_tls_handshakes_total{listener=\"web\",outcome=\"tls-nothing-in-common\"}") > 0.0
    };
    running.eventually(counted).await;
}

#[tokio::test]
async fn http2_is_not_spoken_unless_it_was_agreed_on() {
    let (ca, origin) = (Ca::new("ours"), Origin::echoing().await);
    let running = running(secure(listener(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let mut wire = wire(&ca.client(None, &["http/1.1"]), running.address, "a.example").await;
    wire.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let answer = soon(wire.message()).await;
    assert!(answer.is_none_or(|answer| answer.status() == 400));
}

#[tokio::test]
async fn keys_of_either_kind_are_served() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    for certificate in [ca.issue(&["a.example"]), ca.issue_rsa(&["a.example"])] {
        let running = running(secure(listener(), settings(vec![certificate])), &origin).await;
        let stream = connect(&ca.client(None, &[]), running.address, "a.example").await.unwrap();
        assert_eq!(stream.tls().unwrap().version, TlsVersion::Tls13);
        assert_eq!(Wire::from(stream).ask(&for_host("a.example")).await.text(), "hello");
    }
}

#[tokio::test]
async fn a_request_for_a_host_that_the_connection_was_not_made_for_is_misdirected() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    let certificates = vec![ca.issue(&["a.example", "*.b.example", "127.0.0.1"]), ca.issue(&["c.example"])];
    let running = running(secure(listener(), settings(certificates)), &origin).await;
    let client = ca.client(None, &[]);
    for (name, host, want) in [
        ("a.example", "a.example", 200),
        ("a.example", "A.Example:8443", 200),
        ("a.example", "a.example.", 200),
        ("a.example", "x.b.example", 200),
        ("a.example", "c.example", 421),
        ("a.example", "127.0.0.1", 200),
        ("x.b.example", "a.b.b.example", 421),
        ("c.example", "a.example", 421),
        // No name in the handshake: addresses are none (RFC 6066 section 3).
        ("127.0.0.1", "anything.example", 200),
    ] {
        let answer = wire(&client, running.address, name).await.ask(&for_host(host)).await;
        assert_eq!(answer.status(), want, "{name} and {host}");
    }
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"misdirected\"}"), 3.0);
}

#[tokio::test]
async fn a_redirect_to_the_same_scheme_knows_which_one_it_is() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("never").await);
    let redirect = || listener_with("default = { redirect = { to = '{scheme}://{host}:{port}/there' } }");
    let running = running(secure(redirect(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let answer = wire(&ca.client(None, &[]), running.address, "a.example").await.ask(&for_host("a.example")).await;
    assert_eq!(answer.field("location"), "https://a.example:443/there");
    // What a client says of itself in plain text is not believed.
    let plain = Running::single(redirect(), []).await;
    let answer = plain.client().await.ask("GET https://t/ HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(answer.field("location"), "http://t:80/there");
}

#[tokio::test]
async fn a_client_that_speaks_http_in_plain_text_is_told_so() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("never").await);
    let running = running(secure(listener(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let mut wire = running.client().await;
    let answer = wire.get("/").await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().contains("HTTPS"), "{}", answer.text());
    assert!(wire.closed().await);
    // Also one that has more to say.
    let mut wire = running.client().await;
    wire.write(format!("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 30000\r\n\r\n{}", "x".repeat(30_000))).await;
    assert_eq!(soon(wire.message()).await.unwrap().status(), 400);
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"tls-plain-http\"}"), 2.0);
}

#[tokio::test]
async fn garbage_ends_its_connection_and_nothing_else() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    let running = running(secure(listener(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let client = ca.client(None, &[]);
    let mut served = wire(&client, running.address, "a.example").await;
    let endless = [22, 3, 1, 4, 0].into_iter().chain([1, 0, 0xff, 0xff]).chain([0; 1020]).collect::<Vec<_>>();
    let mut later = endless.clone();
    later[5..9].fill(0);
    let flood = [endless, later.repeat(20)].concat();
    for bytes in [b"\0\0\0\0".as_slice(), b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", &flood] {
        let mut wire = running.client().await;
        wire.write_while_wanted(bytes).await;
        let mut heard = Vec::new();
        while let Some(byte) = soon(wire.exactly(1)).await {
            heard.extend(byte);
        }
        assert!(heard.is_empty() || heard[0] == 21, "an alert or nothing: {heard:?}");
    }
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"tls-protocol\"}"), 3.0);
    assert_eq!(served.ask(&for_host("a.example")).await.text(), "hello");
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_cut_at_any_point() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    let mut listener = secure(listener(), settings(vec![ca.issue(&["a.example"])]));
    listener.timeouts.handshake = Duration::from_millis(100);
    let running = running(listener, &origin).await;
    for bytes in [b"".as_slice(), b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut wire = running.client().await;
        wire.write(bytes).await;
        assert!(wire.closed().await);
    }
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"tls-timeout\"}"), 3.0);
    // Once it is over, it is the head that is waited for.
    let mut patient = wire(&ca.client(None, &[]), running.address, "a.example").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(patient.ask(&for_host("a.example")).await.text(), "hello");
}

#[tokio::test]
async fn an_unfinished_handshake_does_not_hold_up_the_end() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    let running = running(secure(listener(), settings(vec![ca.issue(&["a.example"])])), &origin).await;
    let mut half = running.client().await;
    half.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") > 0.0).await;
    let began = std::time::Instant::now();
    assert!(running.plane.drain(Duration::from_secs(20)).await);
    assert!(began.elapsed() < Duration::from_secs(5), "not the whole time that a handshake may take");
    assert!(half.closed().await);
}

#[tokio::test]
async fn a_client_without_the_certificate_that_is_asked_for_is_not_served() {
    let (ca, people, origin) = (Ca::new("ours"), Ca::new("people"), Origin::answering("hello").await);
    let mut settings = settings(vec![ca.issue(&["a.example"])]);
    settings.client_auth = Some(ClientAuth { authorities: people.authorities(), mode: ClientAuthMode::Required });
    let running = running(secure(listener(), settings), &origin).await;
    let mut known = wire(&ca.client(Some(people.issue(&["alice"])), &[]), running.address, "a.example").await;
    assert_eq!(known.ask(&for_host("a.example")).await.text(), "hello");
    for stranger in [None, Some(Ca::new("strangers").issue(&["alice"]))] {
        // In TLS 1.3 the client learns of it after its own last word.
        if let Ok(mut stream) = connect(&ca.client(stranger, &[]), running.address, "a.example").await {
            // It is still sending when it is refused, and hears why all the same.
            let _ = stream.write_all(&[b'x'; 8192]).await;
            let error = stream.read_u8().await.unwrap_err();
            assert!(error.to_string().contains("alert"), "{error}");
        }
    }
    running
        .eventually(|running| {
            running.metric("equipoise_faults_total{listener=\"web\",reason=\"tls-certificate\"}") == 2.0
        })
        .await;
}

#[tokio::test]
async fn what_a_certificate_says_decides_and_is_told_and_cannot_be_forged() {
    let (ca, people, origin) = (Ca::new("ours"), Ca::new("people"), Origin::echoing().await);
    let mut settings = settings(vec![ca.issue(&["a.example"])]);
    settings.client_auth = Some(ClientAuth { authorities: people.authorities(), mode: ClientAuthMode::Optional });
    let rules = r#"
        default = { forward = "g", request-headers = { set = { x-user = "{client-certificate.names}" } } }
        [[rule]]
        priority = 1
        when = { path = "/admin", client-certificate = { name = "dns:admin" } }
        then = { respond = { status = 200, body = "welcome" } }
        [[rule]]
        priority = 2
        when = { path = "/admin" }
        then = { respond = { status = 403 } }
    "#;
    let running = running(secure(listener_with(rules), settings), &origin).await;
    let forged = "GET / HTTP/1.1\r\nhost: a.example\r\nx-user: dns:admin\r\n\r\n";
    let admin = "GET /admin HTTP/1.1\r\nhost: a.example\r\n\r\n";
    for (identity, told, status) in [
        (Some("admin"), Some("x-user: dns:admin"), 200),
        (Some("bob"), Some("x-user: dns:bob"), 403),
        (None, None, 403),
    ] {
        let client = ca.client(identity.map(|name| people.issue(&[name])), &[]);
        let mut wire = wire(&client, running.address, "a.example").await;
        let head = wire.ask(forged).await;
        let lines: Vec<_> = head.text().lines().filter(|line| line.starts_with("x-user")).collect();
        assert_eq!(lines, told.into_iter().collect::<Vec<_>>());
        assert_eq!(wire.ask(admin).await.status(), status);
    }
}

#[tokio::test]
async fn a_parked_connection_keeps_its_session_and_serves_the_next_request() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    let mut listener = secure(listener(), settings(vec![ca.issue(&["a.example"])]));
    listener.park_after = Duration::from_millis(20);
    let running = running(listener, &origin).await;
    let mut wire = wire(&ca.client(None, &[]), running.address, "a.example").await;
    for pause in [0, 1500, 1500] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert_eq!(wire.ask(&for_host("a.example")).await.text(), "hello");
    }
    // Two requests in one record: the second is decrypted before it is asked for.
    wire.write(for_host("a.example").repeat(2)).await;
    for _ in 0..2 {
        assert_eq!(soon(wire.message()).await.unwrap().text(), "hello");
    }
}

#[tokio::test]
async fn certificates_are_swapped_under_load_without_a_failed_request() {
    let (ca, origin) = (Ca::new("ours"), Origin::answering("hello").await);
    let group = group("g", &[origin.address], GroupSettings::default());
    let mut first = secure(listener(), settings(vec![ca.issue(&["a.example"])]));
    let running = Running::start(2, Generation::new(vec![first], [Arc::clone(&group)])).await;
    let mut old = wire(&ca.client(None, &[]), running.address, "a.example").await;
    assert_eq!(old.ask(&for_host("a.example")).await.text(), "hello");
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (client, address) = (Arc::new(ca.client(None, &[])), running.address);
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (stop, served, client) = (Arc::clone(&stop), Arc::clone(&served), Arc::clone(&client));
            tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    let mut wire = wire(&client, address, "a.example").await;
                    for _ in 0..3 {
                        assert_eq!(wire.ask(&for_host("a.example")).await.text(), "hello");
                        served.fetch_add(1, SeqCst);
                    }
                }
            })
        })
        .collect();
    let bind = running.plane.generation(|generation| generation.listeners[0].bind);
    let mut last = None;
    for _ in 0..10 {
        let certificate = ca.issue(&["a.example"]);
        let earlier = running.plane.generation(|generation| generation.listeners[0].protocol.tls().cloned());
        let tls = ServerTls::new(settings(vec![certificate.clone()]), earlier.as_deref()).unwrap();
        first = listener();
        first.bind = bind;
        first.protocol = ListenerProtocol::Https(Arc::new(tls));
        running.plane.apply(Generation::new(vec![first], [Arc::clone(&group)])).await.unwrap();
        let before = served.load(SeqCst);
        running.eventually(|_| served.load(SeqCst) > before + 20).await;
        last = Some(certificate);
    }
    stop.store(true, SeqCst);
    for client in load {
        soon(client).await.unwrap();
    }
    assert_eq!(old.ask(&for_host("a.example")).await.text(), "hello", "a connection outlives its certificate");
    assert!(last.is_some_and(|last| last.covers("a.example")));
}
