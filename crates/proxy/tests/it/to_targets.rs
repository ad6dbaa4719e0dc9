//! How connections to targets are made: TLS, the PROXY protocol, Unix sockets, and what a reload does to them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use equipoise_balance::Algorithm;
use equipoise_proxy::{Generation, Group, GroupSettings, Retry, TargetVersion, Transport};
use equipoise_stream::tls::{
    Arrival, Authorities, Certificate, ClientAuth, ClientAuthMode, ClientTls, ClientTlsSettings, ServerTls,
    ServerTlsSettings, TlsVersion, Trust, read_hello,
};
use equipoise_stream::{Dial, ProxyProtocol, SocketOptions, Stream, TargetTls};
use equipoise_target::{Condition, Endpoint, Target};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::streams::{StreamOrigin, serve_all};
use crate::support::{NoPlugins, Origin, Running, Wire, answer, get, group, listener, snapshot, soon};

/// Somebody who vouches for others.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: tempfile::TempDir,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn authorities(&self) -> Authorities {
        Authorities::load(&self.file("ca", &self.pem)).unwrap()
    }

    fn certificate(&self, name: &str) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let chain = self.file("chain", &params.signed_by(&key, &self.issuer).unwrap().pem());
        Certificate::load(&chain, &self.file("key", &key.serialize_pem())).unwrap()
    }

    /// What a group says of targets that this CA vouches for.
    fn trusted(&self, name: Option<&str>, version: TargetVersion) -> Tls {
        Tls { trust: Trust::Authorities(self.authorities()), name: name.map(Into::into), identity: None, version }
    }
}

struct Tls {
    trust: Trust,
    name: Option<String>,
    identity: Option<Certificate>,
    version: TargetVersion,
}

impl Tls {
    fn settings(self) -> GroupSettings {
        let Self { trust, name, identity, version } = self;
        let client = ClientTls::new(ClientTlsSettings { trust, identity, alpn: version.alpn() }).unwrap();
        let tls = TargetTls { client: Arc::new(client), name: name.map(|name| name.parse().unwrap()) };
        with(Transport { version, dial: Dial { tls: Some(tls), ..Dial::default() } })
    }
}

fn with(transport: Transport) -> GroupSettings {
    let retry = Retry { attempts: 0, ..Retry::default() };
    GroupSettings { transport, retry, ..GroupSettings::default() }
}

/// A target that speaks TLS, and inside it HTTP/2 or HTTP/1.1, whichever is agreed on.
async fn tls_origin(certificate: Certificate, alpn: &[&[u8]], clients: Option<Authorities>) -> StreamOrigin {
    let client_auth = clients.map(|authorities| ClientAuth { authorities, mode: ClientAuthMode::Required });
    let alpn = alpn.iter().map(|name| name.to_vec()).collect();
    let settings =
        ServerTlsSettings { certificates: vec![certificate], client_auth, alpn, min_version: TlsVersion::Tls12 };
    let server = Arc::new(ServerTls::new(settings, None).unwrap());
    StreamOrigin::driving(move |stream, number| {
        let server = Arc::clone(&server);
        async move {
            let mut stream = Stream::from(stream);
            let Ok(Arrival::Hello(hello)) = read_hello(&mut stream, bytes::BytesMut::new()).await else { return };
            let Ok(mut stream) = server.accept(stream, hello).await else { return };
            if stream.tls().unwrap().alpn.as_deref() == Some(b"h2") {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                return serve_all(&mut connection, number, |mut call| async move { call.answer("over h2") }).await;
            }
            let mut head = Vec::new();
            while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                if head.ends_with(b"\r\n\r\n") {
                    head.clear();
                    stream.write_all(answer("over h1").as_bytes()).await.unwrap();
                }
            }
        }
    })
    .await
}

async fn before(settings: GroupSettings, address: SocketAddr) -> Running {
    Running::single(listener(), [group("g", &[address], settings)]).await
}

#[track_caller]
fn check(running: &Running, want: &'static str) -> impl Future<Output = ()> {
    let address = running.address;
    let place = std::panic::Location::caller();
    async move { assert_eq!(get(address, "/").await.text(), want, "{place}") }
}

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];
const OLD: &[&[u8]] = &[b"http/1.1"];

#[tokio::test]
async fn a_target_with_a_good_certificate_is_spoken_to_and_its_connection_kept() {
    let ca = Ca::new();
    let origin = tls_origin(ca.certificate("todo.example"), &[], None).await;
    let running = before(ca.trusted(Some("todo.example"), TargetVersion::Http1).settings(), origin.address).await;
    for _ in 0..3 {
        check(&running, "over h1").await;
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn without_a_name_the_certificate_has_to_be_good_for_the_address() {
    let ca = Ca::new();
    let origin = tls_origin(ca.certificate("127.0.0.1"), &[], None).await;
    check(&before(ca.trusted(None, TargetVersion::Http1).settings(), origin.address).await, "over h1").await;
    let origin = tls_origin(ca.certificate("todo.example"), &[], None).await;
    let running = before(ca.trusted(None, TargetVersion::Http1).settings(), origin.address).await;
    check(&running, "502 Bad Gateway: target-certificate\n").await;
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_no_target() {
    let (ca, other) = (Ca::new(), Ca::new());
    let origin = tls_origin(ca.certificate("todo.example"), BOTH, None).await;
    let refused = "502 Bad Gateway: target-certificate\n";
    for version in [TargetVersion::Http1, TargetVersion::Http2, TargetVersion::Negotiated] {
        let wrong_ca = before(other.trusted(Some("todo.example"), version).settings(), origin.address).await;
        check(&wrong_ca, refused).await;
        let wrong_name = before(ca.trusted(Some("other.example"), version).settings(), origin.address).await;
        check(&wrong_name, refused).await;
        assert!(get(wrong_name.address, "/").await.field("proxy-status").contains("error=tls_certificate_error"));
        let fault = "equipoise_faults_total{listener=\"web\",reason=\"target-certificate\"}";
        wrong_name.eventually(|running| running.metric(fault) == 2.0).await;
        let anybody = Tls { trust: Trust::Anybody, name: None, identity: None, version };
        let running = before(anybody.settings(), origin.address).await;
        check(&running, if version == TargetVersion::Http1 { "over h1" } else { "over h2" }).await;
    }
}

#[tokio::test]
async fn a_target_that_asks_for_a_certificate_is_shown_ours() {
    let (ca, clients) = (Ca::new(), Ca::new());
    let origin = tls_origin(ca.certificate("todo.example"), BOTH, Some(clients.authorities())).await;
    for version in [TargetVersion::Http1, TargetVersion::Http2] {
        let mut tls = ca.trusted(Some("todo.example"), version);
        tls.identity = Some(clients.certificate("balancer.example"));
        let running = before(tls.settings(), origin.address).await;
        check(&running, if version == TargetVersion::Http1 { "over h1" } else { "over h2" }).await;
        let without = before(ca.trusted(Some("todo.example"), version).settings(), origin.address).await;
        assert_eq!(get(without.address, "/").await.status(), 502);
    }
}

#[tokio::test]
async fn what_is_spoken_inside_tls_is_what_was_agreed() {
    let ca = Ca::new();
    let (new, old) = (
        tls_origin(ca.certificate("t.example"), BOTH, None).await,
        tls_origin(ca.certificate("t.example"), OLD, None).await,
    );
    let settings = |version| ca.trusted(Some("t.example"), version).settings();
    for (version, from_new, from_old) in
        [(TargetVersion::Http1, "over h1", "over h1"), (TargetVersion::Negotiated, "over h2", "over h1")]
    {
        for (origin, want) in [(&new, from_new), (&old, from_old)] {
            let running = before(settings(version), origin.address).await;
            let before = origin.connections();
            for _ in 0..3 {
                check(&running, want).await;
            }
            assert_eq!(origin.connections(), before + 1);
        }
    }
    check(&before(settings(TargetVersion::Http2), new.address).await, "over h2").await;
    let answer = get(before(settings(TargetVersion::Http2), old.address).await.address, "/").await;
    assert_eq!(answer.status(), 502, "HTTP/2 was demanded");
}

#[tokio::test]
async fn a_request_that_may_change_its_protocol_gets_a_connection_of_http_1_1() {
    let ca = Ca::new();
    let origin = tls_origin(ca.certificate("t.example"), BOTH, None).await;
    let asks = "GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let running = before(ca.trusted(Some("t.example"), TargetVersion::Negotiated).settings(), origin.address).await;
    check(&running, "over h2").await;
    assert_eq!(running.client().await.ask(asks).await.text(), "over h1");
    let only = before(ca.trusted(Some("t.example"), TargetVersion::Http2).settings(), origin.address).await;
    let answer = only.client().await.ask(asks).await;
    assert_eq!((answer.status(), answer.text()), (502, "502 Bad Gateway: not-in-http2\n"));
    check(&only, "over h2").await;
}

#[tokio::test]
async fn a_target_that_never_answers_the_handshake_runs_into_the_time_to_connect() {
    let ca = Ca::new();
    let origin =
        Origin::new(|mut wire, _| async move { wire.until(b"never").await.map(drop).unwrap_or_default() }).await;
    let mut settings = ca.trusted(Some("t.example"), TargetVersion::Negotiated).settings();
    settings.timeouts.connect = Duration::from_millis(100);
    check(&before(settings, origin.address).await, "504 Gateway Timeout: connect-timeout\n").await;
}

#[tokio::test]
async fn a_reload_keeps_connections_that_are_made_as_before_and_no_others() {
    let ca = Ca::new();
    let origin = tls_origin(ca.certificate("t.example"), BOTH, None).await;
    let running = before(ca.trusted(Some("t.example"), TargetVersion::Http1).settings(), origin.address).await;
    check(&running, "over h1").await;
    let reload = async |settings: GroupSettings| {
        let group = group("g", &[origin.address], settings);
        running.plane.apply(Generation::new(vec![listener()], [group])).await.unwrap();
    };
    // Loaded anew, and equal.
    reload(ca.trusted(Some("t.example"), TargetVersion::Http1).settings()).await;
    check(&running, "over h1").await;
    assert_eq!(origin.connections(), 1);
    reload(ca.trusted(Some("t.example"), TargetVersion::Http2).settings()).await;
    check(&running, "over h2").await;
    assert_eq!(origin.connections(), 2);
    reload(ca.trusted(Some("t.example"), TargetVersion::Http2).settings()).await;
    check(&running, "over h2").await;
    assert_eq!(origin.connections(), 2);
    let another = Ca::new();
    reload(another.trusted(Some("t.example"), TargetVersion::Http2).settings()).await;
    check(&running, "502 Bad Gateway: target-certificate\n").await;
}

#[tokio::test]
async fn a_tunnel_goes_over_http1_to_a_target_that_speaks_both() {
    let ca = Ca::new();
    let settings = ServerTlsSettings {
        certificates: vec![ca.certificate("t.example")],
        client_auth: None,
        alpn: BOTH.iter().map(|name| name.to_vec()).collect(),
        min_version: TlsVersion::Tls12,
    };
    let server = Arc::new(ServerTls::new(settings, None).unwrap());
    let origin = StreamOrigin::driving(move |stream, number| {
        let server = Arc::clone(&server);
        async move {
            let mut stream = Stream::from(stream);
            let Ok(Arrival::Hello(hello)) = read_hello(&mut stream, bytes::BytesMut::new()).await else { return };
            let mut stream = server.accept(stream, hello).await.unwrap();
            if stream.tls().unwrap().alpn.as_deref() == Some(b"h2") {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                return serve_all(&mut connection, number, |mut call| async move { call.answer("over h2") }).await;
            }
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
            let yes = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                       sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello";
            stream.write_all(yes.as_bytes()).await.unwrap();
            let _ = stream.read_buf(&mut head).await;
        }
    })
    .await;
    let ask = "GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
               sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let running = before(ca.trusted(Some("t.example"), TargetVersion::Negotiated).settings(), origin.address).await;
    check(&running, "over h2").await;
    let mut client = running.client().await;
    client.write(ask).await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 101);
    assert!(soon(client.until(b"hello")).await.is_some());
    check(&running, "over h2").await;
    let only = before(ca.trusted(Some("t.example"), TargetVersion::Http2).settings(), origin.address).await;
    assert_eq!(only.client().await.ask(ask).await.text(), "502 Bad Gateway: not-in-http2\n");
}

/// A target that passes on the first line of each connection, and answers every request after it.
async fn told(lines: mpsc::UnboundedSender<Vec<u8>>) -> Origin {
    Origin::new(move |mut wire, _| {
        let lines = lines.clone();
        async move {
            let Some(line) = wire.until(b"\r\n").await else { return };
            lines.send(line).unwrap();
            while wire.message().await.is_some() {
                wire.write(answer("told")).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_target_is_told_of_the_client_and_no_other_client_gets_its_connection() {
    let (lines, mut told_lines) = mpsc::unbounded_channel();
    let origin = told(lines).await;
    let dial = Dial { proxy_protocol: Some(ProxyProtocol::V1), ..Dial::default() };
    let running = before(with(Transport { dial, ..Transport::default() }), origin.address).await;
    for number in 1..=3 {
        let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
        let (local, bind) = (stream.local_addr().unwrap(), running.address);
        let mut client = Wire::from(stream);
        for _ in 0..3 {
            assert_eq!(client.get("/").await.text(), "told");
        }
        let want = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}", local.port(), bind.port());
        assert_eq!(String::from_utf8(told_lines.recv().await.unwrap()).unwrap(), want);
        assert_eq!(origin.connections(), number);
    }
}

#[tokio::test]
async fn the_binary_announcement_comes_before_http2_too() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let origin = StreamOrigin::driving(move |mut stream, number| {
        let heads = heads.clone();
        async move {
            let mut head = [0; 28]; // 12 of signature, 4 of what follows, two addresses and ports
            stream.read_exact(&mut head).await.unwrap();
            heads.send(head).unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            serve_all(&mut connection, number, |mut call| async move { call.answer("told") }).await;
        }
    })
    .await;
    let dial = Dial { proxy_protocol: Some(ProxyProtocol::V2), ..Dial::default() };
    let running = before(with(Transport { version: TargetVersion::Http2, dial }), origin.address).await;
    for number in 1..=2 {
        let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
        let port = stream.local_addr().unwrap().port();
        let mut client = Wire::from(stream);
        for _ in 0..2 {
            assert_eq!(client.get("/").await.text(), "told");
        }
        let head = seen.recv().await.unwrap();
        assert_eq!(head[..16], *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
        assert_eq!((&head[16..24], &head[24..26]), (&[127, 0, 0, 1, 127, 0, 0, 1][..], &port.to_be_bytes()[..]));
        assert_eq!(origin.connections(), number);
    }
}

#[tokio::test]
async fn a_target_at_a_unix_socket_is_reached_in_either_version() {
    let folder = tempfile::tempdir().unwrap();
    for version in [TargetVersion::Http1, TargetVersion::Http2] {
        let path = folder.path().join(format!("{version:?}"));
        let socket = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                if version == TargetVersion::Http2 {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    serve_all(&mut connection, 0, |mut call| async move { call.answer("here") }).await;
                } else {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
                    stream.write_all(answer("here").as_bytes()).await.unwrap();
                }
            }
        });
        let address: Endpoint = format!("unix:{}", path.display()).parse().unwrap();
        let snapshot = snapshot("g", &[Arc::new(Target::new(address))], |_| Condition::Ready);
        let picker = Algorithm::default().picker(&snapshot, &NoPlugins).unwrap();
        let settings = with(Transport { version, ..Transport::default() });
        let group = Arc::new(Group::new(crate::support::group_name("g"), settings, snapshot, picker));
        let running = Running::single(listener(), [group]).await;
        assert_eq!(soon(get(running.address, "/")).await.text(), "here", "{version:?}");
    }
}

#[tokio::test]
async fn sockets_get_the_options_of_their_group() {
    let origin = Origin::answering("here").await;
    let half_a_minute = Some(Duration::from_secs(30));
    let socket = SocketOptions { keep_alive: half_a_minute, user_timeout: half_a_minute };
    let dial = Dial { socket, ..Dial::default() };
    // What the kernel then does with a silent peer takes longer than a test may.
    let stream = dial.connect(origin.address.into(), None).await.unwrap();
    let Stream::Tcp(tcp) = &stream else { panic!("{stream:?}") };
    let options = socket2::SockRef::from(tcp);
    assert!(options.keepalive().unwrap());
    assert_eq!(options.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
    assert_eq!(options.tcp_user_timeout().unwrap(), half_a_minute);
    check(&before(with(Transport { dial, ..Transport::default() }), origin.address).await, "here").await;
}
