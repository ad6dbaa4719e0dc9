//! What is turned away, as written: requests that come too often, or to a worker that cannot keep up.

use std::num::NonZeroU32;
use std::time::Duration;

use equipoise_rule::When;
use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often requests may come. More are answered with 429. Counted over all workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RateLimit {
    /// Requests that are counted, by the same conditions as a rule's. Default all.
    #[serde(default, skip_serializing_if = "is_everything")]
    pub when: When,
    /// What they are counted by: "source" (the client's address, of IPv6 its /64), `{ header = "x-api-key" }` (requests
    /// without it count by source) or "listener" (all together). Default "source".
    #[serde(default)]
    pub key: RateKey,
    /// Requests in each `per`: 1 to 10000000. Required.
    pub rate: NonZeroU32,
    /// What the rate is measured by: "1ms" to "24h", default "1s".
    #[serde(default = "second", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub per: Duration,
    /// Requests that may come at once after a time without any: 1 to 10000000, default the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<NonZeroU32>,
    /// Keys that are told apart at a time, 16 bytes each: 8 to 10000000, default 65536.
    #[serde(default = "keys")]
    #[schemars(range(min = 8, max = 10_000_000))]
    pub keys: usize,
}

fn is_everything(when: &When) -> bool {
    *when == When::default()
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn keys() -> usize {
    65_536
}

/// What requests are counted by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RateKey {
    /// The client's address.
    #[default]
    Source,
    /// The value of a header field.
    Header(
        #[serde(with = "field")]
        #[schemars(with = "String")]
        HeaderName,
    ),
    /// All together.
    Listener,
}

mod field {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format_args!("`{text}` is not the name of a header field")))
    }
}

/// What happens while a worker cannot keep up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Shed {
    /// How late a worker may come to what is due before it turns requests away with 503, more and more of them until it
    /// keeps up: "5ms" to "1m". Default: it turns none away.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lag: Option<Duration>,
}
