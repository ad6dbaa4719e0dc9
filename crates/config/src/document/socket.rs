//! How a listener's sockets are set up, and who speaks for its clients, as written.

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::network;

/// How a listener's sockets are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ListenerSocket {
    /// Connections that may wait to be accepted, on each worker's socket: 1 to 65535, default 4096. The kernel cuts it to
    /// `net.core.somaxconn`.
    #[schemars(range(min = 1, max = 65535))]
    pub backlog: u32,
    /// Takes IPv4 too on an IPv6 address, so that `"[::]:80"` serves everybody. Default false.
    pub dual_stack: bool,
    /// How long a TCP connection may be silent before the kernel asks whether the client is still there: "1s" to "2h",
    /// default "60s"; "0s" never asks. A client that leaves four questions without an answer is gone.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub keep_alive: Duration,
    /// How long what was sent to a client may stay unacknowledged before the kernel gives up: "1s" to "1h", default "0s",
    /// which leaves it to the kernel.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub user_timeout: Duration,
    /// For a Unix socket: the permissions of its file, in octal. Default "0660": owner and group may connect.
    pub mode: FileMode,
    /// For a Unix socket: the numeric user that owns its file. Default: who runs the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// For a Unix socket: the numeric group of its file. Default: that of who runs the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// For a Unix socket: whether the `X-Forwarded-*` fields of whoever connects are believed, which `trusted-proxies`
    /// cannot say of somebody without an address. Default false.
    pub trusted: bool,
}

impl Default for ListenerSocket {
    fn default() -> Self {
        Self {
            backlog: 4096,
            dual_stack: false,
            keep_alive: Duration::from_secs(60),
            user_timeout: Duration::ZERO,
            mode: FileMode(0o660),
            owner: None,
            group: None,
            trusted: false,
        }
    }
}

/// Permissions of a file: `"0660"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ModeVisitor;
        impl Visitor<'_> for ModeVisitor {
            type Value = FileMode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("permissions in octal such as \"0660\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<FileMode, E> {
                let octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
                let mode = u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777);
                mode.map(FileMode).ok_or_else(|| E::custom("permissions are three octal digits such as \"0660\""))
            }
        }
        deserializer.deserialize_str(ModeVisitor)
    }
}

impl JsonSchema for FileMode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FileMode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Permissions of a file, in octal.",
            "type": "string",
            "pattern": "^0?[0-7]{3}$",
        })
    }
}

/// Who speaks for its clients by the PROXY protocol, versions 1 and 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ProxyProtocolFrom {
    /// Networks of load balancers that announce their clients, such as "10.0.0.0/8". Required, except for a Unix socket,
    /// where it is left out: everybody who may connect to the file counts.
    #[serde(deserialize_with = "network::networks", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "network::schema")]
    pub from: Vec<IpNet>,
    /// Whether every connection must begin with an announcement. Default true: others are closed, and so is everybody
    /// whom `from` does not list. With false, both are served as themselves.
    pub required: bool,
}

impl Default for ProxyProtocolFrom {
    fn default() -> Self {
        Self { from: Vec::new(), required: true }
    }
}
