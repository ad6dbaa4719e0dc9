//! To a target group: one, or one of several by weight, with a cookie that keeps a client where it was.

mod sticky;

use std::borrow::Cow;
use std::fmt;

use equipoise_target::GroupName;
use http::request::Parts;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::sticky::Tokens;
pub use self::sticky::{Sticky, StickyError};
use crate::routed::{Destination, Reply};

/// Target groups with their shares of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    groups: Vec<WeightedGroup>,
    sticky: Option<Sticky>,
    /// In the order of `groups`; empty without `sticky`.
    tokens: Tokens,
    /// Sum of all weights, at least 1.
    total: u64,
}

/// A target group's share of the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[serde(expecting = "a table such as { group = \"todo\", weight = 9 }")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WeightedGroup {
    /// Name of the target group.
    pub group: GroupName,
    /// Its share, relative to the other groups' weights. 0 gives it nothing. Default 1.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// Why groups cannot be forwarded to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// There is no group.
    #[error("`forward` names no target group")]
    NoGroup,
    /// All weights are 0.
    #[error("every target group has weight 0: one at least has to take the requests")]
    NoWeight,
    /// One group stands twice.
    #[error("the target group `{group}` is named twice: add its weights up")]
    GroupTwice {
        /// The repeated group.
        group: GroupName,
    },
}

impl Forward {
    /// Forwards to `groups` by weight.
    ///
    /// # Errors
    /// [`ForwardError`] when there is no group, none with a weight, or one twice.
    pub fn new(groups: Vec<WeightedGroup>, sticky: Option<Sticky>) -> Result<Self, ForwardError> {
        if groups.is_empty() {
            return Err(ForwardError::NoGroup);
        }
        for (position, share) in groups.iter().enumerate() {
            if groups[..position].iter().any(|earlier| earlier.group == share.group) {
                return Err(ForwardError::GroupTwice { group: share.group.clone() });
            }
        }
        let total = groups.iter().map(|share| u64::from(share.weight)).sum();
        if total == 0 {
            return Err(ForwardError::NoWeight);
        }
        let tokens = Tokens::new(sticky.as_ref(), &groups);
        Ok(Self { groups, sticky, tokens, total })
    }

    /// The groups in the order in which they were written.
    #[must_use]
    pub fn groups(&self) -> &[WeightedGroup] {
        &self.groups
    }

    /// How a client is kept at its group.
    #[must_use]
    pub fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

    /// The group for this request, with a cookie when the client is to be remembered and is not yet.
    pub(super) fn choose(&self, head: &Parts, random: u64) -> Reply<'_> {
        let to = |position: usize| Destination::Group(Cow::Borrowed(&self.groups[position].group));
        let Some(sticky) = &self.sticky else {
            return Reply::from(to(self.by_weight(random)));
        };
        let known = self.tokens.find(sticky, &head.headers).filter(|position| self.groups[*position].weight > 0);
        match known {
            Some(position) => Reply::from(to(position)),
            None => {
                let position = self.by_weight(random);
                Reply { destination: to(position), set_cookie: self.tokens.cookie(position) }
            }
        }
    }

    /// The group for a connection, which has no cookies.
    pub(crate) fn group(&self, random: u64) -> &GroupName {
        &self.groups[self.by_weight(random)].group
    }

    /// A position in `groups` with probability proportional to weight.
    fn by_weight(&self, random: u64) -> usize {
        // Multiply and shift maps the random number to 0..total evenly (Lemire, "Fast random integer generation in an
        // interval"); what is lost of evenness, at most total / 2^64, nobody can see.
        let mut point = ((u128::from(random) * u128::from(self.total)) >> 64) as u64;
        let share = |share: &WeightedGroup| {
            let weight = u64::from(share.weight);
            let taken = point < weight;
            point = point.wrapping_sub(weight);
            taken
        };
        // `point` is below the sum of all weights, so one group takes it.
        self.groups.iter().position(share).unwrap_or(0)
    }
}

impl From<GroupName> for Forward {
    fn from(group: GroupName) -> Self {
        Self { groups: vec![WeightedGroup { group, weight: 1 }], sticky: None, tokens: Tokens::default(), total: 1 }
    }
}

/// Target groups and how a client is kept at one of them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StickyForward"))]
struct Document {
    /// Target groups with their weights.
    groups: Vec<WeightedGroup>,
    /// Keeps a client at the group that it got first, by a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    sticky: Option<Sticky>,
}

impl Serialize for Forward {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.groups.as_slice(), &self.sticky) {
            ([WeightedGroup { group, weight: 1 }], None) => group.serialize(serializer),
            (groups, None) => groups.serialize(serializer),
            (groups, sticky) => Document { groups: groups.to_vec(), sticky: sticky.clone() }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Forward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ForwardVisitor)
    }
}

struct ForwardVisitor;

impl<'de> Visitor<'de> for ForwardVisitor {
    type Value = Forward;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a target group, a list of { group, weight }, or { groups, sticky }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Forward, E> {
        GroupName::deserialize(StrDeserializer::new(text)).map(Forward::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Forward, A::Error> {
        let groups = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Forward::new(groups, None).map_err(Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Forward, A::Error> {
        let Document { groups, sticky } = Document::deserialize(MapAccessDeserializer::new(map))?;
        Forward::new(groups, sticky).map_err(Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Forward {
    fn schema_name() -> Cow<'static, str> {
        "Forward".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let group = generator.subschema_for::<GroupName>();
        let groups = generator.subschema_for::<Vec<WeightedGroup>>();
        let document = generator.subschema_for::<Document>();
        schemars::json_schema!({ "anyOf": [group, groups, document] })
    }
}

#[cfg(test)]
mod tests;
