//! Which ports instances have. One account for the whole program: groups may share a range, and a port that was handed out
//! is handed out again only when its instance is gone.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::PortRange;
use crate::provider::ProviderError;

static ACCOUNT: Mutex<Account> = Mutex::new(Account { taken: BTreeMap::new(), last: BTreeMap::new() });

struct Account {
    /// Addresses for which a port is taken. One may stand there twice: who adopts does not ask.
    taken: BTreeMap<u16, Vec<IpAddr>>,
    /// The port handed out last, by first and last port of the range: the search goes on behind it, so that the port of an
    /// instance that is gone rests for as long as possible.
    last: BTreeMap<(u16, u16), u16>,
}

/// A port that nobody else gets until this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    address: IpAddr,
    port: u16,
}

impl Reservation {
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Takes a port that an adopted instance has already.
    pub(super) fn hold(address: IpAddr, port: u16) -> Self {
        let mut account = ACCOUNT.lock().unwrap_or_else(PoisonError::into_inner);
        account.taken.entry(port).or_default().push(address);
        Self { address, port }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut account = ACCOUNT.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(addresses) = account.taken.get_mut(&self.port) else { return };
        if let Some(at) = addresses.iter().position(|address| *address == self.address) {
            addresses.swap_remove(at);
        }
        if addresses.is_empty() {
            account.taken.remove(&self.port);
        }
    }
}

/// A port of the range that neither an instance nor a stranger has. Strangers are found by trying to bind.
pub(super) fn reserve(range: &PortRange, address: IpAddr) -> Result<Reservation, ProviderError> {
    let (first, last) = range.ports().into_inner();
    let mut account = ACCOUNT.lock().unwrap_or_else(PoisonError::into_inner);
    let behind = account.last.get(&(first, last)).copied().unwrap_or(last);
    let in_turn = (behind..=last).skip(1).chain(first..=behind);
    for port in in_turn {
        if account.has(address, port) {
            continue;
        }
        match TcpListener::bind((address, port)) {
            Ok(_) => {
                account.last.insert((first, last), port);
                account.taken.entry(port).or_default().push(address);
                return Ok(Reservation { address, port });
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => {
                let attempt = format!("taking port {port} of {address}");
                return Err(ProviderError::Launch { attempt, reason: error.to_string() });
            }
        }
    }
    Err(ProviderError::NoPort { range: range.to_string() })
}

impl Account {
    fn has(&self, address: IpAddr, port: u16) -> bool {
        let overlaps = |taken: &IpAddr| *taken == address || taken.is_unspecified() || address.is_unspecified();
        self.taken.get(&port).is_some_and(|addresses| addresses.iter().any(overlaps))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A range of `size` ports, all of them free a moment ago.
    fn free(size: u16) -> PortRange {
        loop {
            let first = TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap().port();
            let Some(last) = first.checked_add(size - 1) else { continue };
            if (first..=last).all(|port| TcpListener::bind((HERE, port)).is_ok()) {
                return format!("{first}-{last}").parse().unwrap();
            }
        }
    }

    #[test]
    fn a_port_is_handed_out_once_and_comes_back_when_its_instance_is_gone() {
        let range = free(2);
        let one = reserve(&range, HERE).unwrap();
        let two = reserve(&range, HERE).unwrap();
        assert_ne!(one.port(), two.port());
        let refused = reserve(&range, HERE).unwrap_err();
        assert!(refused.to_string().contains("every port"), "{refused}");
        let port = one.port();
        drop(one);
        assert_eq!(reserve(&range, HERE).unwrap().port(), port);
    }

    #[test]
    fn a_port_that_came_back_rests_while_others_are_free() {
        let range = free(3);
        let ports: Vec<_> = (0..3).map(|_| reserve(&range, HERE).unwrap().port()).collect();
        assert_eq!(ports, range.ports().collect::<Vec<_>>());
    }

    #[test]
    fn a_port_that_a_stranger_has_is_skipped() {
        let range = free(2);
        let (first, last) = range.ports().into_inner();
        let _stranger = TcpListener::bind((HERE, first)).unwrap();
        assert_eq!(reserve(&range, HERE).unwrap().port(), last);
    }

    #[test]
    fn a_port_of_every_address_overlaps_that_of_one() {
        let range = free(1);
        let _all = Reservation::hold(Ipv4Addr::UNSPECIFIED.into(), *range.ports().start());
        assert!(matches!(reserve(&range, HERE), Err(ProviderError::NoPort { .. })));
    }
}
