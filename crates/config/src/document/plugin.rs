//! WebAssembly components, as written.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::size::Size;

/// A WebAssembly component that takes decisions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("required" = ["component", "world"]))]
pub struct Plugin {
    /// The component's file, relative to the file that says so. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<PathBuf>,
    /// The question that it answers: "router", "balancer" or "health-check". Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<World>,
    /// What it may take.
    pub limits: PluginLimits,
    /// What happens when it fails: "continue" (default) goes on as if it were not there, "refuse" refuses.
    pub fallback: Fallback,
    /// What it may do beyond its world: "log", "clock", "random". Default nothing.
    pub grants: Vec<Grant>,
    /// SHA-256 that the file must have, as "sha256:" and 64 hexadecimal digits. Default: any file is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^sha256:[0-9a-fA-F]{64}$"))]
    pub digest: Option<String>,
    /// Its own configuration: any table, handed over as JSON.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub config: toml::Table,
}

/// What a plugin may take.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Longest call: "100us" to "60s", default "10ms" for a router or balancer and "5s" for a health check.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub time: Option<Duration>,
    /// Largest memory of one instance: "64KiB" to "1GiB", default "16MiB".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
}

/// The question that a plugin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Where does a request go?
    Router,
    /// Which target takes a request?
    Balancer,
    /// Is a target healthy?
    HealthCheck,
}

impl World {
    /// The world as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Balancer => "balancer",
            Self::HealthCheck => "health-check",
        }
    }
}

/// What happens when a plugin fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// As if the plugin were not there: the rule's own action, round robin, no verdict.
    #[default]
    Continue,
    /// The request is refused; a health check counts as failed.
    Refuse,
}

/// What a plugin may do beyond its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// Write lines into the log.
    Log,
    /// Read the time.
    Clock,
    /// Draw random numbers.
    Random,
}

impl Grant {
    /// The grant as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Random => "random",
        }
    }
}
