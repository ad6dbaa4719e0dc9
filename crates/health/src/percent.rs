//! A share in percent, in range by construction.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A share from 1 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

/// The number is no share from 1 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a share: use 1 to 100 percent")]
pub struct PercentError(u8);

impl Percent {
    /// A constant; refused at compile time when out of range.
    pub(crate) const fn literal<const SHARE: u8>() -> Self {
        const { assert!(SHARE >= 1 && SHARE <= 100) };
        Self(SHARE)
    }

    /// The number, 1 to 100.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Percent {
    type Error = PercentError;
    fn try_from(share: u8) -> Result<Self, PercentError> {
        if (1..=100).contains(&share) { Ok(Self(share)) } else { Err(PercentError(share)) }
    }
}

impl From<Percent> for u8 {
    fn from(share: Percent) -> Self {
        share.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 100 })
    }
}
