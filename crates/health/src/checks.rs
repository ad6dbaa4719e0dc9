//! The checks of one target group as they are written: a table of kinds, or a list of such tables when one kind is
//! needed twice.

mod entry;

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::entry::NextEntry;
use crate::HealthCheck;

/// The health checks of a target group; none means that every target is taken for healthy.
///
/// ```
/// # #[derive(serde::Deserialize)]
/// # #[serde(rename_all = "kebab-case")]
/// # struct Group { health_check: equipoise_health::HealthChecks }
/// let several: Group = toml::from_str(r#"
///     [health-check.tcp]
///     [health-check.http]
///     path = "/api/v1/health"
/// "#)?;
/// let same_kind_twice: Group = toml::from_str(r#"
///     [[health-check]]
///     http = { path = "/live" }
///     [[health-check]]
///     http = { path = "/ready", layer = "dependency" }
/// "#)?;
/// assert_eq!((several.health_check.0.len(), same_kind_twice.health_check.0.len()), (2, 2));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HealthChecks(pub Vec<HealthCheck>);

impl HealthChecks {
    /// Whether there are checks and none of them can tell more than that a port is open.
    #[must_use]
    pub fn see_only_a_port(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(HealthCheck::sees_only_a_port)
    }
}

impl<'de> Deserialize<'de> for HealthChecks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes)
    }
}

struct Shapes;

impl<'de> Visitor<'de> for Shapes {
    type Value = HealthChecks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of health checks (`http`, `tcp`, `grpc`, `plugin`), or a list of such tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<HealthChecks, A::Error> {
        let mut checks = Vec::new();
        let mut ended = false;
        loop {
            match HealthCheck::deserialize(NextEntry { table: &mut table, ended: &mut ended }) {
                Ok(check) => checks.push(check),
                Err(_) if ended && !checks.is_empty() => return Ok(HealthChecks(checks)),
                Err(_) if ended => return Err(de::Error::invalid_length(0, &self)),
                Err(error) => return Err(error),
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HealthChecks, A::Error> {
        let mut checks = Vec::new();
        while let Some(HealthChecks(more)) = list.next_element()? {
            checks.extend(more);
        }
        Ok(HealthChecks(checks))
    }
}

impl Serialize for HealthChecks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [check] => check.serialize(serializer),
            checks => serializer.collect_seq(checks),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for HealthChecks {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HealthChecks".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut properties = serde_json::Map::new();
        let kinds = HealthCheck::json_schema(generator);
        for kind in kinds.get("oneOf").and_then(|kinds| kinds.as_array()).into_iter().flatten() {
            properties
                .extend(kind["properties"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
        }
        let table = serde_json::json!({
            "type": "object",
            "description": "Health checks by kind.",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
        });
        schemars::json_schema!({ "anyOf": [table, { "type": "array", "items": table }] })
    }
}

#[cfg(test)]
mod tests;
