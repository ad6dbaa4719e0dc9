//! TLS that is passed on as it is: what the client says first decides where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise_proxy::{GroupSettings, Listener, ListenerProtocol, TcpSettings};
use equipoise_stream::Stream;
use equipoise_stream::tls::{ClientTls, ServerTls, ServerTlsSettings, TlsVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::Ca;
use crate::support::{Origin, Running, Wire, group, listener, listener_with, soon};

/// `a.example` and its like by name, one group by protocol, and the rest.
const RULES: &str = "default = { forward = 'rest' }
    [[rule]]
    priority = 1
    when = { sni = ['a.example', '*.b.example'] }
    then = { forward = 'named' }
    [[rule]]
    priority = 2
    when = { alpn = 'postgresql' }
    then = { forward = 'protocol' }";

/// No group for the rest.
const STRICT: &str = "default = { respond = { status = 404 } }
    [[rule]]
    priority = 1
    when = { sni = 'a.example' }
    then = { forward = 'named' }";

fn passthrough(rules: &str) -> Listener {
    let mut listener = listener_with(rules);
    listener.protocol = ListenerProtocol::Tls(TcpSettings::default());
    listener
}

/// A target that writes its name, and then repeats what it hears.
async fn named(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(name.as_bytes()).await;
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn running(rules: &str) -> Running {
    let mut groups = Vec::new();
    for (name, target) in [("named", "n"), ("protocol", "p"), ("rest", "r")] {
        groups.push(group(name, &[named(target).await], GroupSettings::default()));
    }
    Running::single(passthrough(rules), groups).await
}

/// What a client says first when it wants to speak with `name`.
async fn hello_of(client: ClientTls, name: &'static str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let saying = tokio::spawn(async move {
        let stream = Stream::connect(address.into()).await.unwrap();
        let _ = client.connect(stream, &name.parse().unwrap()).await;
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut hello = vec![0; 5];
    stream.read_exact(&mut hello).await.unwrap();
    let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    hello.resize(5 + length, 0);
    stream.read_exact(&mut hello[5..]).await.unwrap();
    saying.abort();
    hello
}

/// The same message, cut into records of at most `size` bytes.
fn in_records(hello: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    hello[5..].chunks(size).flat_map(record).collect()
}

/// Who takes a connection that begins like this, after making sure that it got every byte.
async fn taken_by(running: &Running, hello: &[u8], step: usize) -> String {
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.set_nodelay(true).unwrap();
    for part in hello.chunks(step) {
        client.write_all(part).await.unwrap();
        if step < hello.len() {
            tokio::task::yield_now().await;
        }
    }
    let mut got = vec![0; 1 + hello.len()];
    soon(client.read_exact(&mut got)).await.unwrap();
    assert!(got[1..] == *hello, "every byte, once, in order");
    String::from_utf8(got[..1].to_vec()).unwrap()
}

#[tokio::test]
async fn the_handshake_is_with_the_target_that_the_name_stands_for() {
    let ca = Ca::new("ours");
    let mut planes = Vec::new();
    for name in ["a.example", "c.example"] {
        let alpn = vec![b"http/1.1".to_vec()];
        let certificates = vec![ca.issue(&[name])];
        let tls = ServerTlsSettings { certificates, client_auth: None, alpn, min_version: TlsVersion::Tls12 };
        let mut listener = listener();
        listener.protocol = ListenerProtocol::Https(Arc::new(ServerTls::new(tls, None).unwrap()));
        let origin = Origin::answering(name).await;
        let group = group("g", &[origin.address], GroupSettings::default());
        planes.push((Running::single(listener, [group]).await, origin));
    }
    let groups = [
        group("named", &[planes[0].0.address], GroupSettings::default()),
        group("rest", &[planes[1].0.address], GroupSettings::default()),
    ];
    let running = Running::new(passthrough(RULES), groups).await;
    for name in ["a.example", "c.example"] {
        let stream = Stream::connect(running.address.into()).await.unwrap();
        let stream = soon(ca.client(None, &[]).connect(stream, &name.parse().unwrap())).await.unwrap();
        let mut wire = Wire::from(stream);
        for _ in 0..3 {
            assert_eq!(wire.ask(&format!("GET / HTTP/1.1\r\nhost: {name}\r\n\r\n")).await.text(), name);
        }
    }
}

#[tokio::test]
async fn a_hello_may_come_in_any_pieces_and_arrives_whole() {
    let (ca, running) = (Ca::new("ours"), running(RULES).await);
    let hello = hello_of(ca.client(None, &[]), "x.y.b.example").await;
    for hello in [hello.clone(), in_records(&hello, 1), in_records(&hello, 7), in_records(&hello, 100)] {
        for step in [hello.len(), 1, 3, 1000] {
            assert_eq!(taken_by(&running, &hello, step).await, "n");
        }
    }
    // What a client sends right behind its hello is not lost.
    let eager = [&*hello, &[20, 3, 3, 0, 1, 1], b"and more"].concat();
    assert_eq!(taken_by(&running, &eager, eager.len()).await, "n");
}

#[tokio::test]
async fn protocols_and_missing_names_decide_too() {
    let (ca, running) = (Ca::new("ours"), running(RULES).await);
    let hello = hello_of(ca.client(None, &["h2", "postgresql"]), "other.example").await;
    assert_eq!(taken_by(&running, &hello, hello.len()).await, "p");
    // A client that asks for an address names no server.
    let hello = hello_of(ca.client(None, &[]), "127.0.0.1").await;
    assert_eq!(taken_by(&running, &hello, hello.len()).await, "r");
    assert_eq!(taken_by(&running, b"SSH-2.0-client\r\n", 20).await, "r", "not TLS at all");
}

async fn last_words(running: &Running, hello: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(hello).await.unwrap();
    let mut bytes = Vec::new();
    soon(client.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

#[tokio::test]
async fn who_is_not_taken_is_told_so_in_tls_and_counted() {
    let (ca, running) = (Ca::new("ours"), running(STRICT).await);
    let hello = hello_of(ca.client(None, &[]), "unknown.example").await;
    assert_eq!(last_words(&running, &hello).await, [21, 3, 3, 0, 2, 2, 112], "unrecognized_name");
    assert_eq!(last_words(&running, b"GET / HTTP/1.1\r\n\r\n").await, b"");
    let no_hello = [&[22, 3, 1, 0, 8, 2, 0, 0, 4][..], &[0; 4]].concat();
    assert_eq!(last_words(&running, &no_hello).await.first(), Some(&21));
    let long = [&[22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff][..], &[0; 0x3ffc]].concat();
    assert_eq!(last_words(&running, &long[..16 << 10]).await, [21, 3, 3, 0, 2, 2, 22], "record_overflow");
    for reason in ["no-route", "not-tls", "bad-hello", "hello-too-large"] {
        let series = format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}");
        running.eventually(|running| running.metric(&series) == 1.0).await;
    }
    running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") == 0.0).await;
}

#[tokio::test]
async fn who_says_half_a_hello_is_not_waited_for() {
    let running = running(STRICT).await;
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    let started = Instant::now();
    assert_eq!(soon(client.read(&mut [0])).await.unwrap(), 0);
    assert!((4..=10).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let series = "equipoise_faults_total{listener=\"web\",reason=\"hello-timeout\"}";
    running.eventually(|running| running.metric(series) == 1.0).await;
    assert!(started.elapsed() < Duration::from_secs(15));
}
