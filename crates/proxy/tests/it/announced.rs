//! The PROXY protocol on its way in.

use std::sync::Arc;

use equipoise_proxy::{Announcers, GroupSettings, Listener, ListenerProtocol, Networks, TcpSettings};
use equipoise_stream::Stream;
use equipoise_stream::tls::{ServerTls, ServerTlsSettings, TlsVersion};
use proxy_header::{ProxiedAddress, ProxyHeader, Tlv};
use tokio::net::TcpStream;

use crate::certificates::Ca;
use crate::support::{Origin, Running, Wire, group, listener, listener_with, soon};

const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
const GET: &str = "GET / HTTP/1.1\r\nhost: t\r\n\r\n";

fn networks(list: &[&str]) -> Networks {
    Networks::new(list.iter().map(|text| text.parse().unwrap()).collect())
}

fn announced(mut listener: Listener, from: &str, required: bool) -> Listener {
    listener.proxy_protocol = Some(Announcers::new(networks(&[from]), required));
    listener
}

fn v2() -> Vec<u8> {
    let address = ProxiedAddress::stream("192.0.2.7:4711".parse().unwrap(), "198.51.100.1:443".parse().unwrap());
    let mut bytes = Vec::new();
    ProxyHeader::with_tlvs(Some(address), [Tlv::Authority("a.example".into())]).encode_v2(&mut bytes).unwrap();
    bytes
}

async fn running(listener: Listener, origin: &Origin) -> Running {
    Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await
}

fn reason(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

#[tokio::test]
async fn the_announced_client_is_the_client_however_the_header_is_cut() {
    let origin = Origin::echoing().await;
    let running = running(announced(listener(), "127.0.0.0/8", true), &origin).await;
    let local = "PROXY UNKNOWN\r\n";
    for (header, client) in [(V1.as_bytes(), "192.0.2.7"), (&v2(), "192.0.2.7"), (local.as_bytes(), "127.0.0.1")] {
        // In one piece, with the request behind it.
        let mut wire = running.client().await;
        wire.write([header, GET.as_bytes()].concat()).await;
        let answer = soon(wire.message()).await.unwrap();
        assert!(answer.text().contains(&format!("x-forwarded-for: {client}")), "{}", answer.text());
        assert!(wire.get("/again").await.text().contains(client), "the connection goes on");
        // Byte by byte.
        let mut wire = running.client().await;
        for byte in [header, GET.as_bytes()].concat() {
            wire.write([byte]).await;
        }
        let answer = soon(wire.message()).await.unwrap();
        assert!(answer.text().contains(&format!("x-forwarded-for: {client}")), "{}", answer.text());
    }
}

#[tokio::test]
async fn rules_and_access_lists_see_the_announced_client() {
    let text = "default = { respond = { status = 404 } }
        [[rule]]
        priority = 1
        when = { source = '192.0.2.0/24' }
        then = { respond = { status = 200 } }";
    let mut listener = announced(listener_with(text), "127.0.0.1/32", true);
    listener.access.deny = networks(&["203.0.113.0/24", "127.0.0.0/8"]);
    let running = Running::single(listener, []).await;
    let mut wire = running.client().await;
    assert_eq!(wire.ask(&format!("{V1}{GET}")).await.status(), 200);
    let mut denied = running.client().await;
    denied.write("PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n").await;
    assert!(denied.closed().await);
    assert_eq!(reason(&running, "access-denied"), 1.0);
}

#[tokio::test]
async fn what_is_no_header_closes_the_connection_and_is_counted() {
    let origin = Origin::echoing().await;
    let mut listener = announced(listener(), "127.0.0.0/8", true);
    listener.timeouts.head = std::time::Duration::from_millis(200);
    let running = running(listener, &origin).await;
    for bytes in [GET, "PROXY TCP4 nonsense 1 2 3\r\n", "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"] {
        let mut wire = running.client().await;
        wire.write(bytes).await;
        assert!(wire.closed().await, "{bytes:?}");
    }
    assert_eq!(reason(&running, "bad-proxy-header"), 3.0);
    let mut silent = running.client().await;
    silent.write("PROXY TCP4 192.0").await;
    assert!(silent.closed().await);
    assert_eq!(reason(&running, "proxy-header-timeout"), 1.0);
}

#[tokio::test]
async fn whoever_is_not_listed_is_closed_or_served_as_itself() {
    let origin = Origin::echoing().await;
    let required = running(announced(listener(), "10.0.0.0/8", true), &origin).await;
    assert!(required.client().await.closed().await);
    assert_eq!(reason(&required, "not-a-proxy"), 1.0);
    let optional = running(announced(listener(), "10.0.0.0/8", false), &origin).await;
    assert!(optional.client().await.get("/").await.text().contains("x-forwarded-for: 127.0.0.1"));
    // Nobody believes what it says.
    let mut liar = optional.client().await;
    assert_eq!(liar.ask(&format!("{V1}{GET}")).await.status(), 400);
    let listed = running(announced(listener(), "127.0.0.0/8", false), &origin).await;
    assert!(listed.client().await.get("/").await.text().contains("x-forwarded-for: 127.0.0.1"));
    let answer = listed.client().await.ask(&format!("{V1}{GET}")).await;
    assert!(answer.text().contains("x-forwarded-for: 192.0.2.7"), "{}", answer.text());
}

#[tokio::test]
async fn the_header_comes_before_tls() {
    let (ca, origin) = (Ca::new("ours"), Origin::echoing().await);
    let mut listener = announced(listener(), "127.0.0.0/8", true);
    let certificates = vec![ca.issue(&["a.example"])];
    let settings =
        ServerTlsSettings { certificates, client_auth: None, alpn: Vec::new(), min_version: TlsVersion::Tls12 };
    listener.protocol = ListenerProtocol::Https(Arc::new(ServerTls::new(settings, None).unwrap()));
    let running = running(listener, &origin).await;
    let tcp = TcpStream::connect(running.address).await.unwrap();
    let mut written = 0;
    while written < V1.len() {
        tcp.writable().await.unwrap();
        written += tcp.try_write(&V1.as_bytes()[written..]).unwrap_or(0);
    }
    let client = ca.client(None, &[]);
    let secure = soon(client.connect(Stream::from(tcp), &"a.example".parse().unwrap())).await.unwrap();
    let answer = Wire::from(secure).ask("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n").await;
    assert!(answer.text().contains("x-forwarded-for: 192.0.2.7"), "{}", answer.text());
    assert!(answer.text().contains("x-forwarded-proto: https"), "{}", answer.text());
}

#[tokio::test]
async fn the_header_comes_before_a_connection_that_is_passed_on_and_stays_here() {
    let origin = Origin::echoing().await;
    let mut listener = announced(listener(), "127.0.0.0/8", true);
    listener.protocol = ListenerProtocol::Tcp(TcpSettings::default());
    listener.access.deny = networks(&["127.0.0.0/8"]);
    let running = running(listener, &origin).await;
    let mut wire = running.client().await;
    let answer = wire.ask(&format!("{V1}{GET}")).await;
    assert!(answer.text().starts_with("GET / HTTP/1.1\r\nhost: t"), "{}", answer.text());
    assert_eq!(wire.get("/again").await.status(), 200);
}

#[tokio::test]
async fn the_cap_of_a_source_holds_for_announced_clients() {
    let origin = Origin::echoing().await;
    let mut listener = announced(listener(), "127.0.0.0/8", true);
    listener.limits.connections_per_source = Some(2);
    let running = running(listener, &origin).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut wire = running.client().await;
        assert_eq!(wire.ask(&format!("{V1}{GET}")).await.status(), 200);
        kept.push(wire);
    }
    let mut third = running.client().await;
    third.write(V1).await;
    assert_eq!(soon(third.message()).await.unwrap().status(), 503);
    assert_eq!(reason(&running, "too-many-from-source"), 1.0);
    let other = format!("PROXY TCP4 192.0.2.8 198.51.100.1 4711 443\r\n{GET}");
    assert_eq!(running.client().await.ask(&other).await.status(), 200);
    drop(kept);
    running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") == 0.0).await;
    assert_eq!(running.client().await.ask(&format!("{V1}{GET}")).await.status(), 200);
}
