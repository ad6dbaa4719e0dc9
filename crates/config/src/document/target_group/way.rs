//! How targets are reached, and what is spoken to them, as written.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{CertificateFiles, Traffic};

/// What is spoken to targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TargetProtocol {
    /// HTTP/1.1 without TLS.
    #[default]
    Http,
    /// HTTP inside TLS: HTTP/2 where the target agrees to it, else HTTP/1.1.
    Https,
    /// HTTP/2 inside TLS, and nothing else.
    H2,
    /// HTTP/2 without TLS, known beforehand.
    H2c,
    /// Anything over TCP, passed on as it is.
    Tcp,
    /// Datagrams.
    Udp,
}

impl TargetProtocol {
    /// The protocol as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2 => "h2",
            Self::H2c => "h2c",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// What passes.
    pub(crate) fn traffic(self) -> Traffic {
        match self {
            Self::Http | Self::Https | Self::H2 | Self::H2c => Traffic::Requests,
            Self::Tcp => Traffic::Connections,
            Self::Udp => Traffic::Datagrams,
        }
    }

    /// Whether it is spoken inside TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::H2)
    }
}

impl fmt::Display for TargetProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// TLS with targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TargetTls {
    /// PEM file with the certificates of those who vouch for targets. Default whoever the machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
    /// Name that targets' certificates have to be good for, which they are also asked for. Default each target's own IP
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The certificate that is shown to targets that ask for one. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateFiles>,
    /// Whether targets' certificates are looked at. Default true. With false, whoever sits between can read and change
    /// everything.
    pub verify: bool,
    /// Whether HTTP/2 may be agreed on, of `protocol = "https"`. Default true.
    pub http2: bool,
}

impl Default for TargetTls {
    fn default() -> Self {
        Self { ca: None, server_name: None, client_certificate: None, verify: true, http2: true }
    }
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// How sockets to targets are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TargetSocket {
    /// How long a TCP connection may be silent before the kernel asks whether the target is still there: "1s" to "2h";
    /// default "0s", which never asks. A target that leaves three questions without an answer is gone.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub keep_alive: Duration,
    /// How long what was sent to a target may stay unacknowledged before the kernel gives up: "1s" to "1h"; default
    /// "0s", which leaves it to the kernel.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub user_timeout: Duration,
}

impl Default for TargetSocket {
    fn default() -> Self {
        Self { keep_alive: Duration::ZERO, user_timeout: Duration::ZERO }
    }
}
