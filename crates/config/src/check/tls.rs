//! TLS with clients. The files themselves are not looked at here: a text can be checked anywhere.

use std::path::{Path, PathBuf};

use equipoise_target::ListenerName;

use super::Checker;
use crate::code::Code;
use crate::config;
use crate::document::{CertificateFiles, ClientAuth, Listener, ListenerTls, Protocol};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    /// What TLS is ended with; `None` also where something is missing, which is then a finding.
    pub(super) fn listener_tls(
        &mut self,
        path: &KeyPath,
        name: &ListenerName,
        written: &Listener,
    ) -> Option<config::ListenerTls> {
        let key = path.key("tls");
        match (&written.tls, written.protocol) {
            (Some(tls), Protocol::Https) => self.tls(&key, name, tls),
            (Some(_), _) if self.origin.excused(&path.key("protocol")) => None,
            (Some(_), other) => {
                let message = format!("listener `{name}` has certificates, but speaks {other}");
                let help = "write `protocol = \"https\"`, or remove the certificates";
                self.say(Finding::error(Code::Conflict, At::Key(key), message).help(help));
                None
            }
            (None, Protocol::Https) => {
                let message = format!("listener `{name}` speaks HTTPS without a certificate");
                self.missing(path, "tls", message, CERTIFICATES);
                None
            }
            (None, _) => None,
        }
    }

    /// Conditions on certificates that nobody is asked for.
    pub(super) fn certificate_conditions(&mut self, path: &KeyPath, written: &Listener) {
        let asks = written.tls.as_ref().is_some_and(|tls| tls.client_auth.is_some());
        if asks || self.origin.excused(&path.key("tls")) || self.origin.excused(&path.key("tls").key("client-auth")) {
            return;
        }
        let rules = written.rule.iter().map(|rule| &rule.when).enumerate();
        let limits = written.rate_limit.iter().map(|limit| &limit.when).enumerate();
        let rules = rules.map(|(index, when)| (path.key("rule").index(index), when));
        let all = rules.chain(limits.map(|(index, when)| (path.key("rate-limit").index(index), when)));
        for (owner, _) in all.filter(|(_, when)| when.client_certificate.is_some()) {
            let at = At::Value(owner.key("when").key("client-certificate"));
            let message = "no client of this listener is asked for a certificate";
            let help = "write `client-auth = { ca = \"…\", mode = \"optional\" }` in the listener's `tls`";
            self.say(Finding::warning(Code::NoEffect, at, message).help(help));
        }
    }

    fn tls(&mut self, path: &KeyPath, name: &ListenerName, written: &ListenerTls) -> Option<config::ListenerTls> {
        if written.certificates.is_empty() {
            let message = format!("listener `{name}` speaks HTTPS without a certificate");
            self.missing(path, "certificates", message, CERTIFICATES);
        }
        let list = path.key("certificates");
        let files = written.certificates.iter().enumerate();
        let certificates: Vec<_> =
            files.map(|(index, files)| self.certificate_files(&list.index(index), files)).collect();
        let auth = written.client_auth.as_ref().map(|auth| self.client_auth(&path.key("client-auth"), auth));
        Some(config::ListenerTls {
            certificates: certificates.into_iter().collect::<Option<_>>()?,
            client_auth: match auth {
                Some(auth) => Some(auth?),
                None => None,
            },
            min_version: written.min_version,
        })
    }

    pub(super) fn certificate_files(
        &mut self,
        path: &KeyPath,
        written: &CertificateFiles,
    ) -> Option<config::CertificateFiles> {
        let chain = self.named_file(path, "chain", written.chain.as_deref(), "a certificate has no file");
        let key = self.named_file(path, "key", written.key.as_deref(), "a certificate has no private key");
        Some(config::CertificateFiles { chain: chain?, key: key? })
    }

    fn client_auth(&mut self, path: &KeyPath, written: &ClientAuth) -> Option<config::ClientAuth> {
        let ca =
            self.named_file(path, "ca", written.ca.as_deref(), "nobody vouches for the certificates of clients")?;
        Some(config::ClientAuth { ca, mode: written.mode })
    }

    /// A file that has to be named.
    fn named_file(&mut self, table: &KeyPath, key: &str, written: Option<&Path>, without: &str) -> Option<PathBuf> {
        if written.is_none() {
            self.missing(table, key, without.to_owned(), &format!("write `{key} = \"…\"` with the path of a PEM file"));
        }
        written.map(|file| self.resolve(file, &table.key(key)))
    }
}

const CERTIFICATES: &str =
    "write `tls = { certificates = [{ chain = \"…\", key = \"…\" }] }` with the paths of PEM files";
