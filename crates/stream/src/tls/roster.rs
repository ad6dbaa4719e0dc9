//! Which certificate is shown to whom.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use super::names::parent;

/// Certificates by name: the exact name first, then a wildcard, then the default. Of several for one name, the fastest
/// that the client can verify.
#[derive(Debug)]
pub(super) struct Roster {
    exact: HashMap<Box<str>, Vec<Certificate>>,
    wildcard: HashMap<Box<str>, Vec<Certificate>>,
    /// For clients that name nobody, or nobody who is here.
    default: Vec<Certificate>,
}

impl Roster {
    /// The first certificate is the default, together with those for the same names with another key.
    pub(super) fn new(certificates: &[Certificate]) -> Self {
        let mut roster = Self { exact: HashMap::new(), wildcard: HashMap::new(), default: Vec::new() };
        for certificate in certificates {
            let names = certificate.own_names();
            for name in &names.exact {
                roster.exact.entry(name.clone()).or_default().push(certificate.clone());
            }
            for name in &names.wildcard {
                roster.wildcard.entry(name.clone()).or_default().push(certificate.clone());
            }
        }
        if let Some(first) = certificates.first() {
            let same = |other: &&Certificate| same_names(first, other);
            roster.default = certificates.iter().filter(same).cloned().collect();
        }
        let all = roster.exact.values_mut().chain(roster.wildcard.values_mut()).chain([&mut roster.default]);
        // Stable: of two of one kind, the first that is listed.
        all.for_each(|list| list.sort_by_key(Certificate::key_type));
        roster
    }

    /// The certificate for a client that asks for `name`, in lower case, and can verify `schemes`.
    pub(super) fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Certificate> {
        let known = name.and_then(|name| {
            let wild = || parent(name).and_then(|parent| self.wildcard.get(parent));
            self.exact.get(name).or_else(wild)
        });
        known.unwrap_or(&self.default).iter().find(|certificate| certificate.suits(schemes))
    }
}

fn same_names(one: &Certificate, other: &Certificate) -> bool {
    let sorted = |certificate: &Certificate| {
        let mut names: Vec<_> = certificate.names().collect();
        names.sort();
        names
    };
    one == other || sorted(one) == sorted(other)
}

impl ResolvesServerCert for Roster {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).map(|certificate| Arc::clone(certificate.key()))
    }
}
