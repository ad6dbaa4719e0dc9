//! Targets that speak TLS, as a configuration sets them up: files that are read, replaced and broken under the balancer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use equipoise::{Equipoise, Handle};
use equipoise_stream::Stream;
use equipoise_stream::tls::{Arrival, Certificate, ServerTls, ServerTlsSettings, TlsVersion, read_hello};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Somebody whose word for himself is good, if anybody takes it.
struct Signed {
    chain: String,
    key: String,
}

impl Signed {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["todo.internal".to_owned()]).expect("a name");
        Self { chain: params.self_signed(&key).expect("signed").pem(), key: key.serialize_pem() }
    }
}

/// A target that shows `signed` and answers every request on a connection.
async fn target(folder: &Path, signed: &Signed) -> SocketAddr {
    let (chain, key) = (folder.join("target.pem"), folder.join("target.key"));
    std::fs::write(&chain, &signed.chain).expect("writable");
    std::fs::write(&key, &signed.key).expect("writable");
    let certificates = vec![Certificate::load(&chain, &key).expect("a certificate")];
    let settings =
        ServerTlsSettings { certificates, client_auth: None, alpn: Vec::new(), min_version: TlsVersion::Tls12 };
    let server = Arc::new(ServerTls::new(settings, None).expect("sound"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let mut stream = Stream::from(stream);
                let Ok(Arrival::Hello(hello)) = read_hello(&mut stream, bytes::BytesMut::new()).await else { return };
                let Ok(mut stream) = server.accept(stream, hello).await else { return };
                let mut head = [0; 4096];
                while stream.read(&mut head).await.is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure").await;
                }
            });
        }
    });
    address
}

async fn ask(handle: &Handle) -> String {
    let bind = handle.status().listeners[0].bind.clone();
    let ask = move || {
        let mut stream = TcpStream::connect(bind).expect("accepted");
        write!(stream, "GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        text
    };
    tokio::task::spawn_blocking(ask).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_targets_are_part_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let (signed, stranger) = (Signed::new(), Signed::new());
    let address = target(folder.path(), &signed).await;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &signed.chain).expect("writable");
    let config = folder.path().join("equipoise.toml");
    let text = format!(
        "[listener.web]\nbind = \"127.0.0.1:0\"\ndefault = {{ forward = \"g\" }}\n\
         [target-group.g]\nprotocol = \"https\"\ntargets = [\"{address}\"]\nfail-open = false\n\
         [target-group.g.tls]\nca = \"ca.pem\"\nserver-name = \"todo.internal\"\n\
         [target-group.g.health-check.http]\ninterval = \"50ms\"\ntimeout = \"40ms\"\ninitial = \"unhealthy\"\n"
    );
    std::fs::write(&config, text).expect("writable");
    let builder = Equipoise::builder().config_path(&config).without_admin();
    #[cfg(feature = "watch")]
    let builder = builder.without_watch();
    let running = builder.build().expect("sound").start().await.expect("started");
    let handle = running.handle();
    // The check is made over TLS too: without one that passes there is no target.
    let answers = async |want: &str| {
        for _ in 0..400 {
            if ask(&handle).await.ends_with(want) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never answered with {want}: {}", ask(&handle).await);
    };
    answers("secure").await;
    // Nobody else vouches for it, and a check finds that out like a request does.
    std::fs::write(&ca, &stranger.chain).expect("writable");
    let report = handle.reload().await.expect("the file is sound");
    assert!(format!("{report:?}").contains("target group g: other certificates"), "{report:?}");
    answers("no-target\n").await;
    // What cannot be read changes nothing.
    std::fs::write(&ca, "no certificate").expect("writable");
    let refused = handle.reload().await.expect_err("it is broken");
    let mut told = refused.to_string();
    let mut source = std::error::Error::source(&refused);
    while let Some(error) = source {
        told += &format!(": {error}");
        source = error.source();
    }
    assert!(told.contains("target") && told.contains("ca.pem"), "{told}");
    std::fs::write(&ca, &signed.chain).expect("writable");
    handle.reload().await.expect("as it was");
    answers("secure").await;
}
