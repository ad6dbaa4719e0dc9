//! One target, in its short or its long form.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU16;

use equipoise_target::Endpoint;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::document::address::{Host, parse_place};

/// A place that answers requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// Where it is.
    pub address: Host,
    /// Its port; the group's when it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<NonZeroU16>,
    /// Share of requests relative to the group's other targets.
    pub weight: u32,
    /// Fail-over tier: targets of the lowest number that has an available one take all requests.
    pub priority: u32,
}

impl Target {
    /// A target with weight 1 in tier 0.
    #[must_use]
    pub fn new(address: impl Into<Host>, port: Option<NonZeroU16>) -> Self {
        Self { address: address.into(), port, weight: 1, priority: 0 }
    }
}

impl From<Endpoint> for Target {
    fn from(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Ip(address) => address.into(),
            Endpoint::Unix(path) => Self::new(Host::Unix(path), None),
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip(), NonZeroU16::new(address.port()))
    }
}

/// The long form of a target.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, rename = "Target")]
struct Long {
    /// An IP address, with or without a port, or a Unix socket: "10.0.0.11", "10.0.0.11:8080", "[::1]:8080",
    /// "unix:/run/todo.sock".
    #[serde(deserialize_with = "place")]
    #[schemars(with = "String")]
    address: Place,
    /// Its port, default the group's.
    #[serde(default)]
    port: Option<NonZeroU16>,
    /// Share of requests relative to the group's other targets: 0 (takes no new ones) to 1000, default 1.
    #[serde(default = "one")]
    #[schemars(range(max = 1000))]
    weight: u32,
    /// Fail-over tier: targets of the lowest number that has an available one take all requests: 0 to 1000, default 0.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    priority: u32,
}

/// Where a target is, and the port that stands there too.
type Place = (Host, Option<NonZeroU16>);

fn one() -> u32 {
    1
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    struct PlaceVisitor;
    impl Visitor<'_> for PlaceVisitor {
        type Value = Place;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address such as \"10.0.0.11\"")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            let (address, port) = parse_place(text).map_err(E::custom)?;
            match port.map(NonZeroU16::new) {
                Some(None) => Err(E::custom("port 0 cannot be connected to: use 1 to 65535")),
                port => Ok((address, port.flatten())),
            }
        }
    }
    deserializer.deserialize_str(PlaceVisitor)
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TargetVisitor;
        impl<'de> Visitor<'de> for TargetVisitor {
            type Value = Target;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as \"10.0.0.11:8080\", or a table with `address`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Target, E> {
                let (address, port) = place(serde::de::value::StrDeserializer::new(text))?;
                Ok(Target::new(address, port))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Target, A::Error> {
                let long = Long::deserialize(MapAccessDeserializer::new(map))?;
                let (address, port) = long.address;
                if matches!(address, Host::Unix(_)) && long.port.is_some() {
                    return Err(A::Error::custom("a Unix socket has no port: remove `port`"));
                }
                if port.is_some() && long.port.is_some() {
                    return Err(A::Error::custom("the port is given twice: in `address` and as `port`"));
                }
                Ok(Target { address, port: long.port.or(port), weight: long.weight, priority: long.priority })
            }
        }
        deserializer.deserialize_any(TargetVisitor)
    }
}

impl JsonSchema for Target {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let long = Long::json_schema(generator);
        schemars::json_schema!({
            "description": "An address such as \"10.0.0.11:8080\", or a table with `address`.",
            "anyOf": [{ "type": "string" }, long],
        })
    }
}
