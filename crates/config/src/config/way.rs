//! How the targets of a group are reached.

use std::path::PathBuf;

use super::CertificateFiles;
use crate::document::{ProxyVersion, TargetProtocol, TargetSocket};

/// How the targets of a group are reached, and what is spoken to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// What is spoken to the targets.
    pub protocol: TargetProtocol,
    /// TLS with the targets; there exactly when the protocol needs it.
    pub tls: Option<TargetTls>,
    /// How targets are told of clients, if they are.
    pub proxy_protocol: Option<ProxyVersion>,
    /// How sockets are set up.
    pub socket: TargetSocket,
}

/// TLS with targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetTls {
    /// File of those who vouch for targets; `None` for whoever the machine trusts. Absolute.
    pub ca: Option<PathBuf>,
    /// Name that certificates have to be good for; `None` for each target's own address.
    pub server_name: Option<String>,
    /// The certificate that is shown to targets that ask for one.
    pub client_certificate: Option<CertificateFiles>,
    /// Whether certificates are looked at.
    pub verify: bool,
    /// Whether HTTP/2 may be agreed on.
    pub http2: bool,
}

impl TargetTls {
    /// Every file that it names.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let certificate = self.client_certificate.iter().flat_map(|files| [&files.chain, &files.key]);
        certificate.chain(&self.ca)
    }
}
