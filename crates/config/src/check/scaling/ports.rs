//! Ports of instances: enough of them, and nobody else's.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use equipoise_scale::{LaunchTemplate, ScalingGroup};
use equipoise_target::{Endpoint, GroupName, ListenerName, ScalingGroupName};

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

/// An address that somebody has.
struct Taken<'c> {
    address: Endpoint,
    is_udp: bool,
    whose: Whose<'c>,
}

#[derive(Clone, Copy)]
enum Whose<'c> {
    Admin,
    Listener(&'c ListenerName),
    Target(&'c GroupName),
}

impl Taken<'_> {
    fn port(&self) -> u16 {
        self.address.port().unwrap_or_default()
    }
}

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("the admin address"),
            Self::Listener(name) => write!(f, "listener `{name}`"),
            Self::Target(name) => write!(f, "a target of target group `{name}`"),
        }
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
        let taken = self.taken();
        for (index, here) in places.iter().enumerate() {
            if let Some((there, ports)) = places[..index].iter().find_map(|there| Some((there, here.shared(there)?))) {
                let message = format!("scaling groups `{}` and `{}` share {}", there.group, here.group, shown(&ports));
                let finding = Finding::warning(Code::Conflict, At::Value(here.path.clone()), message);
                let help = "give each scaling group ports of its own, or one may find all of them taken by the other";
                self.say(finding.related(At::Value(there.path.clone()), "they are here too").help(help));
            }
            self.ports_of_others(here, &taken);
        }
    }

    fn ports_of_others(&mut self, here: &Places<'_>, taken: &[Taken<'_>]) {
        let first = taken.partition_point(|taken| taken.port() < *here.ports.start());
        let within = taken[first..].iter().take_while(|taken| taken.port() <= *here.ports.end());
        let Some(taken) = within.into_iter().find(|taken| taken.is_udp == here.is_udp && here.meets(taken.address))
        else {
            return;
        };
        let (port, whose) = (taken.port(), taken.whose);
        let message = format!("port {port} of scaling group `{}` is that of {whose}", here.group);
        let finding = Finding::warning(Code::Conflict, At::Value(here.path.clone()), message);
        self.say(finding.help("leave the ports of others out of the range"));
    }

    /// Every address that is written here and is no instance's, by port.
    fn taken(&self) -> Vec<Taken<'c>> {
        let document = self.document;
        let listeners = document.listener.iter().filter_map(|(name, listener)| {
            let is_udp = listener.protocol.traffic() == Traffic::Datagrams;
            Some(Taken { address: listener.bind?, is_udp, whose: Whose::Listener(name) })
        });
        let targets = document.target_group.iter().flat_map(|(name, group)| {
            let is_udp = group.protocol.traffic() == Traffic::Datagrams;
            group.targets.iter().filter_map(move |target| {
                let address = target.address.endpoint(target.port.or(group.port).map(Into::into))?;
                Some(Taken { address, is_udp, whose: Whose::Target(name) })
            })
        });
        let admin = Taken { address: document.admin.bind.into(), is_udp: false, whose: Whose::Admin };
        let mut taken: Vec<_> = listeners.chain([admin]).chain(targets).collect();
        taken.sort_by_key(Taken::port);
        taken
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

fn shown(ports: &RangeInclusive<u16>) -> String {
    match (ports.start(), ports.end()) {
        (first, last) if first == last => format!("port {first}"),
        (first, last) => format!("ports {first} to {last}"),
    }
}
