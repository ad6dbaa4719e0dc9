//! How the targets of each group are reached: settings, and the certificates that they name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use equipoise_config as config;
use equipoise_health::Reach;
use equipoise_proxy::{TargetVersion, Transport};
use equipoise_stream::tls::{Authorities, Certificate, ClientTls, ClientTlsSettings, Trust};
use equipoise_stream::{Dial, ProxyProtocol, SocketOptions, TargetTls};
use equipoise_target::GroupName;

use crate::error::ApplyError;

/// How the targets of each group of a generation are reached.
#[derive(Debug, Default)]
pub(crate) struct Ways(BTreeMap<GroupName, Transport>);

impl Ways {
    /// Reads every file that the groups name. What is the same as `before` is kept as it is, so that connections and TLS
    /// sessions live on. Blocks: it reads.
    pub(crate) fn load(groups: &[config::TargetGroup], before: &Self) -> Result<Self, ApplyError> {
        let mut ways = Self::default();
        let mut errors = Vec::new();
        for group in groups {
            let known = before.0.get(&group.name);
            match transport(&group.way, known) {
                Ok(transport) => drop(ways.0.insert(group.name.clone(), transport)),
                Err(source) => errors.push(ApplyError::TargetTls { group: group.name.clone(), source }),
            }
        }
        match ApplyError::from_list(errors) {
            Some(error) => Err(error),
            None => Ok(ways),
        }
    }

    /// How requests reach the targets of `group`.
    pub(crate) fn transport(&self, group: &GroupName) -> Transport {
        self.0.get(group).cloned().unwrap_or_default()
    }

    /// How checks reach the targets of `group`.
    pub(crate) fn reach(&self, group: &GroupName) -> Reach {
        let Transport { version, dial } = self.transport(group);
        Reach { dial, http2: version == TargetVersion::Http2 }
    }

    /// Whether all files hold what they held.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// Groups that keep their names and whose files hold something else now.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let settings = |transport: &Transport| transport.dial.tls.as_ref().map(|tls| tls.client.settings().clone());
        let changed = self.0.iter().filter(|(name, transport)| {
            let earlier = before.0.get(*name).and_then(settings);
            earlier.is_some_and(|earlier| settings(transport).is_some_and(|now| now != earlier))
        });
        changed.map(|(name, _)| format!("target group {name}: other certificates")).collect()
    }
}

fn transport(
    way: &config::Way,
    known: Option<&Transport>,
) -> Result<Transport, Box<dyn std::error::Error + Send + Sync>> {
    let http2 = way.tls.as_ref().is_none_or(|tls| tls.http2);
    let version = match way.protocol {
        config::TargetProtocol::H2 | config::TargetProtocol::H2c => TargetVersion::Http2,
        config::TargetProtocol::Https if http2 => TargetVersion::Negotiated,
        _ => TargetVersion::Http1,
    };
    let set = |duration: Duration| (!duration.is_zero()).then_some(duration);
    let socket = SocketOptions { keep_alive: set(way.socket.keep_alive), user_timeout: set(way.socket.user_timeout) };
    let proxy_protocol = way.proxy_protocol.map(|version| match version {
        config::ProxyVersion::V1 => ProxyProtocol::V1,
        config::ProxyVersion::V2 => ProxyProtocol::V2,
    });
    let known = known.and_then(|known| known.dial.tls.as_ref());
    let tls = way.tls.as_ref().map(|tls| target_tls(tls, version, known)).transpose()?;
    Ok(Transport { version, dial: Dial { socket, proxy_protocol, tls } })
}

fn target_tls(
    described: &config::TargetTls,
    version: TargetVersion,
    known: Option<&TargetTls>,
) -> Result<TargetTls, Box<dyn std::error::Error + Send + Sync>> {
    let trust = match &described.ca {
        _ if !described.verify => Trust::Anybody,
        Some(file) => Trust::Authorities(Authorities::load(file)?),
        None => Trust::Platform,
    };
    let load = |files: &config::CertificateFiles| Certificate::load(&files.chain, &files.key);
    let identity = described.client_certificate.as_ref().map(load).transpose()?;
    let settings = ClientTlsSettings { trust, identity, alpn: version.alpn() };
    let client = match known.filter(|known| *known.client.settings() == settings) {
        Some(known) => Arc::clone(&known.client),
        None => Arc::new(ClientTls::new(settings)?),
    };
    let name = described.server_name.as_deref().map(str::parse).transpose()?;
    Ok(TargetTls { client, name })
}
