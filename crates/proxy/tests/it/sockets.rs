//! Listening elsewhere than on a port of one's own: Unix sockets, both address families, sockets of somebody else.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use equipoise_metrics::Registry;
use equipoise_proxy::{Announcers, DataPlane, Generation, GroupSettings, Listener, Networks};
use equipoise_stream::Stream;
use equipoise_target::{Endpoint, ListenerName};

use crate::support::{Origin, Wire, get, group, listener};

async fn plane(workers: usize, listener: Listener, origin: &Origin) -> DataPlane {
    let plane = DataPlane::start(NonZeroUsize::new(workers).unwrap(), &Registry::new()).unwrap();
    plane.apply(generation(listener, origin)).await.unwrap();
    plane
}

fn generation(listener: Listener, origin: &Origin) -> Generation {
    Generation::new(vec![listener], [group("g", &[origin.address], GroupSettings::default())])
}

fn on_path(path: &Path) -> Listener {
    let mut listener = listener();
    listener.bind = format!("unix:{}", path.display()).parse().unwrap();
    listener
}

async fn over_unix(path: &Path) -> Wire {
    let endpoint: Endpoint = format!("unix:{}", path.display()).parse().unwrap();
    Stream::connect(endpoint).await.unwrap().into()
}

#[tokio::test]
async fn a_unix_socket_serves_from_every_worker_and_goes_with_its_listener() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), Origin::echoing().await);
    let path = folder.path().join("web.sock");
    let plane = plane(3, on_path(&path), &origin).await;
    let mut wires = Vec::new();
    for _ in 0..20 {
        let mut wire = over_unix(&path).await;
        let answer = wire.get("/").await;
        assert_eq!(answer.status(), 200);
        // There is no address to tell, and none is made up.
        assert!(!answer.text().contains("x-forwarded-for") && !answer.text().contains("x-forwarded-port"));
        wires.push(wire);
    }
    plane.apply(generation(listener(), &origin)).await.unwrap();
    assert!(!path.exists());
    assert_eq!(wires[0].get("/").await.field("connection"), "close");
}

#[tokio::test]
async fn who_connects_to_a_unix_socket_is_believed_only_if_told() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), Origin::echoing().await);
    let path = folder.path().join("web.sock");
    let request = "GET / HTTP/1.1\r\nhost: t\r\nx-forwarded-for: 192.0.2.7\r\n\r\n";
    for trusted in [false, true] {
        let mut listener = on_path(&path);
        listener.socket.trusted = trusted;
        let plane = plane(1, listener, &origin).await;
        let answer = over_unix(&path).await.ask(request).await;
        assert_eq!(answer.text().contains("x-forwarded-for: 192.0.2.7"), trusted, "{}", answer.text());
        plane.drain(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn clients_can_be_announced_over_a_unix_socket() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), Origin::echoing().await);
    let path = folder.path().join("web.sock");
    let mut listener = on_path(&path);
    listener.proxy_protocol = Some(Announcers::new(Networks::default(), true));
    let _plane = plane(1, listener, &origin).await;
    let header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
    let answer = over_unix(&path).await.ask(&format!("{header}GET / HTTP/1.1\r\nhost: t\r\n\r\n")).await;
    assert!(answer.text().contains("x-forwarded-for: 192.0.2.7"), "{}", answer.text());
}

#[tokio::test]
async fn one_socket_of_both_families_shows_ipv4_clients_as_what_they_are() {
    let origin = Origin::echoing().await;
    let mut listener = listener();
    listener.bind = "[::]:0".parse().unwrap();
    listener.socket.dual_stack = true;
    let plane = DataPlane::start(NonZeroUsize::MIN, &Registry::new()).unwrap();
    if plane.apply(generation(listener, &origin)).await.is_err() {
        return; // a machine without IPv6
    }
    let port = plane.addresses()[0].1.port().unwrap();
    let answer = get(SocketAddr::from(([127, 0, 0, 1], port)), "/").await;
    assert!(answer.text().contains("x-forwarded-for: 127.0.0.1"), "{}", answer.text());
}

#[tokio::test]
async fn a_second_plane_serves_on_the_sockets_of_the_first_and_loses_nobody() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), Origin::echoing().await);
    let path = folder.path().join("web.sock");
    let both = || {
        let (mut on_port, mut named) = (listener(), on_path(&path));
        on_port.name = ListenerName::new("port").unwrap();
        named.name = ListenerName::new("path").unwrap();
        Generation::new(vec![on_port, named], [group("g", &[origin.address], GroupSettings::default())])
    };
    let first = DataPlane::start(NonZeroUsize::new(2).unwrap(), &Registry::new()).unwrap();
    first.apply(both()).await.unwrap();
    let address = first.addresses()[0].1;
    // Not as many workers: each socket still has one.
    let second = DataPlane::start(NonZeroUsize::MIN, &Registry::new()).unwrap();
    second.inherit(first.hand_over().unwrap());
    second.apply(both()).await.unwrap();
    assert_eq!(second.addresses()[0].1, address);
    first.handed_over();
    assert!(first.drain(Duration::from_secs(5)).await);
    for _ in 0..20 {
        assert_eq!(get(address.socket().unwrap(), "/").await.status(), 200);
        assert_eq!(over_unix(&path).await.get("/").await.status(), 200);
    }
    second.drain(Duration::ZERO).await;
    assert!(!path.exists());
}
