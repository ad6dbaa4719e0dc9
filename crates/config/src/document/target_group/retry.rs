//! What is tried again, as written.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is tried again on another target: a request that never reached one, or an idempotent one without a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts after the first one: 0 to 10, default 2.
    #[schemars(range(max = 10))]
    pub attempts: u8,
    /// Failures that are tried again: "connect-failure", "reset" (the connection ended before a response), "timeout" (no
    /// response within `first-byte`), "bad-response" (not HTTP, or not to be passed on), "gateway-error" (502, 503, 504),
    /// "5xx", or a status such as "503". Default `["connect-failure", "reset"]`. An attempt that takes longer than
    /// `per-try` always is.
    pub on: Vec<RetryOn>,
    /// Also tries again what is not idempotent, such as POST. What has a body never is, once a target has seen it. Default
    /// false.
    pub non_idempotent: bool,
    /// Longest wait before the first retry that the budget pays for, of which a random part is waited; twice as long
    /// before the second, and so on: "0s" (none) to "10s", default "25ms".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub backoff: Duration,
    /// Longest wait before any retry: "0s" to "1m", default "250ms".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_backoff: Duration,
    /// Retries that requests pay for, in percent of their number: 0 to 100, default 20.
    #[schemars(range(max = 100))]
    pub budget_percent: u8,
    /// Retries a second that are allowed whatever the number of requests: 0 to 10000, default 10.
    #[schemars(range(max = 10_000))]
    pub budget_minimum: u32,
    /// Statuses of a response that count as a failed attempt, such as 503: 500 to 599, default none. The same as in `on`.
    pub statuses: Vec<u16>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 2,
            on: vec![RetryOn::ConnectFailure, RetryOn::Reset],
            non_idempotent: false,
            backoff: Duration::from_millis(25),
            max_backoff: Duration::from_millis(250),
            budget_percent: 20,
            budget_minimum: 10,
            statuses: Vec::new(),
        }
    }
}

impl Retry {
    /// Every status that counts as a failed attempt, each once.
    #[must_use]
    pub fn all_statuses(&self) -> Vec<u16> {
        let named = self.on.iter().flat_map(|on| match on {
            RetryOn::ServerError => (500..=599).collect(),
            RetryOn::GatewayError => vec![502, 503, 504],
            RetryOn::Status(status) => vec![*status],
            _ => Vec::new(),
        });
        let mut all: Vec<u16> = self.statuses.iter().copied().chain(named).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A failure that is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection could be made.
    ConnectFailure,
    /// The connection ended before the response's head.
    Reset,
    /// No response in time.
    Timeout,
    /// Not HTTP, or not to be passed on.
    BadResponse,
    /// 502, 503 and 504.
    GatewayError,
    /// Every status from 500 to 599.
    ServerError,
    /// One status, 500 to 599.
    Status(u16),
}

const WORDS: [(&str, RetryOn); 6] = [
    ("connect-failure", RetryOn::ConnectFailure),
    ("reset", RetryOn::Reset),
    ("timeout", RetryOn::Timeout),
    ("bad-response", RetryOn::BadResponse),
    ("gateway-error", RetryOn::GatewayError),
    ("5xx", RetryOn::ServerError),
];

/// What may be written, for whoever wrote something else.
const KNOWN: [&str; 7] = ["connect-failure", "reset", "timeout", "bad-response", "gateway-error", "5xx", "503"];

impl Serialize for RetryOn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, WORDS.iter().find(|(_, on)| on == self)) {
            (_, Some((word, _))) => serializer.serialize_str(word),
            (Self::Status(status), None) => serializer.serialize_str(&status.to_string()),
            // Every other one has a word.
            (_, None) => serializer.serialize_str("reset"),
        }
    }
}

impl<'de> Deserialize<'de> for RetryOn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Failure;
        impl Visitor<'_> for Failure {
            type Value = RetryOn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a failure such as \"reset\" or \"503\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RetryOn, E> {
                let word = WORDS.iter().find(|(word, _)| *word == text).map(|(_, on)| *on);
                let status = || text.parse().ok().filter(|status| (500..=599).contains(status)).map(RetryOn::Status);
                word.or_else(status).ok_or_else(|| E::unknown_variant(text, &KNOWN))
            }
        }
        deserializer.deserialize_str(Failure)
    }
}

impl JsonSchema for RetryOn {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RetryOn".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "enum": WORDS.map(|(word, _)| word) }, { "type": "string", "pattern": "^5[0-9][0-9]$" }],
        })
    }
}
