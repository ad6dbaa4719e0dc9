//! HTTPS as a user sets it up: files that are checked, watched and renewed.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use equipoise_tests::{Program, TestTarget, equipoise, eventually, families, free_port};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use serde_json::Value;

use crate::text::group;

/// An authority that clients trust.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pub(crate) pem: String,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Self { issuer: Issuer::new(params, key), der, pem }
    }

    /// Chain and key as PEM; good for so many days from now.
    fn issue_for(&self, name: &str, days: i64) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(1970, 1, 1)
            + Duration::from_secs(u64::try_from(now() + days * 24 * 60 * 60).expect("after 1970"));
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        self.issue_for(name, 90)
    }
}

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "certificates end by the wall clock")]
    let now = std::time::SystemTime::now();
    i64::try_from(now.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()).expect("before the end")
}

/// A connection inside TLS that is kept open.
pub(crate) struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    fn with(
        ca: &Ca,
        port: u16,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(ca.der.clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        Ok(Self(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, socket)))
    }

    pub(crate) fn connect(ca: &Ca, port: u16, name: &str) -> Self {
        Self::with(ca, port, name, rustls::ALL_VERSIONS).expect("a connection")
    }

    /// Asks for `/` of `host`; head and body.
    pub(crate) fn get(&mut self, host: &str) -> io::Result<String> {
        write!(self.0, "GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")?;
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&heard).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().expect("a number")) {
                    return Ok(text);
                }
            }
            match self.0.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => heard.extend_from_slice(&piece[..count]),
            }
        }
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().expect("a certificate")[0].clone()
    }
}

/// A listener `web` of HTTPS whose files lie beside the configuration.
pub(crate) fn https(port: u16, chain: &str, key: &str) -> String {
    format!(
        "[listener.web]\nbind = \"127.0.0.1:{port}\"\nprotocol = \"https\"\ndefault = {{ forward = \"g\" }}\n\
         [listener.web.tls]\ncertificates = [{{ chain = \"{chain}\", key = \"{key}\" }}]\n"
    )
}

pub(crate) fn put_pair(folder: &Path, pair: &(String, String)) {
    std::fs::write(folder.join("a.pem"), &pair.0).expect("writable");
    std::fs::write(folder.join("a.key"), &pair.1).expect("writable");
}

/// The certificate that a new client sees, after a request that has to succeed.
fn shown(ca: &Ca, port: u16) -> CertificateDer<'static> {
    let mut client = Secure::connect(ca, port, "a.example");
    let answer = client.get("a.example").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    client.certificate()
}

#[test]
fn renewed_files_are_taken_up_and_broken_ones_leave_the_old_certificate_serving() {
    let (ca, target, port) = (Ca::new(), TestTarget::named("a"), free_port());
    let text = https(port, "a.pem", "a.key") + &group("g", &[target.port()]);
    let program = Program::start_with(&text, |folder| put_pair(folder, &ca.issue("a.example")));
    let first = shown(&ca, port);
    let mut old = Secure::connect(&ca, port, "a.example");
    assert!(old.get("a.example").is_ok());

    let renewed = ca.issue("a.example");
    program.replace("a.pem", renewed.0.as_bytes());
    program.replace("a.key", renewed.1.as_bytes());
    let second = eventually("new clients see the new certificate", || {
        let now = shown(&ca, port);
        (now != first).then_some(now)
    });
    assert!(old.get("a.example").is_ok(), "a connection outlives its certificate");

    program.replace("a.key", ca.issue("a.example").1.as_bytes());
    eventually("the reload is refused", || (program.status()["last_reload"]["result"] == "refused").then_some(()));
    let message = program.status()["last_reload"]["message"].to_string();
    assert!(message.contains("a.key") && message.contains("does not belong"), "{message}");
    assert!(program.metrics().contains("equipoise_config_last_reload_successful 0"));
    assert_eq!(shown(&ca, port), second);

    program.replace("a.key", renewed.1.as_bytes());
    eventually("what serves is what is in the files again", || {
        program.metrics().contains("equipoise_config_last_reload_successful 1").then_some(())
    });
    assert!(old.get("a.example").is_ok());
}

#[test]
fn a_secret_that_is_swapped_as_a_whole_is_taken_up() {
    let (ca, target, port) = (Ca::new(), TestTarget::named("a"), free_port());
    let text = https(port, "secret/a.pem", "secret/a.key") + &group("g", &[target.port()]);
    // As Kubernetes mounts secrets: links to links, of which one is replaced.
    let version = |secret: &Path, number: u8| {
        let folder = secret.join(format!("..version-{number}"));
        std::fs::create_dir(&folder).expect("writable");
        put_pair(&folder, &ca.issue("a.example"));
    };
    let program = Program::start_with(&text, |folder| {
        let secret = folder.join("secret");
        std::fs::create_dir(&secret).expect("writable");
        version(&secret, 1);
        symlink("..version-1", secret.join("..data")).expect("a link");
        for file in ["a.pem", "a.key"] {
            symlink(format!("..data/{file}"), secret.join(file)).expect("a link");
        }
    });
    let first = shown(&ca, port);
    let secret = program.folder().join("secret");
    version(&secret, 2);
    symlink("..version-2", secret.join("..data.new")).expect("a link");
    std::fs::rename(secret.join("..data.new"), secret.join("..data")).expect("renamed");
    eventually("new clients see the new certificate", || (shown(&ca, port) != first).then_some(()));
}

#[test]
fn what_tls_agreed_on_is_counted_and_logged() {
    let (ca, target, port) = (Ca::new(), TestTarget::named("a"), free_port());
    let text = https(port, "a.pem", "a.key")
        + &group("g", &[target.port()])
        + "[access-log]\nformat = \"json\"\npath = \"log\"\n";
    let program = Program::start_with(&text, |folder| put_pair(folder, &ca.issue("a.example")));
    for (version, written) in [(&rustls::version::TLS12, "1.2"), (&rustls::version::TLS13, "1.3")] {
        let mut client = Secure::with(&ca, port, "a.example", &[version]).expect("a client");
        assert!(client.get("a.example").expect("an answer").starts_with("HTTP/1.1 200 "));
        let line = eventually("a line of the log", || {
            let log = std::fs::read_to_string(program.folder().join("log")).ok()?;
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.into_iter().find(|line| line["tls.protocol.version"] == written)
        });
        assert_eq!(line["tls.client.server_name"], "a.example");
        assert!(
            line["tls.cipher"].as_str().is_some_and(|cipher| cipher.contains("_WITH_") || cipher.contains("TLS13"))
        );
        assert!(client.get("b.example").expect("an answer").starts_with("HTTP/1.1 421 "));
    }
    let metrics = program.metrics();
    assert!(families(&metrics).contains("equipoise_tls_certificate_expiry_timestamp_seconds"), "{metrics}");
    let full = metrics.lines().find(|line| line.contains("handshakes_total") && line.contains("outcome=\"full\""));
    assert!(full.is_some_and(|line| line.ends_with(" 2")), "{metrics}");
}

#[test]
fn check_tells_of_every_file_what_is_wrong_with_it_and_where_it_is_named() {
    let ca = Ca::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (good, other, old) = (ca.issue("a.example"), ca.issue("b.example"), ca.issue_for("c.example", -1));
    let soon = ca.issue_for("d.example", 5);
    for (name, text) in [
        ("good.pem", &good.0),
        ("good.key", &good.1),
        ("other.key", &other.1),
        ("old.pem", &old.0),
        ("old.key", &old.1),
        ("soon.pem", &soon.0),
        ("soon.key", &soon.1),
        ("ca.pem", &ca.pem),
    ] {
        std::fs::write(folder.path().join(name), text).expect("writable");
    }
    let pair = |chain: &str, key: &str| format!("  {{ chain = \"{chain}\", key = \"{key}\" }},\n");
    let pairs = [("good.pem", "good.key"), ("good.pem", "other.key"), ("nowhere.pem", "good.key")];
    let pairs = pairs.into_iter().chain([("old.pem", "old.key"), ("soon.pem", "soon.key"), ("good.key", "good.key")]);
    let text = "[listener.web]\nbind = \"127.0.0.1:1\"\nprotocol = \"https\"\ndefault = { forward = \"g\" }\n\
                [listener.web.tls]\ncertificates = [\n"
        .to_owned()
        + &pairs.map(|(chain, key)| pair(chain, key)).collect::<String>()
        + "]\nclient-auth = { ca = \"good.key\" }\n"
        + &group("g", &[2]);
    let file = folder.path().join("x.toml");
    std::fs::write(&file, &text).expect("writable");
    let output = equipoise(&["check", "--output", "json", "-c", file.to_str().expect("text")]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found: Vec<_> = report["diagnostics"].as_array().expect("a list").iter().collect();
    let says = |key: &str, line: u64, part: &str| {
        let at = found.iter().find(|found| found["key"] == key && found["location"]["line"] == line);
        let message = at.unwrap_or_else(|| panic!("{key} in {report:#}"))["message"].as_str().expect("text");
        assert!(message.contains(part), "{message}");
    };
    says("listener.web.tls.certificates[1].key", 8, "does not belong to the first certificate in");
    says("listener.web.tls.certificates[2].chain", 9, "No such file");
    says("listener.web.tls.certificates[3].chain", 10, "the certificate for c.example has expired");
    says("listener.web.tls.certificates[4].chain", 11, "the certificate for d.example expires in 4 days");
    says("listener.web.tls.certificates[5].key", 12, "holds no certificate");
    says("listener.web.tls.client-auth.ca", 14, "holds no certificate");
    assert_eq!((&report["errors"], &report["warnings"]), (&4.into(), &2.into()), "{report:#}");
}
