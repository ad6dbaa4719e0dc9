//! A configuration written out in full: what was left open is filled in, what was relative is absolute.

use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};

use crate::config::{CertificateFiles, Config, Listener, ListenerTls, Plugin, TargetGroup, TargetTls};
use crate::document::{self, AccessLog, Admin, Document, PluginLimits, Scaling, StateFile, Traffic};

/// The configuration as TOML with every default written out. It loads again to an equal configuration. What variables
/// were filled with stands in it, secrets of plugins included.
#[must_use]
pub fn effective(config: &Config) -> String {
    let written = table(&Document::from(config)).and_then(|mut table| {
        table.iter_mut().for_each(|(_, value)| escape(value));
        toml::to_string(&table)
    });
    // Everything in a checked configuration came from TOML. One that was put together by hand may hold a number that
    // TOML has not.
    written.unwrap_or_else(|error| format!("# this configuration cannot be written as TOML: {error}\n"))
}

/// A value as a TOML table. By way of text: only that way dates stay dates.
pub(crate) fn table(value: &impl Serialize) -> Result<Table, toml::ser::Error> {
    toml::to_string(value)?.parse().map_err(serde::ser::Error::custom)
}

/// A plain `${` is written `$${`.
fn escape(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("${", "$${"),
        Value::Array(values) => values.iter_mut().for_each(escape),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| escape(value)),
        _ => {}
    }
}

impl From<&Config> for Document {
    /// The document that says in full what the configuration holds.
    fn from(config: &Config) -> Self {
        let listeners = config.listeners.iter();
        let groups = config.target_groups.iter();
        let plugins = config.plugins.iter();
        Self {
            admin: Admin { bind: config.admin.bind, token_file: config.admin.token_file.as_deref().map(readable) },
            access_log: AccessLog { format: config.access_log.format, path: readable(&config.access_log.path) },
            workers: config.workers,
            drain_timeout: config.drain_timeout,
            shed: config.shed,
            listener: listeners.map(|listener| (listener.name.clone(), listener.into())).collect(),
            target_group: groups.map(|group| (group.name.clone(), group.into())).collect(),
            plugin: plugins.map(|plugin| (plugin.name.clone(), plugin.into())).collect(),
            scaling: (&config.scaling).into(),
            scaling_group: config.scaling_groups.clone(),
            alarm: config.alarms.clone(),
        }
    }
}

impl From<&Listener> for document::Listener {
    fn from(listener: &Listener) -> Self {
        Self {
            bind: Some(listener.bind),
            protocol: listener.protocol,
            tls: listener.tls.as_ref().map(Into::into),
            allow: listener.allow.clone(),
            deny: listener.deny.clone(),
            trusted_proxies: listener.trusted_proxies.clone(),
            keep_request_id: listener.keep_request_id,
            normalize_path: listener.normalize_path,
            upgrades: listener.upgrades.clone(),
            socket: listener.socket,
            proxy_protocol: listener.proxy_protocol.clone(),
            tcp: listener.tcp,
            udp: listener.udp,
            timeouts: listener.timeouts,
            limits: listener.limits,
            rate_limit: listener.rate_limits.clone(),
            // What no connection can have stands for none.
            default: Some(listener.default.clone())
                .filter(|action| listener.protocol.traffic() == Traffic::Requests || action.only_http().is_none()),
            rule: listener.rules.clone(),
        }
    }
}

impl From<&ListenerTls> for document::ListenerTls {
    fn from(tls: &ListenerTls) -> Self {
        let auth = tls.client_auth.as_ref();
        Self {
            certificates: tls.certificates.iter().map(Into::into).collect(),
            client_auth: auth.map(|auth| document::ClientAuth { ca: Some(readable(&auth.ca)), mode: auth.mode }),
            min_version: tls.min_version,
        }
    }
}

impl From<&CertificateFiles> for document::CertificateFiles {
    fn from(files: &CertificateFiles) -> Self {
        Self { chain: Some(readable(&files.chain)), key: Some(readable(&files.key)) }
    }
}

impl From<&TargetGroup> for document::TargetGroup {
    fn from(group: &TargetGroup) -> Self {
        let target = |target: &crate::config::Target| document::Target {
            weight: target.weight,
            priority: target.priority,
            ..target.address.into()
        };
        Self {
            protocol: group.way.protocol,
            tls: group.way.tls.as_ref().map(Into::into),
            proxy_protocol: group.way.proxy_protocol,
            socket: group.way.socket,
            port: None,
            targets: group.targets.iter().map(target).collect(),
            deregistration_delay: group.deregistration_delay,
            fail_open: group.fail_open,
            slow_start: group.slow_start,
            balance: group.balance.clone(),
            health_check: equipoise_health::HealthChecks(group.health_checks.clone()),
            guard: group.guard,
            timeouts: group.timeouts,
            retry: group.retry.clone(),
            pool: group.pool,
            limits: group.limits,
            circuit_breaker: group.circuit_breaker,
            hedge: group.hedge,
        }
    }
}

impl From<&TargetTls> for document::TargetTls {
    fn from(tls: &TargetTls) -> Self {
        Self {
            ca: tls.ca.as_deref().map(readable),
            server_name: tls.server_name.clone(),
            client_certificate: tls.client_certificate.as_ref().map(Into::into),
            verify: tls.verify,
            http2: tls.http2,
        }
    }
}

impl From<&Plugin> for document::Plugin {
    fn from(plugin: &Plugin) -> Self {
        let hex = |digest: [u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self {
            component: Some(readable(&plugin.component)),
            world: Some(plugin.world),
            limits: PluginLimits { time: Some(plugin.time), memory: Some(plugin.memory) },
            fallback: plugin.fallback,
            grants: plugin.grants.clone(),
            digest: plugin.digest.map(|digest| format!("sha256:{}", hex(digest))),
            config: plugin.config.clone(),
        }
    }
}

impl From<&Scaling> for Scaling {
    fn from(scaling: &Scaling) -> Self {
        let state = match &scaling.state {
            StateFile::At(path) => StateFile::At(readable(path)),
            other => other.clone(),
        };
        Self { state, ..*scaling }
    }
}

/// TOML is text: the rare path that is none loses what cannot be written.
pub(crate) fn readable(path: &Path) -> std::path::PathBuf {
    path.to_string_lossy().into_owned().into()
}
