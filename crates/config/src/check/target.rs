//! Members of a target group.

use equipoise_target::{Endpoint, GroupName};
use std::collections::BTreeMap;

use super::Checker;
use crate::code::Code;
use crate::config;
use crate::document::{Host, Target, TargetGroup};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

/// Largest weight and tier: beyond, a share is below what anyone measures, and sums of ten thousand stay far from any
/// overflow.
const MOST: u32 = 1000;

impl Checker<'_> {
    /// The targets with their ports; `None` when one has none.
    pub(super) fn targets(
        &mut self,
        group: &KeyPath,
        name: &GroupName,
        written: &TargetGroup,
    ) -> Option<Vec<config::Target>> {
        let list = group.key("targets");
        let mut targets = Vec::new();
        for (index, target) in written.targets.iter().enumerate() {
            let at = list.index(index);
            self.number(&at, "weight", target.weight, 0..=MOST);
            self.number(&at, "priority", target.priority, 0..=MOST);
            self.single_target(&at, target.address);
            if let Some(address) = self.target_address(group, &at, written, target) {
                targets.push((index, config::Target { address, weight: target.weight, priority: target.priority }));
            }
        }
        self.each_once(&list, name, &targets);
        self.someone_takes_requests(group, name, written);
        let complete = targets.len() == written.targets.len();
        complete.then(|| targets.into_iter().map(|(_, target)| target).collect())
    }

    fn target_address(
        &mut self,
        group: &KeyPath,
        at: &KeyPath,
        written: &TargetGroup,
        target: &Target,
    ) -> Option<Endpoint> {
        let port = target.port.or(written.port);
        let endpoint = target.address.endpoint(port.map(Into::into));
        if endpoint.is_none() && !self.origin.excused(&at.key("port")) && !self.origin.excused(&group.key("port")) {
            let message = format!("target {} has no port", target.address);
            let help = format!("write `port = …` in `[{group}]` for all its targets, or add one to the address");
            self.say(Finding::error(Code::MissingKey, At::Value(at.clone()), message).help(help));
        }
        endpoint
    }

    fn single_target(&mut self, at: &KeyPath, address: Host) {
        let Host::Ip(address) = address else { return };
        let broadcast = matches!(address, std::net::IpAddr::V4(address) if address.is_broadcast());
        if address.is_unspecified() || address.is_multicast() || broadcast {
            let message = format!("{address} is no address of a single target");
            let finding = Finding::error(Code::InvalidValue, At::Value(at.key("address")), message);
            self.say(finding.help("for a service on this machine write \"127.0.0.1\" or \"[::1]\""));
        }
    }

    fn each_once(&mut self, list: &KeyPath, name: &GroupName, targets: &[(usize, config::Target)]) {
        let mut seen: BTreeMap<Endpoint, usize> = BTreeMap::new();
        for (index, target) in targets {
            let address = canonical(target.address);
            let first = *seen.entry(address).or_insert(*index);
            if first != *index {
                let message = format!("target group `{name}` lists {address} twice");
                let finding = Finding::error(Code::DuplicateTarget, At::Value(list.index(*index)), message);
                let help = "keep one of them; to give it a larger share, raise its `weight`";
                self.say(finding.related(At::Value(list.index(first)), "first listed here").help(help));
            }
        }
    }

    fn someone_takes_requests(&mut self, group: &KeyPath, name: &GroupName, written: &TargetGroup) {
        let list = group.key("targets");
        if written.targets.is_empty() {
            let fed = self.document.scaling_group.values().any(|scaling| scaling.target_group == *name);
            if !fed && !self.origin.excused(&list) {
                let message = format!("target group `{name}` has no targets: requests to it are answered with 503");
                let finding = Finding::warning(Code::NoTargets, At::Key(group.clone()), message);
                self.say(finding.help("write `targets = [\"10.0.0.11:8080\"]`"));
            }
        } else if written.targets.iter().all(|target| target.weight == 0) {
            let message = format!("every target of `{name}` has weight 0: requests to it are answered with 503");
            self.say(
                Finding::warning(Code::NoTargets, At::Value(list), message).help("give one a weight of 1 or more"),
            );
        }
    }
}

/// An IPv4 address inside IPv6 is the IPv4 address.
pub(super) fn canonical(endpoint: Endpoint) -> Endpoint {
    match endpoint {
        Endpoint::Ip(mut address) => {
            address.set_ip(address.ip().to_canonical());
            address.into()
        }
        Endpoint::Unix(_) => endpoint,
    }
}
