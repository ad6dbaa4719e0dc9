//! The certificates of one generation: read from their files, and put together for each listener.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use equipoise_config as config;
use equipoise_stream::tls::{
    Authorities, Certificate, ClientAuth, ClientAuthMode, LoadError, ServerTls, ServerTlsSettings, TlsVersion,
};
use equipoise_target::ListenerName;

use crate::error::ApplyError;
use crate::ways::Ways;

/// Protocols that listeners speak inside TLS, the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How long before its end a certificate is worth a word.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What each listener of a generation ends TLS with, and how the targets of each group are reached.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    listeners: BTreeMap<ListenerName, Arc<ServerTls>>,
    pub(crate) ways: Ways,
}

impl Keyring {
    /// Reads every file that listeners and groups name. What is the same as `before` is kept as it is, and clients can take up
    /// the sessions that they have where the same clients are let in. Blocks: it reads.
    pub(crate) fn load(config: &config::Config, before: &Self) -> Result<Self, ApplyError> {
        let mut keyring = Self::default();
        let mut errors = Vec::new();
        for listener in &config.listeners {
            let Some(described) = &listener.tls else { continue };
            match listener_tls(&listener.name, described, before.listeners.get(&listener.name)) {
                Ok(tls) => drop(keyring.listeners.insert(listener.name.clone(), tls)),
                Err(error) => errors.push(error),
            }
        }
        match Ways::load(&config.target_groups, &before.ways) {
            Ok(ways) => keyring.ways = ways,
            Err(error) => errors.push(error),
        }
        match ApplyError::from_list(errors) {
            Some(error) => Err(error),
            None => Ok(keyring),
        }
    }

    pub(crate) fn get(&self, listener: &ListenerName) -> Option<&Arc<ServerTls>> {
        self.listeners.get(listener)
    }

    /// Whether all files hold what they held.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.settings().eq(other.settings()) && self.ways.is_same(&other.ways)
    }

    /// Listeners that keep their names and have other certificates now.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let changed = self.listeners.iter().filter(|(name, tls)| {
            before.get(name).is_some_and(|earlier| earlier.settings().certificates != tls.settings().certificates)
        });
        let changed = changed.map(|(name, _)| format!("listener {name}: other certificates"));
        changed.chain(self.ways.changes_since(&before.ways)).collect()
    }

    /// Certificates that are not good any more, or not for long.
    pub(crate) fn ending(&self) -> Vec<String> {
        #[expect(clippy::disallowed_methods, reason = "certificates end by the wall clock")]
        let now = SystemTime::now();
        let all = self
            .listeners
            .iter()
            .flat_map(|(name, tls)| tls.settings().certificates.iter().map(move |one| (name, one)));
        let soon = all.filter_map(|(name, certificate)| {
            let ends = ends_soon(certificate, now)?;
            let shown = certificate.names().next().unwrap_or_else(|| "no name".to_owned());
            Some(format!("listener {name}: the certificate for {shown} {ends}"))
        });
        soon.collect()
    }

    fn settings(&self) -> impl Iterator<Item = (&ListenerName, &ServerTlsSettings)> {
        self.listeners.iter().map(|(name, tls)| (name, tls.settings()))
    }
}

/// In words, whether a certificate has ended or will within two weeks.
fn ends_soon(certificate: &Certificate, now: SystemTime) -> Option<String> {
    match certificate.expires().duration_since(now) {
        Err(_) => Some("has expired".to_owned()),
        Ok(left) if left < SOON => Some(format!("expires in {} days", left.as_secs() / (24 * 60 * 60))),
        Ok(_) => None,
    }
}

fn listener_tls(
    name: &ListenerName,
    described: &config::ListenerTls,
    before: Option<&Arc<ServerTls>>,
) -> Result<Arc<ServerTls>, ApplyError> {
    let unread = |source: LoadError| ApplyError::Certificate { listener: name.clone(), source: Box::new(source) };
    let settings = settings(described).map_err(unread)?;
    if let Some(kept) = before.filter(|before| *before.settings() == settings) {
        return Ok(Arc::clone(kept));
    }
    let built = ServerTls::new(settings, before.map(Arc::as_ref));
    built.map(Arc::new).map_err(|source| ApplyError::Certificate { listener: name.clone(), source: Box::new(source) })
}

fn settings(described: &config::ListenerTls) -> Result<ServerTlsSettings, LoadError> {
    let load = |files: &config::CertificateFiles| Certificate::load(&files.chain, &files.key);
    let auth = |auth: &config::ClientAuth| -> Result<ClientAuth, LoadError> {
        let mode = match auth.mode {
            config::ClientAuthMode::Required => ClientAuthMode::Required,
            config::ClientAuthMode::Optional => ClientAuthMode::Optional,
        };
        Ok(ClientAuth { authorities: authorities(&auth.ca)?, mode })
    };
    Ok(ServerTlsSettings {
        certificates: described.certificates.iter().map(load).collect::<Result<_, _>>()?,
        client_auth: described.client_auth.as_ref().map(auth).transpose()?,
        alpn: ALPN.iter().map(|name| name.to_vec()).collect(),
        min_version: match described.min_version {
            config::TlsVersion::Tls12 => TlsVersion::Tls12,
            config::TlsVersion::Tls13 => TlsVersion::Tls13,
        },
    })
}

fn authorities(file: &Path) -> Result<Authorities, LoadError> {
    Authorities::load(file)
}
