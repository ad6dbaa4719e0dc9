//! What a failed check leads to. A check sees a layer, and each layer deserves its own answer: ejecting every target
//! because a shared dependency is gone helps nobody.

use equipoise_target::Condition;
use serde::{Deserialize, Serialize};

use crate::Percent;

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The process is there: a port is open. Says nothing about whether it can do its work. Effect by default: `eject`.
    Liveness,
    /// The target can do its work with what is its own (storage, memory, threads). Effect by default: `eject`.
    Local,
    /// Something that all targets share (a database, an identity provider) answers. Effect by default: `alarm`, since
    /// taking targets out does not bring it back.
    Dependency,
}

/// What an unhealthy verdict does to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// The target takes no new requests.
    Eject,
    /// The target's weight is lowered to `degrade-to` percent.
    Degrade,
    /// The target keeps its share; only events, metrics and status tell.
    Alarm,
}

/// An [`EffectKind`] with its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// No new requests.
    Eject,
    /// A lower weight.
    Degrade {
        /// Share of the weight that is left.
        to: Percent,
    },
    /// Only told.
    Alarm,
}

impl Layer {
    /// What a failure in this layer does when nothing else is configured.
    #[must_use]
    pub fn effect(self) -> EffectKind {
        match self {
            Self::Liveness | Self::Local => EffectKind::Eject,
            Self::Dependency => EffectKind::Alarm,
        }
    }
}

impl Effect {
    /// What this effect leaves of a target that fails its check.
    #[must_use]
    pub fn condition(self) -> Condition {
        match self {
            Self::Eject => Condition::Unhealthy,
            Self::Degrade { to } => Condition::Degraded { percent: to.get() },
            Self::Alarm => Condition::Ready,
        }
    }
}

/// Folds the effects of a target's *failed* checks into one condition: the hardest wins. No failed check leaves it ready.
pub fn fold(failed: impl IntoIterator<Item = Effect>) -> Condition {
    failed.into_iter().map(Effect::condition).fold(Condition::Ready, harder)
}

fn harder(one: Condition, other: Condition) -> Condition {
    match (one, other) {
        (Condition::Out, _) | (_, Condition::Out) => Condition::Out,
        (Condition::Unhealthy, _) | (_, Condition::Unhealthy) => Condition::Unhealthy,
        (Condition::Degraded { percent: one }, Condition::Degraded { percent: other }) => {
            Condition::Degraded { percent: one.min(other) }
        }
        (degraded @ Condition::Degraded { .. }, Condition::Ready)
        | (Condition::Ready, degraded @ Condition::Degraded { .. }) => degraded,
        (Condition::Ready, Condition::Ready) => Condition::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effect::{Alarm, Eject};

    fn degrade(percent: u8) -> Effect {
        Effect::Degrade { to: percent.try_into().unwrap() }
    }

    #[test]
    fn the_hardest_effect_wins_whatever_the_order() {
        let check = |failed: &[Effect], want| {
            assert_eq!(fold(failed.iter().copied()), want, "{failed:?}");
            assert_eq!(fold(failed.iter().rev().copied()), want, "{failed:?} reversed");
        };
        check(&[], Condition::Ready);
        check(&[Alarm], Condition::Ready);
        check(&[Alarm, degrade(10)], Condition::Degraded { percent: 10 });
        check(&[degrade(10), degrade(50)], Condition::Degraded { percent: 10 });
        check(&[degrade(10), Eject, Alarm], Condition::Unhealthy);
    }

    #[test]
    fn a_lost_dependency_only_alarms_by_default() {
        assert_eq!(Layer::Dependency.effect(), EffectKind::Alarm);
        assert_eq!(Layer::Local.effect(), EffectKind::Eject);
        assert_eq!(Layer::Liveness.effect(), EffectKind::Eject);
    }
}
