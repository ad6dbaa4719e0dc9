//! Lists of networks: one, or several.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// One network; a single address is the network of itself.
struct Network(IpNet);

fn parse<E: Error>(text: &str) -> Result<IpNet, E> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        E::custom(format_args!("`{shown}` is not a network: write one such as \"10.0.0.0/8\" or a single address"))
    })
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Network;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a network such as \"10.0.0.0/8\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Network, E> {
                parse(text).map(Network)
            }
        }
        deserializer.deserialize_str(One)
    }
}

struct Several;

impl<'de> Visitor<'de> for Several {
    type Value = Vec<IpNet>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a network such as \"10.0.0.0/8\", or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<IpNet>, E> {
        parse(text).map(|network| vec![network])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<IpNet>, A::Error> {
        let mut networks = Vec::new();
        while let Some(Network(network)) = list.next_element()? {
            networks.push(network);
        }
        Ok(networks)
    }
}

/// For `#[serde(deserialize_with)]`: one network or a list of them.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    deserializer.deserialize_any(Several)
}

/// The schema of such a list.
pub(super) fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    })
}
