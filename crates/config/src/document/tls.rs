//! What TLS with clients is ended with, as written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What TLS with clients is ended with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ListenerTls {
    /// Certificates with their keys, chosen by the name that a client asks for and by the keys that it can verify; the
    /// first one is for clients that ask for no name, or for one that none is good for. At least one.
    pub certificates: Vec<CertificateFiles>,
    /// Asks clients for certificates. Default: they are not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// The oldest version that is spoken: "1.2", the default, or "1.3".
    pub min_version: TlsVersion,
}

/// A certificate with its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("required" = ["chain", "key"]))]
pub struct CertificateFiles {
    /// PEM file with the certificate and those that vouch for it, the own one first. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub chain: Option<PathBuf>,
    /// PEM file with its private key, which no passphrase protects. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub key: Option<PathBuf>,
}

/// Which certificates of clients are good.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("required" = ["ca"]))]
pub struct ClientAuth {
    /// PEM file with the certificates of those who vouch for clients. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub ca: Option<PathBuf>,
    /// "required", the default: without a good certificate there is no connection; "optional": a client may show none,
    /// and rules decide.
    pub mode: ClientAuthMode,
}

/// Whether clients may go without a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuthMode {
    /// They may not.
    #[default]
    Required,
    /// They may.
    Optional,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}
