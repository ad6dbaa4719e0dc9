//! Ports of instances: enough of them, and nobody else's.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use equipoise_scale::{LaunchTemplate, ScalingGroup};
use equipoise_target::{Endpoint, GroupName, ScalingGroupName};

use super::super::Checker;
use super::bounds::range;
use crate::code::Code;
use crate::document::Traffic;
use crate::finding::{At, Finding};
use crate::path::KeyPath;

/// Where the instances of a scaling group listen.
struct Places<'c> {
    group: &'c ScalingGroupName,
    address: IpAddr,
    ports: RangeInclusive<u16>,
    is_udp: bool,
    path: KeyPath,
}

impl Places<'_> {
    /// Whether what listens at `address` stands in the way of an instance.
    fn meets(&self, address: Endpoint) -> bool {
        matches!(address, Endpoint::Ip(address)
            if self.ports.contains(&address.port()) && same_address(self.address, address.ip()))
    }

    /// The ports that both have.
    fn shared(&self, other: &Self) -> Option<RangeInclusive<u16>> {
        let ports = *self.ports.start().max(other.ports.start())..=*self.ports.end().min(other.ports.end());
        let meet = self.is_udp == other.is_udp && same_address(self.address, other.address);
        (meet && !ports.is_empty()).then_some(ports)
    }
}

impl<'c> Checker<'c> {
    /// Every instance gets a port, also while another one takes its place.
    pub(super) fn ports_suffice(&mut self, path: &KeyPath, name: &ScalingGroupName, written: &ScalingGroup) {
        let LaunchTemplate::Process(process) = &written.launch_template else { return };
        let ports = process.ports.ports();
        let (has, pool) = (ports.len(), written.warm_pool.map_or(0, |pool| pool.size));
        let (_, most) = range(written);
        let needs = u64::from(most) + 1 + u64::from(pool);
        if has as u64 >= needs {
            return;
        }
        let message = format!("scaling group `{name}` needs {needs} ports and has {has}");
        let what = if pool > 0 { format!(", and {pool} for the warm pool") } else { String::new() };
        let what = format!("that is {most} for its maximum, one for an instance refresh{what}");
        let help = match u16::try_from(u64::from(*ports.start()) + needs - 1) {
            Ok(last) => format!("{what}: write `ports = \"{}-{last}\"`", ports.start()),
            Err(_) => format!("{what}: begin further down"),
        };
        let at = At::Value(path.key("launch-template").key("process").key("ports"));
        self.say(Finding::error(Code::TooFewPorts, at, message).help(help));
    }

    /// No two scaling groups share ports, and nothing else that is written here has one of them.
    pub(super) fn ports_are_apart(&mut self) {
        let places: Vec<_> = self.document.scaling_group.iter().filter_map(|group| self.places(group)).collect();
        for (index, here) in places.iter().enumerate() {
            if let Some((there, ports)) = places[..index].iter().find_map(|there| Some((there, here.shared(there)?))) {
                let message = format!("scaling groups `{}` and `{}` share {}", there.group, here.group, shown(&ports));
                let finding = Finding::warning(Code::Conflict, At::Value(here.path.clone()), message);
                let help = "give each scaling group ports of its own, or one may find all of them taken by the other";
                self.say(finding.related(At::Value(there.path.clone()), "they are here too").help(help));
            }
            self.ports_of_others(here);
        }
    }

    fn ports_of_others(&mut self, here: &Places<'_>) {
        let document = self.document;
        let listeners = document.listener.iter().filter_map(|(name, listener)| {
            let is_udp = listener.protocol.traffic() == Traffic::Datagrams;
            Some((format!("listener `{name}`"), listener.bind?, is_udp))
        });
        let admin = ("the admin address".to_owned(), document.admin.bind.into(), false);
        let targets = document.target_group.iter().flat_map(|(name, group)| {
            let is_udp = group.protocol.traffic() == Traffic::Datagrams;
            let addresses = group
                .targets
                .iter()
                .filter_map(|target| target.address.endpoint(target.port.or(group.port).map(Into::into)));
            addresses.map(move |address| (format!("a target of `{name}`"), address, is_udp))
        });
        let mut others = listeners.chain([admin]).chain(targets);
        if let Some((what, address, _)) = others.find(|(_, address, udp)| *udp == here.is_udp && here.meets(*address)) {
            let message = format!("port {} of scaling group `{}` is {what}", port(address), here.group);
            let finding = Finding::warning(Code::Conflict, At::Value(here.path.clone()), message);
            self.say(finding.help("leave the ports of others out of the range"));
        }
    }

    fn places(&self, (group, written): (&'c ScalingGroupName, &'c ScalingGroup)) -> Option<Places<'c>> {
        let LaunchTemplate::Process(process) = &written.launch_template else { return None };
        let path = KeyPath::root().key("scaling-group").key(group.as_str());
        Some(Places {
            group,
            address: process.address,
            ports: process.ports.ports(),
            is_udp: self.traffic_of(&written.target_group) == Some(Traffic::Datagrams),
            path: path.key("launch-template").key("process").key("ports"),
        })
    }

    /// What the targets of a group get.
    pub(super) fn traffic_of(&self, group: &GroupName) -> Option<Traffic> {
        self.document.target_group.get(group).map(|group| group.protocol.traffic())
    }
}

fn same_address(one: IpAddr, other: IpAddr) -> bool {
    let (one, other) = (one.to_canonical(), other.to_canonical());
    one == other || one.is_unspecified() || other.is_unspecified()
}

fn port(address: Endpoint) -> u16 {
    address.port().unwrap_or_default()
}

fn shown(ports: &RangeInclusive<u16>) -> String {
    match (ports.start(), ports.end()) {
        (first, last) if first == last => format!("port {first}"),
        (first, last) => format!("ports {first} to {last}"),
    }
}
