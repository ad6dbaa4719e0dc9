use super::*;
use crate::listen::inherited;

fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn bound(address: SocketAddr, count: usize, ours: bool) -> io::Result<Bound> {
    Bound::new(address.into(), Type::STREAM, &ListenOptions::default(), count, ours)
}

#[test]
fn all_sockets_share_one_port() {
    let bound = bound(any(), 3, false).unwrap();
    let dealt = bound.deal(3).unwrap();
    assert!(dealt.iter().flatten().all(|socket| inherited::address(socket).unwrap() == bound.address));
    assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_port_that_somebody_shares_with_reuseport_is_still_busy() {
    let other = bind(any(), Type::STREAM, &ListenOptions::default(), true).unwrap();
    other.listen(1).unwrap();
    let address = other.local_addr().unwrap().as_socket().unwrap();
    assert_eq!(bound(address, 1, false).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert!(bound(address, 1, true).is_ok());
}

#[test]
fn every_socket_has_a_worker_and_every_worker_a_socket() {
    let many = bound(any(), 3, false).unwrap();
    assert_eq!(many.deal(2).unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    let one = bound(any(), 1, false).unwrap();
    assert_eq!(one.deal(3).unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_successor_serves_the_same_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    let bind = format!("unix:{}", path.display()).parse().unwrap();
    let options = ListenOptions::default();
    let first = Bound::new(bind, Type::STREAM, &options, 2, false).unwrap();
    first.listen(&options).unwrap();
    let second = Bound::adopt(first.hand_over(None).unwrap(), &options).unwrap().unwrap();
    assert_eq!(second.address, bind);
    first.leave();
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    drop(second);
    assert!(!path.exists());
}

#[test]
fn two_families_share_a_port_unless_one_socket_takes_both() {
    let Ok(both) = Bound::new(
        "[::]:0".parse().unwrap(),
        Type::STREAM,
        &ListenOptions { dual_stack: true, ..ListenOptions::default() },
        1,
        false,
    ) else {
        return; // a machine without IPv6
    };
    both.listen(&ListenOptions::default()).unwrap();
    let port = both.address.port().unwrap();
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let six = Bound::new("[::]:0".parse().unwrap(), Type::STREAM, &ListenOptions::default(), 1, false).unwrap();
    six.listen(&ListenOptions::default()).unwrap();
    let port = six.address.port().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}
