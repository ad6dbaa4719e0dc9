//! Listeners and their rules.

use std::collections::BTreeSet;

use equipoise_rule::{Action, End, Problem};
use equipoise_target::ListenerName;

use super::Checker;
use super::range::{DAY, HOUR, TENTH};
use crate::code::Code;
use crate::config;
use crate::document::{Listener, Protocol, Traffic, World};
use crate::finding::{At, Finding};
use crate::path::KeyPath;
use crate::size::Size;

impl Checker<'_> {
    pub(super) fn listener(&mut self, name: &ListenerName, written: &Listener) -> Option<config::Listener> {
        let path = KeyPath::root().key("listener").key(name.as_str());
        if written.bind.is_none() {
            let message = format!("listener `{name}` has no address");
            self.missing(&path, "bind", message, "write `bind = \"0.0.0.0:8080\"`");
        }
        let tls = self.listener_tls(&path, name, written);
        self.certificate_conditions(&path, written);
        self.networks(&path, name, written);
        self.client_bounds(&path, written);
        self.overload(&path, written);
        self.upgrades(&path, written);
        self.socket(&path, name, written);
        self.layer4(&path, name, written);
        let default = self.default_action(&path, name, written);
        self.rules(&path, written, &default);
        let mut rules = written.rule.clone();
        rules.sort_by_key(|rule| rule.priority);
        Some(config::Listener {
            name: name.clone(),
            bind: written.bind?,
            protocol: written.protocol,
            tls,
            allow: written.allow.clone(),
            deny: written.deny.clone(),
            trusted_proxies: written.trusted_proxies.clone(),
            keep_request_id: written.keep_request_id,
            normalize_path: written.normalize_path,
            upgrades: written.upgrades.clone(),
            socket: written.socket,
            proxy_protocol: written.proxy_protocol.clone(),
            tcp: (written.protocol.traffic() == Traffic::Connections).then(|| written.tcp.unwrap_or_default()),
            udp: (written.protocol.traffic() == Traffic::Datagrams).then(|| written.udp.unwrap_or_default()),
            timeouts: written.timeouts,
            limits: written.limits,
            rate_limits: written.rate_limit.clone(),
            default,
            rules,
        })
    }

    fn networks(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener) {
        let allow = path.key("allow");
        if written.allow.is_empty() && self.origin.is_written(&allow) && !self.origin.excused(&allow) {
            let message = format!("an empty `allow` lets everybody connect to listener `{name}`");
            let help = "remove it, or list who may connect; to let nobody in, write `deny = [\"0.0.0.0/0\", \"::/0\"]`";
            self.say(Finding::warning(Code::NoEffect, At::Value(allow), message).help(help));
        }
        for (index, network) in written.trusted_proxies.iter().enumerate().filter(|(_, net)| net.prefix_len() == 0) {
            let at = At::Value(path.key("trusted-proxies").index(index));
            let message = format!("{network} is everybody: any client may claim any address in `X-Forwarded-For`");
            let help = "list the networks of your own proxies; conditions on `source` and logs rely on them";
            self.say(Finding::warning(Code::TrustsEveryone, at, message).help(help));
        }
    }

    fn upgrades(&mut self, path: &KeyPath, written: &Listener) {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
        for (index, name) in written.upgrades.0.iter().enumerate() {
            let at = At::Value(path.key("upgrades").index(index));
            if name.eq_ignore_ascii_case("h2c") {
                let message = "requests in HTTP/2 would pass without being looked at";
                let help = "remove it; clients that know beforehand speak HTTP/2 to this listener without asking";
                self.say(Finding::error(Code::Conflict, at, message).help(help));
            } else if name.is_empty() || !name.bytes().all(sign) {
                let message = format!("`{}` is not the name of a protocol", name.escape_default());
                self.say(Finding::error(Code::OutOfRange, at, message).help("use a name such as \"websocket\""));
            }
        }
    }

    fn client_bounds(&mut self, path: &KeyPath, written: &Listener) {
        let (timeouts, limits) = (&written.timeouts, &written.limits);
        let table = path.key("timeouts");
        self.duration(&table, "handshake", timeouts.handshake, TENTH..=HOUR);
        self.duration(&table, "head", timeouts.head, TENTH..=HOUR);
        self.duration(&table, "keep-alive", timeouts.keep_alive, TENTH..=DAY);
        self.duration(&table, "idle", timeouts.idle, TENTH..=DAY);
        let table = path.key("limits");
        self.number(&table, "connections", limits.connections, 1..=1_000_000);
        self.number(&table, "fields", limits.fields, 1..=1000);
        self.number(&table, "passes", limits.passes, 1..=100);
        self.size(&table, "body-rate", limits.body_rate, Size(0)..=Size::mib(1));
        self.size(&table, "head-size", limits.head_size, Size::kib(1)..=Size::mib(1));
        self.size(&table, "uri-size", limits.uri_size, Size(256)..=Size::kib(256));
        if limits.uri_size > limits.head_size && !self.origin.excused(&table) {
            let message = format!("`uri-size` of {} exceeds `head-size` of {}", limits.uri_size, limits.head_size);
            let at = At::Value(table.key("uri-size"));
            self.say(Finding::error(Code::Conflict, at, message).help("path and query are a part of the head"));
        }
    }

    fn default_action(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener) -> Action {
        if written.rule.is_empty() && written.default.is_none() && !self.origin.excused(&path.key("rule")) {
            let message = match written.protocol.traffic() {
                Traffic::Requests => format!("listener `{name}` answers every request with 404"),
                Traffic::Connections => format!("listener `{name}` closes every connection"),
                Traffic::Datagrams => format!("listener `{name}` drops every datagram"),
            };
            let help = "write `default = { forward = \"…\" }` with the name of a target group";
            self.missing(path, "default", message, help);
        }
        written.default.clone().unwrap_or_else(not_found)
    }

    fn rules(&mut self, path: &KeyPath, written: &Listener, default: &Action) {
        let protocol = Some(written.protocol).filter(|_| !self.origin.excused(&path.key("protocol")));
        if let Some(action) = &written.default {
            self.action(&path.key("default"), action, protocol);
        }
        for (index, rule) in written.rule.iter().enumerate() {
            self.action(&path.key("rule").index(index).key("then"), &rule.then, protocol);
        }
        let taken: BTreeSet<u32> = written.rule.iter().map(|rule| rule.priority).collect();
        for problem in equipoise_rule::problems(&written.rule, default) {
            let finding = rule_problem(path, &taken, &problem);
            let excused = matches!(&finding.at, At::Value(at) if self.origin.excused(at));
            // A rule may look idle, or as if it took every request, for what could not be read of it.
            if !excused && (problem.is_error() || !self.origin.is_partial()) {
                self.say(finding);
            }
        }
    }

    fn action(&mut self, path: &KeyPath, action: &Action, protocol: Option<Protocol>) {
        if let Some(End::Forward(forward)) = &action.end {
            let path = path.key("forward");
            for (index, share) in forward.groups().iter().enumerate() {
                // One name, a list, or a table with a list.
                let shapes = [path.key("groups").index(index).key("group"), path.index(index).key("group")];
                let at = shapes.into_iter().find(|shape| self.origin.contains(shape)).unwrap_or_else(|| path.clone());
                self.understood(&at, &share.group, protocol);
                self.target_group_exists(at, &share.group);
            }
        }
        if let Some(plugin) = &action.plugin {
            self.plugin_is(path.key("plugin"), plugin, World::Router);
        }
    }
}

fn rule_problem(path: &KeyPath, taken: &BTreeSet<u32>, problem: &Problem) -> Finding {
    let rule = |position: usize| path.key("rule").index(position);
    let priority = |position: usize| At::Value(rule(position).key("priority"));
    let message = problem.to_string();
    match problem {
        Problem::DuplicatePriority { priority: repeated, first, second } => {
            let free = (repeated.saturating_add(1)..=u32::MAX).find(|free| !taken.contains(free));
            Finding::error(Code::DuplicatePriority, priority(*second), message)
                .related(priority(*first), "first taken here")
                .help(format!("the next free one is {}", free.unwrap_or_default()))
        }
        Problem::DefaultWithoutEnd => Finding::error(Code::MissingKey, At::Value(path.key("default")), message)
            .help("write `default = { forward = \"…\" }` with the name of a target group"),
        Problem::Idle { position, .. } => {
            Finding::warning(Code::NoEffect, At::Value(rule(*position).key("then")), message)
                .help("give it one of `forward`, `redirect` and `respond`, or a change")
        }
        Problem::Unreachable { position, by, .. } => {
            Finding::warning(Code::UnreachableRule, priority(*position), message)
                .related(priority(*by), "this one has no conditions")
                .help("give it a lower priority number, or the other one conditions")
        }
        _ => Finding::error(Code::Conflict, At::Key(path.clone()), message),
    }
}

/// What a listener without a default answers.
fn not_found() -> Action {
    let action = serde_json::json!({ "respond": { "status": 404 } });
    // The text is ours and is read by a test; were it refused, the action would be one without an end, which is a finding.
    serde_json::from_value(action).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_without_a_default_has_an_answer() {
        assert!(matches!(not_found().end, Some(End::Respond(_))));
    }
}
