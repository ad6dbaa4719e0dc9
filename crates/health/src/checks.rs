//! The checks of one target group as they are written: a table of kinds, or a list of such tables when one kind is
//! needed twice.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

    fn each_kind_once(&self) -> bool {
        let kind = std::mem::discriminant::<HealthCheck>;
        self.0.iter().enumerate().all(|(n, check)| self.0[..n].iter().all(|other| kind(other) != kind(check)))
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
        f.write_str("a table of health checks (`http`, `tcp`, `plugin`), or a list of such tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<HealthChecks, A::Error> {
        let mut checks = Vec::new();
        while let Some(kind) = table.next_key()? {
            checks.push(match kind {
                Kind::Tcp => HealthCheck::Tcp(table.next_value()?),
                Kind::Http => HealthCheck::Http(table.next_value()?),
                Kind::Plugin => HealthCheck::Plugin(table.next_value()?),
            });
        }
        if checks.is_empty() { Err(de::Error::invalid_length(0, &self)) } else { Ok(HealthChecks(checks)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HealthChecks, A::Error> {
        let mut checks = Vec::new();
        while let Some(HealthChecks(more)) = list.next_element()? {
            checks.extend(more);
        }
        Ok(HealthChecks(checks))
    }
}

/// The keys of the table: the names of [`HealthCheck`]'s variants.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Tcp,
    Http,
    Plugin,
}

impl Serialize for HealthChecks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() || !self.each_kind_once() {
            return serializer.collect_seq(&self.0);
        }
        let mut table = serializer.serialize_map(Some(self.0.len()))?;
        for check in &self.0 {
            match check {
                HealthCheck::Tcp(check) => table.serialize_entry("tcp", check)?,
                HealthCheck::Http(check) => table.serialize_entry("http", check)?,
                HealthCheck::Plugin(check) => table.serialize_entry("plugin", check)?,
            }
        }
        table.end()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for HealthChecks {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HealthChecks".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = serde_json::json!({
            "type": "object",
            "description": "Health checks by kind.",
            "properties": {
                "tcp": generator.subschema_for::<crate::TcpCheck>(),
                "http": generator.subschema_for::<crate::HttpCheck>(),
                "plugin": generator.subschema_for::<crate::PluginCheck>(),
            },
            "additionalProperties": false,
            "minProperties": 1,
        });
        schemars::json_schema!({ "anyOf": [table, { "type": "array", "items": table }] })
    }
}

#[cfg(test)]
mod tests;
