//! What checks of every kind have in common: when they look, when they believe what they saw, and what that does.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use crate::{Effect, EffectKind, Initial, Layer, Percent, Thresholds};

/// Shortest interval that is kept: below it checks are a load of their own.
pub(crate) const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// Longest interval and time-out: what takes longer does not watch anything.
pub(crate) const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings that every check has, with defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// From the start of one look to the start of the next; 10 ms to 24 hours.
    pub interval: Duration,
    /// The most by which a wait is longer or shorter than the interval; at most the interval.
    pub jitter: Duration,
    /// How long one look may take.
    pub timeout: Duration,
    /// How many outcomes in a row change what is believed.
    pub thresholds: Thresholds,
    /// What is believed before the first look.
    pub initial: Initial,
    /// Port to check instead of the target's own.
    pub port: Option<NonZeroU16>,
    /// What the check looks at.
    pub layer: Layer,
    /// What a failure does.
    pub effect: Effect,
}

/// Something in a check's settings that fits together badly. The caller knows where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting to point at, as it is written in the configuration.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    pub(crate) fn new(field: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field, message: message.into(), help: help.into() }
    }
}

pub(crate) fn default_interval() -> Duration {
    Duration::from_secs(10)
}

pub(crate) fn default_timeout() -> Duration {
    Duration::from_secs(5)
}

pub(crate) fn default_threshold() -> NonZeroU32 {
    const { NonZeroU32::new(2).unwrap() }
}

/// What a check says about its terms, as written: everything optional is still open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) interval: Duration,
    pub(crate) jitter: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) thresholds: Thresholds,
    pub(crate) initial: Initial,
    pub(crate) port: Option<NonZeroU16>,
    pub(crate) layer: Layer,
    pub(crate) effect: Option<EffectKind>,
    pub(crate) degrade_to: Option<Percent>,
}

/// Percent of the weight that `degrade` leaves when nothing else is configured.
const DEGRADE_TO: Percent = Percent::literal::<10>();

impl Written {
    /// Defaults filled in. Values that [`Written::problems`] refuses are brought into range, so that a check built in
    /// code can never spin or overflow a clock.
    pub(crate) fn terms(self) -> Terms {
        let interval = self.interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        Terms {
            interval,
            jitter: self.jitter.unwrap_or(interval / 10).min(interval),
            timeout: self.timeout.min(LONGEST_INTERVAL),
            thresholds: self.thresholds,
            initial: self.initial,
            port: self.port,
            layer: self.layer,
            effect: match self.effect.unwrap_or(self.layer.effect()) {
                EffectKind::Eject => Effect::Eject,
                EffectKind::Degrade => Effect::Degrade { to: self.degrade_to.unwrap_or(DEGRADE_TO) },
                EffectKind::Alarm => Effect::Alarm,
            },
        }
    }

    pub(crate) fn problems(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |field, message: String, help: &str| problems.push(Problem::new(field, message, help));
        let text = humantime_serde::re::humantime::format_duration;
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&self.interval) {
            say(
                "interval",
                format!("an interval of {} is out of range", text(self.interval)),
                "use \"10ms\" to \"24h\"",
            );
        }
        if self.timeout.is_zero() {
            say("timeout", "a time-out of zero fails every check".into(), "use a time-out below the interval");
        } else if self.timeout >= self.interval {
            let message =
                format!("a time-out of {} is not below the interval of {}", text(self.timeout), text(self.interval));
            say("timeout", message, "a look must end before the next one begins: lower `timeout` or raise `interval`");
        }
        if let Some(jitter) = self.jitter.filter(|jitter| *jitter > self.interval) {
            let message = format!("a jitter of {} exceeds the interval of {}", text(jitter), text(self.interval));
            say("jitter", message, "use at most the interval; a tenth of it is the default");
        }
        if self.degrade_to.is_some() && self.effect.unwrap_or(self.layer.effect()) != EffectKind::Degrade {
            say("degrade-to", "has no meaning without `effect = \"degrade\"`".into(), "set `effect = \"degrade\"`");
        }
        problems
    }
}

/// Declares the configuration of one kind of check: its own fields, then the common ones. A macro and not
/// `serde(flatten)`, which would lose the position of every mistake.
macro_rules! check_kind {
    (
        $(#[$doc:meta])*
        pub struct $name:ident, layer $layer:expr;
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// From the start of one look to the start of the next: "10ms" to "24h", default "10s".
            #[serde(default = "crate::terms::default_interval", with = "humantime_serde")]
            #[cfg_attr(feature = "schema", schemars(with = "String"))]
            pub interval: std::time::Duration,
            /// Each wait is longer or shorter than the interval by a random amount up to this, so that checks do not
            /// march in step: at most the interval, default a tenth of it.
            #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
            pub jitter: Option<std::time::Duration>,
            /// How long one look may take before it counts as failed: below the interval, default "5s".
            #[serde(default = "crate::terms::default_timeout", with = "humantime_serde")]
            #[cfg_attr(feature = "schema", schemars(with = "String"))]
            pub timeout: std::time::Duration,
            /// Passes in a row that make an unhealthy target healthy: at least 1, default 2.
            #[serde(default = "crate::terms::default_threshold")]
            pub healthy_threshold: std::num::NonZeroU32,
            /// Failures in a row that make a healthy target unhealthy: at least 1, default 2.
            #[serde(default = "crate::terms::default_threshold")]
            pub unhealthy_threshold: std::num::NonZeroU32,
            /// What is believed before the first look: "healthy" (default) takes requests until a check fails,
            /// "unhealthy" takes none before one passed. Either way the first look decides alone.
            #[serde(default)]
            pub initial: crate::Initial,
            /// Port to check instead of the one that takes the requests.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub port: Option<std::num::NonZeroU16>,
            /// What the check looks at: "liveness" (default of `tcp`), "local" (default of the other kinds) or
            /// "dependency". Decides the default effect.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub layer: Option<crate::Layer>,
            /// What a failure does: "eject" (default of the layers "liveness" and "local"), "degrade" or "alarm"
            /// (default of the layer "dependency").
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub effect: Option<crate::EffectKind>,
            /// Percent of its weight that a failed target keeps under `effect = "degrade"`: 1 to 100, default 10.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub degrade_to: Option<crate::Percent>,
        }

        impl $name {
            /// The kind's own fields, everything else as when it is not written.
            fn with_defaults($($field: $type),*) -> Self {
                Self {
                    $($field,)*
                    interval: crate::terms::default_interval(),
                    jitter: None,
                    timeout: crate::terms::default_timeout(),
                    healthy_threshold: crate::terms::default_threshold(),
                    unhealthy_threshold: crate::terms::default_threshold(),
                    initial: crate::Initial::default(),
                    port: None,
                    layer: None,
                    effect: None,
                    degrade_to: None,
                }
            }

            /// The common settings as written.
            fn common(&self) -> crate::terms::Written {
                crate::terms::Written {
                    interval: self.interval,
                    jitter: self.jitter,
                    timeout: self.timeout,
                    thresholds: crate::Thresholds {
                        healthy: self.healthy_threshold,
                        unhealthy: self.unhealthy_threshold,
                    },
                    initial: self.initial,
                    port: self.port,
                    layer: self.layer.unwrap_or($layer),
                    effect: self.effect,
                    degrade_to: self.degrade_to,
                }
            }
        }
    };
}
pub(crate) use check_kind;
