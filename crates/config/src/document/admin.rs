//! How the program is watched and controlled.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address;

/// The address for status, metrics and control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Admin {
    /// Address and port, default "127.0.0.1:9900". Anything but a loopback address needs `token-file`.
    #[serde(deserialize_with = "address::socket")]
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// A file whose first line is the token that callers send as `Authorization: Bearer …`. Relative to the file that
    /// says so. Default none: whoever reaches the address may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 9900)), token_file: None }
    }
}

/// One line for each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AccessLog {
    /// "json" (one object a line), "combined" (as Apache and nginx write it) or "off", the default.
    pub format: AccessLogFormat,
    /// The file to append to, relative to the file that says so; "-", the default, is standard output.
    pub path: PathBuf,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { format: AccessLogFormat::Off, path: PathBuf::from("-") }
    }
}

/// How a request is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLogFormat {
    /// One JSON object a line.
    Json,
    /// The combined log format of Apache and nginx.
    Combined,
    /// Nothing is written.
    #[default]
    Off,
}
