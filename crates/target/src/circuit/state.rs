//! The machine, as pure functions.

use std::time::Duration;

use super::CircuitTerms;

/// Whether requests flow.
///
/// ```text
///                 too many failures                     its time is over
///        ┌───────────────────────────────┐     ┌─────────────────────────────┐
///        │                               ▼     │                             ▼
///  ┌──────────┐                        ┌──────────┐                    ┌──────────┐
///  │  closed  │                        │   open   │                    │ half open│
///  └──────────┘                        └──────────┘                    └──────────┘
///        ▲                                     ▲        a probe fails        │ │
///        │                                     └─────────────────────────────┘ │
///        └───────────────────────────────────────────────────────────────────┘
///                               enough probes pass
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Counts openings, around and around, so that a probe of an earlier time is known for what it is.
    round: u8,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open {
        /// Openings since it was closed last, at least 1.
        trips: u8,
        until: u64,
    },
    HalfOpen {
        trips: u8,
        /// Probes under way.
        probing: u16,
        passed: u16,
    },
}

/// Whether, and as what, a request may go to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As any other.
    Free,
    /// As one of the few that show whether the target has recovered.
    Probe {
        /// Which opening it is a probe of.
        round: u8,
    },
    /// Not now.
    Refused,
}

/// More doublings than any limit of an open time leaves room for.
const MOST_TRIPS: u8 = 63;
/// Room for a moment beside the tag and the two counters.
const MOMENT: u64 = (1 << 48) - 1;

impl State {
    /// Whether requests flow as if there were no circuit.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether the target gets no requests at `now`.
    #[must_use]
    pub fn is_open(self, now: u64) -> bool {
        matches!(self.phase, Phase::Open { until, .. } if now < until)
    }

    /// Whether a request that came at `now` would be refused.
    #[must_use]
    pub fn refuses(self, terms: &CircuitTerms, now: u64) -> bool {
        self.admit(terms, now).1 == Admission::Refused
    }

    pub(super) fn admit(self, terms: &CircuitTerms, now: u64) -> (Self, Admission) {
        let probe = Admission::Probe { round: self.round };
        match self.phase {
            Phase::Closed => (self, Admission::Free),
            Phase::Open { trips, until } if now >= until => {
                (Self { phase: Phase::HalfOpen { trips, probing: 1, passed: 0 }, ..self }, probe)
            }
            Phase::HalfOpen { trips, probing, passed } if probing.saturating_add(passed) < terms.probes.max(1) => {
                (Self { phase: Phase::HalfOpen { trips, probing: probing + 1, passed }, ..self }, probe)
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } => (self, Admission::Refused),
        }
    }

    pub(super) fn passed(self, round: u8, terms: &CircuitTerms) -> Option<Self> {
        let (trips, probing, passed) = self.half_open(round)?;
        let (probing, passed) = (probing.saturating_sub(1), passed.saturating_add(1));
        let closes = passed >= terms.probes.max(1);
        let phase = if closes { Phase::Closed } else { Phase::HalfOpen { trips, probing, passed } };
        Some(Self { phase, ..self })
    }

    pub(super) fn released(self, round: u8) -> Option<Self> {
        let (trips, probing, passed) = self.half_open(round)?;
        Some(Self { phase: Phase::HalfOpen { trips, probing: probing.saturating_sub(1), passed }, ..self })
    }

    /// Opens a closed circuit, or with `round` a half-open one.
    pub(super) fn opened(self, round: Option<u8>, terms: &CircuitTerms, now: u64, random: u32) -> Option<Self> {
        let trips = match (round, self.phase) {
            (None, Phase::Closed) => 0,
            (Some(round), _) => self.half_open(round)?.0,
            (None, _) => return None,
        };
        let until = now.saturating_add(open_time(terms, trips, random)).min(MOMENT);
        let phase = Phase::Open { trips: (trips + 1).min(MOST_TRIPS), until };
        Some(Self { round: self.round.wrapping_add(1), phase })
    }

    fn half_open(self, of: u8) -> Option<(u8, u16, u16)> {
        match self.phase {
            Phase::HalfOpen { trips, probing, passed } if self.round == of => Some((trips, probing, passed)),
            _ => None,
        }
    }

    /// Two bits for the phase, six for trips, eight for the round, 48 for a moment or two counters. All zeroes is closed.
    pub(super) fn pack(self) -> u64 {
        let (tag, trips, rest) = match self.phase {
            Phase::Closed => (0, 0, 0),
            Phase::Open { trips, until } => (1, trips, until & MOMENT),
            Phase::HalfOpen { trips, probing, passed } => (2, trips, (u64::from(probing) << 16) | u64::from(passed)),
        };
        (tag << 62) | (u64::from(trips & MOST_TRIPS) << 56) | (u64::from(self.round) << 48) | rest
    }

    #[expect(clippy::cast_possible_truncation, reason = "cut to the bits that were put in")]
    pub(super) fn unpack(word: u64) -> Self {
        let (trips, rest) = ((word >> 56) as u8 & MOST_TRIPS, word & MOMENT);
        let phase = match word >> 62 {
            0 => Phase::Closed,
            1 => Phase::Open { trips, until: rest },
            _ => Phase::HalfOpen { trips, probing: (rest >> 16) as u16, passed: rest as u16 },
        };
        Self { round: (word >> 48) as u8, phase }
    }
}

/// Doubled with each trip, and up to a quarter longer, so that targets that failed together are not tried together.
fn open_time(terms: &CircuitTerms, trips: u8, random: u32) -> u64 {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(MOMENT).clamp(1, MOMENT);
    let most = millis(terms.max_open_time.max(terms.open_time));
    let factor = 1_u64.checked_shl(trips.into()).unwrap_or(u64::MAX);
    let time = millis(terms.open_time).saturating_mul(factor).min(most);
    // Both factors are below 2^48 and 2^14.
    time + ((time / 4 * u64::from(random >> 18)) >> 14)
}
