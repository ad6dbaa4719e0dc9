//! Checks at targets that are reached in other ways than over bare TCP, and checks over gRPC.

use ::http::{HeaderMap, Response};
use equipoise_stream::tls::{
    Arrival, Authorities, Certificate, ClientTls, ClientTlsSettings, ServerTls, ServerTlsSettings, TlsVersion, Trust,
    read_hello,
};
use equipoise_stream::{Dial, ProxyProtocol, TargetTls};
use rcgen::{CertificateParams, KeyPair};
use tokio::net::UnixListener;

use super::*;

/// What a target's gRPC service says.
#[derive(Clone, Copy)]
enum Says {
    /// This status of `grpc.health.v1`.
    Status(u8),
    /// Nothing but this code.
    Code(&'static str),
}

/// Answers every call on one connection, and every other request with 200.
async fn answer_streams(stream: Stream, says: Says) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut reply))) = connection.accept().await {
        if request.uri().path() != "/grpc.health.v1.Health/Check" {
            let mut body = reply.send_response(Response::new(()), false).unwrap();
            body.send_data(bytes::Bytes::from_static(b"{\"status\":\"ok\"}"), true).unwrap();
            continue;
        }
        assert_eq!(request.headers()["te"], "trailers");
        let head = Response::builder().header("content-type", "application/grpc");
        match says {
            Says::Status(status) => {
                let mut body = reply.send_response(head.body(()).unwrap(), false).unwrap();
                body.send_data(vec![0, 0, 0, 0, 2, 8, status].into(), false).unwrap();
                let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
                body.send_trailers(trailers).unwrap();
            }
            Says::Code(code) => {
                let head = head.header("grpc-status", code).header("grpc-message", "because");
                reply.send_response(head.body(()).unwrap(), true).unwrap();
            }
        }
    }
}

async fn over_streams(says: Says) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_streams(stream.into(), says));
        }
    });
    address.into()
}

/// A target that speaks TLS, and who vouches for it: itself.
struct Secure {
    address: Endpoint,
    authorities: Authorities,
}

impl Secure {
    async fn new(alpn: &'static [&'static [u8]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let pem = CertificateParams::new(vec!["todo.example".into()]).unwrap().self_signed(&key).unwrap().pem();
        let (chain, secret) = (folder.path().join("chain"), folder.path().join("key"));
        std::fs::write(&chain, pem).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        let settings = ServerTlsSettings {
            certificates: vec![Certificate::load(&chain, &secret).unwrap()],
            client_auth: None,
            alpn: alpn.iter().map(|name| name.to_vec()).collect(),
            min_version: TlsVersion::Tls12,
        };
        let server = Arc::new(ServerTls::new(settings, None).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().into();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let mut stream = Stream::from(stream);
                    let Ok(Arrival::Hello(hello)) = read_hello(&mut stream, bytes::BytesMut::new()).await else {
                        return;
                    };
                    let Ok(mut stream) = server.accept(stream, hello).await else { return };
                    if stream.tls().unwrap().alpn.as_deref() == Some(b"h2") {
                        return answer_streams(stream, Says::Status(1)).await;
                    }
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(GOOD.as_bytes()).await;
                });
            }
        });
        Self { address, authorities: Authorities::load(&chain).unwrap() }
    }

    fn reach(&self, name: &str, alpn: &[&[u8]]) -> Reach {
        let alpn = alpn.iter().map(|name| name.to_vec()).collect();
        let trust = Trust::Authorities(self.authorities.clone());
        let client = ClientTls::new(ClientTlsSettings { trust, identity: None, alpn }).unwrap();
        let tls = TargetTls { client: Arc::new(client), name: Some(name.parse().unwrap()) };
        Reach { dial: Dial { tls: Some(tls), ..Dial::default() }, http2: false }
    }
}

async fn outcome_by(text: &str, reach: &Reach, address: Endpoint) -> Outcome {
    let probe = check(text).probe(&Natives, reach).unwrap();
    timeout(PATIENCE, look(&*probe, address, AMPLE)).await.expect("a look ends by itself")
}

const JSON: &str = "[http]\njson-field = { pointer = \"/status\", equals = \"ok\" }";
const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];

#[tokio::test]
async fn a_service_passes_when_it_says_that_it_serves() {
    let reach = Reach::default();
    assert_eq!(outcome_by("[grpc]", &reach, over_streams(Says::Status(1)).await).await, Outcome::Pass);
    for (says, part) in [
        (Says::Status(2), "NOT_SERVING"),
        (Says::Status(0), "UNKNOWN"),
        (Says::Status(9), "UNKNOWN"),
        (Says::Code("12"), "no grpc.health.v1"),
        (Says::Code("5"), "no such service"),
        (Says::Code("7"), "grpc-status 7: because"),
        (Says::Code("0"), "no message"),
    ] {
        assert_reason(&outcome_by("[grpc]\nservice = \"todo\"", &reach, over_streams(says).await).await, part);
    }
}

#[tokio::test]
async fn a_target_that_speaks_no_http2_fails_a_check_over_grpc() {
    for target in [Target::Says(GOOD), Target::HangsUp, Target::Says("")] {
        let address = start(target).await;
        assert!(matches!(outcome_by("[grpc]", &Reach::default(), address).await, Outcome::Fail(_)));
    }
    assert_reason(&outcome_by("[grpc]", &Reach::default(), nobody().await).await, "refused");
}

#[tokio::test]
async fn a_check_speaks_what_the_group_speaks() {
    let http2 = Reach { http2: true, ..Reach::default() };
    let address = over_streams(Says::Status(1)).await;
    assert_eq!(outcome_by(JSON, &http2, address).await, Outcome::Pass);
    assert!(matches!(outcome_by("[http]", &Reach::default(), address).await, Outcome::Fail(_)));
    let plain = format!("{JSON}\nplain = true");
    assert_eq!(outcome_by(&plain, &http2, start(Target::Says(GOOD)).await).await, Outcome::Pass);
}

#[tokio::test]
async fn a_check_over_tls_looks_at_the_certificate_too() {
    let secure = Secure::new(BOTH).await;
    for alpn in [BOTH, &[b"http/1.1"], &[]] {
        assert_eq!(outcome_by(JSON, &secure.reach("todo.example", alpn), secure.address).await, Outcome::Pass);
    }
    assert_eq!(outcome_by("[grpc]", &secure.reach("todo.example", BOTH), secure.address).await, Outcome::Pass);
    let old = secure.reach("todo.example", &[b"http/1.1"]);
    assert_reason(&outcome_by("[grpc]", &old, secure.address).await, "did not agree to HTTP/2");
    let other = secure.reach("other.example", BOTH);
    assert_reason(&outcome_by("[http]", &other, secure.address).await, "TLS: ");
    assert_reason(
        &outcome_by("[http]", &Secure::new(BOTH).await.reach("todo.example", BOTH), secure.address).await,
        "TLS: ",
    );
    let plain = "[http]\nplain = true";
    assert!(matches!(outcome_by(plain, &other, secure.address).await, Outcome::Fail(_)), "TLS is spoken there");
}

#[tokio::test]
async fn a_check_is_announced_as_our_own_where_clients_are() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().into();
    let dial = Dial { proxy_protocol: Some(ProxyProtocol::V1), ..Dial::default() };
    let reach = Reach { dial, http2: false };
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = String::new();
        while !said.ends_with("\r\n\r\n") {
            said.push(char::from(stream.read_u8().await.unwrap()));
        }
        stream.write_all(GOOD.as_bytes()).await.unwrap();
        said
    };
    let (outcome, said) = tokio::join!(outcome_by("[http]", &reach, address), serve);
    assert_eq!(outcome, Outcome::Pass);
    assert!(said.starts_with("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n"), "{said}");
}

#[tokio::test]
async fn a_check_reaches_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("todo.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(GOOD.as_bytes()).await;
        }
    });
    let address: Endpoint = format!("unix:{}", path.display()).parse().unwrap();
    for check in ["[tcp]", JSON] {
        assert_eq!(outcome_by(check, &Reach::default(), address).await, Outcome::Pass, "{check}");
    }
}
