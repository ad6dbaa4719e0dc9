//! One instance and where it is in its life.

use std::fmt;
use std::sync::Arc;

use equipoise_target::Endpoint;
use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::provider::Handle;

/// Names an instance for ever: `i-` and 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// The instance of this number; numbers come from a random source that was passed in.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(format!("i-{number:016x}").into())
    }

    /// As another process wrote it.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("i-")?;
        (digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an instance is in its life. Each arrow is an activity, or the end of one.
///
/// ```text
/// Pending ─▶ Warming ─▶ InService ─▶ Draining ─▶ Stopping ─▶ (gone)
///    │          │           ▲           │           ▲
///    │          ▼           │           │           │
///    │        Pooled ───────┘           │           │
///    │          │ ▲                     │           │
///    │          │ └── back to the pool ─┘           │
///    └──────────┴── from each of these, by its hooks at termination (Draining), if those at launch ran
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// The provider starts it; hooks at launch run.
    Pending,
    /// It runs, and has not passed a check yet. It takes no requests.
    Warming,
    /// It runs in the warm pool, healthy and outside of the target group.
    Pooled,
    /// It is a target and takes requests.
    InService,
    /// It takes no new requests; those under way end, and hooks at termination run.
    Draining,
    /// The provider stops it.
    Stopping,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name.
    pub id: InstanceId,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Since when.
    pub since: Moment,
    /// When it was asked for.
    pub launched: Moment,
    /// Version of the launch template that it was started from.
    pub template: u32,
    /// Where it answers, once it runs.
    #[serde(with = "endpoint", default)]
    pub address: Option<Endpoint>,
    /// What the provider knows it by, once it runs.
    pub handle: Option<Handle>,
    /// Whether scaling in leaves it alone.
    pub protected: bool,
    /// Whether it is meant for the warm pool: it does not count as capacity.
    #[serde(default)]
    pub pooled: bool,
    /// Why it is not healthy, if it is not.
    #[serde(default)]
    pub unhealthy: Option<String>,
}

mod endpoint {
    use equipoise_target::Endpoint;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(address: &Option<Endpoint>, to: S) -> Result<S::Ok, S::Error> {
        address.map(|address| address.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Endpoint>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
