//! Listeners that pass connections and datagrams on as they are: what cannot be asked of them, and where they may lead.

use equipoise_balance::{Algorithm, HashKey};
use equipoise_rule::Action;
use equipoise_target::{Endpoint, GroupName, ListenerName};

use super::Checker;
use super::range::{DAY, TENTH};
use crate::code::Code;
use crate::document::{Host, Listener, Protocol, ProxyVersion, TargetGroup, TargetProtocol, Traffic};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    pub(super) fn layer4(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener) {
        self.layer4_tables(path, written);
        if self.origin.excused(&path.key("protocol")) {
            return; // what is spoken is not known
        }
        self.datagrams(path, name, written);
        for (index, rule) in written.rule.iter().enumerate() {
            let rule_path = path.key("rule").index(index);
            self.conditions(&rule_path.key("when"), &rule.when, written.protocol);
            self.only_http(&rule_path.key("then"), &rule.then, written.protocol);
        }
        if let Some(action) = &written.default {
            self.only_http(&path.key("default"), action, written.protocol);
        }
        for (index, limit) in written.rate_limit.iter().enumerate() {
            let when = path.key("rate-limit").index(index).key("when");
            self.conditions(&when, &limit.when, written.protocol);
        }
        if written.protocol.traffic() != Traffic::Requests {
            self.about_requests(path, written);
        }
    }

    /// The tables of settings, and whether they belong here.
    fn layer4_tables(&mut self, path: &KeyPath, written: &Listener) {
        let traffic = written.protocol.traffic();
        if let Some(tcp) = written.tcp {
            self.belongs(path, "tcp", traffic == Traffic::Connections, written.protocol, "\"tcp\" or \"tls\"");
            self.duration(&path.key("tcp"), "idle", tcp.idle, TENTH..=30 * DAY);
        }
        if let Some(udp) = written.udp {
            self.belongs(path, "udp", traffic == Traffic::Datagrams, written.protocol, "\"udp\"");
            let table = path.key("udp");
            self.duration(&table, "idle", udp.idle, TENTH..=DAY);
            self.number(&table, "sessions", udp.sessions, 1..=1_000_000);
            self.number(&table, "sessions-per-source", udp.sessions_per_source, 1..=1_000_000);
        }
    }

    fn belongs(&mut self, path: &KeyPath, key: &str, here: bool, protocol: Protocol, others: &str) {
        if !here && !self.origin.excused(&path.key("protocol")) {
            let message = format!("`{key}` is for listeners of {others}, and this one speaks {protocol}");
            let help = format!("write `protocol = {}`, or remove it", others.split(' ').next().unwrap_or_default());
            self.say(Finding::error(Code::Conflict, At::Key(path.key(key)), message).help(help));
        }
    }

    fn datagrams(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener) {
        if written.protocol != Protocol::Udp {
            return;
        }
        if let Some(bind @ Endpoint::Unix(_)) = written.bind {
            let message = format!("listener `{name}` takes datagrams, and {bind} is no place for them");
            let finding = Finding::error(Code::Conflict, At::Value(path.key("bind")), message);
            self.say(finding.help("write an address and a port, such as \"0.0.0.0:53\""));
        }
        if written.proxy_protocol.is_some() {
            let message = "the PROXY protocol is read at the beginning of connections, and there are none here";
            let finding = Finding::warning(Code::NoEffect, At::Key(path.key("proxy-protocol")), message);
            self.say(finding.help("remove it"));
        }
    }

    fn conditions(&mut self, path: &KeyPath, when: &equipoise_rule::When, protocol: Protocol) {
        if let Some(equipoise_rule::OnlyHttp(key)) = when.only_http().filter(|_| !is_http(protocol)) {
            let message = format!("`{key}` looks at a request, and a listener of {protocol} sees none");
            let help = match protocol {
                Protocol::Tls => "use `source`, `sni` and `alpn`",
                _ => "use `source`",
            };
            self.say(Finding::error(Code::Conflict, At::Key(path.key(key)), message).help(help));
        }
        if let Some(key) = when.only_tls().filter(|_| protocol != Protocol::Tls) {
            let message = format!("`{key}` looks at a ClientHello that is passed on, and {protocol} passes none on");
            let help = if is_http(protocol) { "use `host`" } else { "write `protocol = \"tls\"`" };
            self.say(Finding::error(Code::Conflict, At::Key(path.key(key)), message).help(help));
        }
    }

    fn only_http(&mut self, path: &KeyPath, action: &Action, protocol: Protocol) {
        if let Some(equipoise_rule::OnlyHttp(key)) = action.only_http().filter(|_| !is_http(protocol)) {
            let at = if key == "sticky" { path.key("forward").key(key) } else { path.key(key) };
            let message = format!("`{key}` is for requests, and a listener of {protocol} has none");
            let finding = Finding::error(Code::Conflict, At::Key(at), message);
            self.say(finding.help("use `forward` with one group, or with several by weight"));
        }
    }

    /// Says so when a listener's traffic is none that the group's targets understand.
    pub(super) fn understood(&mut self, at: &KeyPath, name: &GroupName, listener: Option<Protocol>) {
        let Some(listener) = listener else { return };
        let group = KeyPath::root().key("target-group").key(name.as_str());
        let Some(written) = self.document.target_group.get(name) else { return };
        if listener.traffic() == written.protocol.traffic() || self.origin.excused(&group.key("protocol")) {
            return;
        }
        let message = format!("target group `{name}` speaks {}, and this listener {listener}", written.protocol);
        let wanted = match listener.traffic() {
            Traffic::Requests => "http",
            Traffic::Connections => "tcp",
            Traffic::Datagrams => "udp",
        };
        let help = format!("write `protocol = \"{wanted}\"` in `[{group}]`, or forward to another group");
        let finding = Finding::error(Code::Conflict, At::Value(at.clone()), message);
        self.say(finding.related(At::Key(group), "its targets").help(help));
    }

    /// A group of targets that get connections or datagrams.
    pub(super) fn layer4_group(&mut self, path: &KeyPath, written: &TargetGroup) {
        if written.protocol.traffic() == Traffic::Requests {
            return;
        }
        self.group_about_requests(path, written);
        if written.protocol == TargetProtocol::Udp && written.proxy_protocol == Some(ProxyVersion::V1) {
            let at = At::Value(path.key("proxy-protocol"));
            let message = "version 1 of the PROXY protocol is a line of text that knows no datagrams";
            self.say(Finding::error(Code::Conflict, at, message).help("write `proxy-protocol = \"v2\"`"));
        }
        if let Algorithm::ConsistentHash(settings) = &written.balance
            && settings.key != HashKey::Source
        {
            let at = At::Value(path.key("balance").key("consistent-hash").key("key"));
            let message = format!("there is no request to take the key from in a group of {}", written.protocol);
            self.say(Finding::error(Code::Conflict, at, message).help("write `key = \"source\"`"));
        }
        for (index, target) in written.targets.iter().enumerate() {
            if written.protocol == TargetProtocol::Udp && matches!(target.address, Host::Unix(_)) {
                let at = At::Value(path.key("targets").index(index).key("address"));
                let message = "datagrams go to an address and a port";
                self.say(Finding::error(Code::Conflict, at, message).help("write such as \"10.0.0.11:53\""));
            }
        }
    }
}

fn is_http(protocol: Protocol) -> bool {
    protocol.traffic() == Traffic::Requests
}
