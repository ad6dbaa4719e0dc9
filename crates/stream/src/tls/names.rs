//! Which names a certificate is good for.

use std::net::IpAddr;

use x509_parser::extensions::GeneralName;

/// Names of one certificate, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) exact: Vec<Box<str>>,
    /// `example.org` for `*.example.org`.
    pub(super) wildcard: Vec<Box<str>>,
}

impl Names {
    /// The names that a certificate lists as its subject's alternatives. Its common name is not one: nobody has heeded it
    /// for years (RFC 9110 section 4.3.4).
    pub(super) fn of(listed: &[GeneralName<'_>]) -> Self {
        let mut names = Self::default();
        for name in listed {
            match name {
                GeneralName::DNSName(name) => match name.strip_prefix("*.") {
                    Some(parent) => names.wildcard.push(parent.to_ascii_lowercase().into()),
                    None => names.exact.push(name.to_ascii_lowercase().into()),
                },
                GeneralName::IPAddress(bytes) => names.exact.extend(address(bytes).map(|ip| ip.to_string().into())),
                _ => {}
            }
        }
        names
    }

    /// Whether one of the names stands for `host`, which is in lower case. `*` stands for one label (RFC 9525 section 6.3).
    pub(super) fn cover(&self, host: &str) -> bool {
        let parent = parent(host);
        self.exact.iter().any(|name| **name == *host)
            || parent.is_some_and(|parent| self.wildcard.iter().any(|name| **name == *parent))
    }
}

/// What follows a name's first label.
pub(super) fn parent(host: &str) -> Option<&str> {
    let (label, parent) = host.split_once('.')?;
    (!label.is_empty()).then_some(parent)
}

/// An address as certificates hold it: 4 or 16 bytes.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], host: &str, want: bool) {
        let listed: Vec<_> = names.iter().map(|name| GeneralName::DNSName(name)).collect();
        assert_eq!(Names::of(&listed).cover(host), want, "{names:?} and {host}");
    }

    #[test]
    fn a_star_stands_for_exactly_one_label() {
        check(&["*.example.org"], "a.example.org", true);
        check(&["*.Example.ORG"], "a.example.org", true);
        check(&["*.example.org"], "a.b.example.org", false);
        check(&["*.example.org"], "example.org", false);
        check(&["*.example.org"], ".example.org", false);
        check(&["a.example.org"], "b.example.org", false);
        check(&["b.example.org", "A.example.org"], "a.example.org", true);
        check(&[], "a.example.org", false);
    }

    #[test]
    fn addresses_are_names_too() {
        let listed = [GeneralName::IPAddress(&[127, 0, 0, 1]), GeneralName::IPAddress(&[0; 16])];
        let names = Names::of(&listed);
        assert!(names.cover("127.0.0.1") && names.cover("::") && !names.cover("127.0.0.2"));
    }
}
