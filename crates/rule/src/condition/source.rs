//! Where does the request come from?

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::request::Request;
use crate::text::text;

/// Networks of clients. An IPv4 address inside IPv6 (`::ffff:a.b.c.d`) counts as the IPv4 address that it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Source(pub Alternatives<Network>);

/// A network in CIDR notation, or a single address.
#[derive(Clone, Debug, PartialEq)]
pub struct Network(IpNet);

/// A text is neither a network nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a network: write one such as `10.0.0.0/8`, `2001:db8::/32` or a single address")]
pub struct NetworkError {
    /// The refused text.
    pub text: String,
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or_else(|_| single());
        network.map(|network| Self(canonical(network))).map_err(|_| NetworkError { text: text.to_owned() })
    }
}

text!(Network, "a network such as `10.0.0.0/8`", |it| it.0.to_string());

impl From<IpNet> for Network {
    fn from(network: IpNet) -> Self {
        Self(canonical(network))
    }
}

/// Clients are compared in their canonical form, so networks are as well.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED)) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => {
            IpNet::new(address.into(), length).unwrap_or(network)
        }
        _ => network,
    }
}

impl Source {
    pub(crate) fn contains(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.0.any(|network| network.0.contains(&client))
    }
}

impl Condition for Source {
    fn holds(&self, request: &Request<'_>) -> bool {
        self.contains(request.client)
    }
}
