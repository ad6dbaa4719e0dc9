//! Who may connect, and whose word about the client counts.

use std::net::IpAddr;

use ipnet::IpNet;

/// A list of networks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Networks(Box<[IpNet]>);

impl Networks {
    /// A list that holds every address of each of `networks`.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Whether `address` lies in one of the networks. An IPv4 address that came in over an IPv6 socket counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        !self.0.is_empty() && {
            let address = address.to_canonical();
            self.0.iter().any(|network| network.contains(&address))
        }
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Who may connect to a listener: a security group in small.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccessList {
    /// Who may connect; everybody when it is empty.
    pub allow: Networks,
    /// Who may not connect, even when `allow` lists them.
    pub deny: Networks,
}

impl AccessList {
    /// Whether a connection from `address` is let in.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        (self.allow.is_empty() || self.allow.contains(address)) && !self.deny.contains(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allow: &[&str], deny: &[&str], address: &str, want: bool) {
        let networks = |list: &[&str]| Networks::new(list.iter().map(|text| text.parse().unwrap()).collect());
        let list = AccessList { allow: networks(allow), deny: networks(deny) };
        assert_eq!(list.permits(address.parse().unwrap()), want, "{allow:?} {deny:?} {address}");
    }

    #[test]
    fn without_a_list_everybody_may_connect() {
        check(&[], &[], "203.0.113.9", true);
    }

    #[test]
    fn deny_wins_over_allow() {
        check(&["10.0.0.0/8"], &["10.1.0.0/16"], "10.2.0.1", true);
        check(&["10.0.0.0/8"], &["10.1.0.0/16"], "10.1.0.1", false);
        check(&["10.0.0.0/8"], &[], "192.0.2.1", false);
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_that_it_maps() {
        check(&["10.0.0.0/8"], &[], "::ffff:10.0.0.1", true);
        check(&[], &["10.0.0.0/8"], "::ffff:10.0.0.1", false);
    }
}
