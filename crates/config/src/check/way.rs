//! How targets are reached.

use std::time::Duration;

use equipoise_target::GroupName;

use super::Checker;
use super::range::HOUR;
use crate::code::Code;
use crate::config;
use crate::document::{Host, TargetGroup, TargetProtocol, TargetTls};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

const SECOND: Duration = Duration::from_secs(1);

impl Checker<'_> {
    /// How the group's targets are reached.
    pub(super) fn way(&mut self, path: &KeyPath, name: &GroupName, written: &TargetGroup) -> config::Way {
        let (socket, table) = (&written.socket, path.key("socket"));
        if !socket.keep_alive.is_zero() {
            self.duration(&table, "keep-alive", socket.keep_alive, SECOND..=2 * HOUR);
        }
        if !socket.user_timeout.is_zero() {
            self.duration(&table, "user-timeout", socket.user_timeout, SECOND..=HOUR);
        }
        config::Way {
            protocol: written.protocol,
            tls: self.target_tls(&path.key("tls"), name, written),
            proxy_protocol: written.proxy_protocol,
            socket: written.socket,
        }
    }

    fn target_tls(&mut self, path: &KeyPath, name: &GroupName, written: &TargetGroup) -> Option<config::TargetTls> {
        let protocol = written.protocol;
        if !protocol.is_tls() {
            if written.tls.is_some() {
                let message = format!("target group `{name}` has settings of TLS, but speaks {protocol}");
                let help = "write `protocol = \"https\"`, or remove the settings";
                self.say(Finding::error(Code::Conflict, At::Key(path.clone()), message).help(help));
            }
            return None;
        }
        let tls = written.tls.clone().unwrap_or_default();
        self.verification(path, name, written, &tls);
        if !tls.http2 && protocol == TargetProtocol::H2 {
            let message = "`protocol = \"h2\"` speaks nothing but HTTP/2".to_owned();
            let at = At::Value(path.key("http2"));
            self.say(Finding::error(Code::Conflict, at, message).help("write `protocol = \"https\"`"));
        }
        let client_certificate = tls.client_certificate.as_ref();
        let client_certificate =
            client_certificate.and_then(|files| self.certificate_files(&path.key("client-certificate"), files));
        Some(config::TargetTls {
            ca: tls.ca.as_deref().map(|file| self.resolve(file, &path.key("ca"))),
            server_name: tls.server_name,
            client_certificate,
            verify: tls.verify,
            http2: tls.http2,
        })
    }

    /// Whether the right target is at the other end can be told.
    fn verification(&mut self, path: &KeyPath, name: &GroupName, written: &TargetGroup, tls: &TargetTls) {
        if let Some(text) = tls.server_name.as_deref().filter(|text| !is_name(text)) {
            let at = At::Value(path.key("server-name"));
            let message = format!("`{text}` is no name that a certificate can be good for");
            self.say(
                Finding::error(Code::InvalidValue, at, message).help("write a host name such as \"todo.internal\""),
            );
        }
        if !tls.verify {
            let at = At::Value(path.key("verify"));
            let message = format!("whoever sits between can read and change what passes to the targets of `{name}`");
            let help = "remove it, and name who vouches for the targets: `ca = \"…\"`";
            self.say(Finding::warning(Code::Unverified, at, message).help(help));
            if tls.ca.is_some() {
                let at = At::Value(path.key("ca"));
                let message = "nobody's certificate is looked at, so nobody need vouch for it".to_owned();
                self.say(Finding::warning(Code::NoEffect, at, message).help("remove `verify = false`"));
            }
        }
        let nameless = written.targets.iter().any(|target| matches!(target.address, Host::Unix(_)));
        if nameless && tls.verify && tls.server_name.is_none() {
            let message = format!("a Unix socket of `{name}` has no address that its certificate could be good for");
            self.missing(path, "server-name", message, "write `server-name = \"…\"` with the name in the certificate");
        }
    }
}

/// Whether it looks like a host name or an address.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(inner)
    };
    text.parse::<std::net::IpAddr>().is_ok()
        || (text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label))
}
