//! What shows only when everything is seen together: shared addresses, circles, and what nothing uses.

use std::collections::{BTreeMap, BTreeSet};

use equipoise_health::HealthCheck;
use equipoise_rule::Action;
use equipoise_target::{Endpoint, PluginName};

use super::Checker;
use super::target::canonical;
use crate::code::Code;
use crate::document::{Document, Protocol, Traffic, World};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    /// Two listeners, or a listener and the admin address, cannot share an address.
    pub(super) fn binds(&mut self) {
        let admin = KeyPath::root().key("admin").key("bind");
        let mut taken: BTreeMap<(Endpoint, bool), (KeyPath, String)> = BTreeMap::new();
        if !self.origin.excused(&admin) {
            taken.insert((self.document.admin.bind.into(), false), (admin, "the admin address".to_owned()));
        }
        for (name, listener) in &self.document.listener {
            // Port 0 is a new port each time.
            let Some(bind) = listener.bind.filter(|bind| bind.port() != Some(0)) else { continue };
            let path = KeyPath::root().key("listener").key(name.as_str());
            if self.origin.excused(&path.key("protocol")) {
                continue; // connections and datagrams do not meet
            }
            let path = path.key("bind");
            if let Some((other, what)) = taken.get(&(bind, is_udp(listener.protocol))) {
                let message = format!("listener `{name}` wants {bind}, which {what} has");
                let finding = Finding::error(Code::DuplicateBind, At::Value(path), message);
                self.findings
                    .push(finding.related(At::Value(other.clone()), "taken here").help("give it another port"));
            } else {
                taken.insert((bind, is_udp(listener.protocol)), (path, format!("listener `{name}`")));
            }
        }
    }

    /// A target that is a listener of this very program sends requests round in circles.
    pub(super) fn circles(&mut self) {
        let document = self.document;
        let listeners = document.listener.iter();
        let binds: Vec<_> =
            listeners.filter_map(|(name, listener)| Some((listener.bind?, name, is_udp(listener.protocol)))).collect();
        for (group, written) in &document.target_group {
            for (index, target) in written.targets.iter().enumerate() {
                let port = target.port.or(written.port).map(Into::into);
                let Some(address) = target.address.endpoint(port).map(canonical) else { continue };
                if let Some((_, listener, _)) = binds.iter().find(|(bind, _, udp)| {
                    *udp == (written.protocol.traffic() == Traffic::Datagrams) && reaches(*bind, address)
                }) {
                    let path = KeyPath::root().key("target-group").key(group.as_str()).key("targets").index(index);
                    let message = format!("target {address} is listener `{listener}` itself: requests would come back");
                    let finding = Finding::warning(Code::Conflict, At::Value(path.key("address")), message);
                    self.say(finding.help("write the address of the service, not of the balancer"));
                }
            }
        }
    }

    /// Groups and plugins that nothing names. Says nothing when a part could not be read: it may name them.
    pub(super) fn unused(&mut self) {
        if !self.origin.is_partial() {
            let used = self.used_plugins();
            self.unused_plugins(&used);
            self.unused_target_groups(&used);
        }
    }

    fn unused_plugins(&mut self, used: &BTreeSet<&PluginName>) {
        let document = self.document;
        for name in document.plugin.keys().filter(|name| !used.contains(name)) {
            let at = At::Key(KeyPath::root().key("plugin").key(name.as_str()));
            let finding = Finding::warning(Code::UnusedPlugin, at, format!("nothing uses plugin `{name}`"));
            self.say(finding.help("name it in a rule, a `balance` or a `health-check`, or remove it"));
        }
    }

    fn unused_target_groups(&mut self, used_plugins: &BTreeSet<&PluginName>) {
        let document = self.document;
        let written = document.plugin.iter().map(|(name, plugin)| (name, plugin.world));
        let native = self.natives.iter().map(|(name, world)| (name, Some(*world)));
        // A router may forward to any group.
        if written.chain(native).any(|(name, world)| world == Some(World::Router) && used_plugins.contains(name)) {
            return;
        }
        let used: BTreeSet<_> = actions(document).flat_map(Action::groups).collect();
        for name in document.target_group.keys().filter(|name| !used.contains(name)) {
            let at = At::Key(KeyPath::root().key("target-group").key(name.as_str()));
            let message = format!("nothing forwards to target group `{name}`");
            let help = format!("write `forward = \"{name}\"` in a rule, or remove the group");
            self.say(Finding::warning(Code::UnusedTargetGroup, at, message).help(help));
        }
    }
}

impl<'c> Checker<'c> {
    /// Plugins that a rule, a balance or a health check names.
    fn used_plugins(&self) -> BTreeSet<&'c PluginName> {
        let groups = self.document.target_group.values();
        let by_groups = groups.flat_map(|group| {
            let checks = group.health_check.0.iter();
            group.balance.plugin().into_iter().chain(checks.filter_map(HealthCheck::plugin))
        });
        actions(self.document).flat_map(Action::plugins).chain(by_groups).collect()
    }
}

/// Connections and datagrams have ports of their own.
fn is_udp(protocol: Protocol) -> bool {
    protocol.traffic() == Traffic::Datagrams
}

/// Every action of every listener.
fn actions(document: &Document) -> impl Iterator<Item = &Action> {
    let listeners = document.listener.values();
    listeners.flat_map(|listener| listener.rule.iter().map(|rule| &rule.then).chain(&listener.default))
}

/// Whether what is sent to `address` arrives at `bind`.
fn reaches(bind: Endpoint, address: Endpoint) -> bool {
    let (Endpoint::Ip(bind), Endpoint::Ip(address)) = (bind, address) else { return bind == address };
    let everywhere = bind.ip().is_unspecified() && address.ip().is_loopback();
    bind.port() == address.port() && (bind.ip() == address.ip() || everywhere)
}
