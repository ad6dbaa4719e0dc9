//! The running balancer as plain values.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::status::{Health, Listener, Status, Target, TargetGroup};
use ahash::AHashMap;
use equipoise_health::{GroupReport, Outcome, TargetReport};
use equipoise_proxy::Group;
use equipoise_target::{Condition, GroupName};

use crate::core::{Core, Serving};
use crate::departures::Departure;
use crate::metrics::lock;

impl Core {
    pub(crate) fn status(&self) -> Status {
        let serving = self.serving.load_full();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phase: self.stage().into(),
            uptime: self.started.elapsed(),
            generation: serving.number,
            last_reload: lock(&self.last_reload).clone(),
            listeners: self.listeners(),
            target_groups: self.target_groups(&serving),
            plugins: serving.shelf.status(),
            scaling_groups: self.scaling_groups().iter().map(Into::into).collect(),
        }
    }

    fn listeners(&self) -> Vec<Listener> {
        let row = |listener: equipoise_proxy::ListenerStatus| Listener {
            name: listener.name.to_string(),
            bind: listener.address.to_string(),
            connections: listener.connections,
            requests: listener.requests,
        };
        self.plane.listeners().into_iter().map(row).collect()
    }

    fn target_groups(&self, serving: &Serving) -> Vec<TargetGroup> {
        let reports: AHashMap<GroupName, GroupReport> =
            self.monitor.report().into_iter().map(|report| (report.group.clone(), report)).collect();
        let departures = self.departures.all();
        let described = serving.config.target_groups.iter();
        let groups = described.zip(&serving.groups).map(|(described, group)| TargetGroup {
            name: described.name.to_string(),
            algorithm: described.balance.name().to_owned(),
            failed_open: group.snapshot().availability().failed_open(),
            guard_held: reports.get(&described.name).and_then(held),
            targets: targets(group, reports.get(&described.name), &departures),
        });
        // A group that left is there as long as a target of it has something to finish.
        let left: BTreeSet<_> = departures.iter().map(|departure| &departure.group).collect();
        let left = left.into_iter().filter(|name| serving.group(name).is_none());
        let left = left.map(|name| TargetGroup {
            name: name.to_string(),
            targets: departed(name, &departures).collect(),
            ..TargetGroup::default()
        });
        groups.chain(left).collect()
    }
}

/// Why the guard holds, if it does.
fn held(report: &GroupReport) -> Option<String> {
    let held: Vec<_> = report.checks.iter().filter(|check| check.held).map(|check| check.label.to_string()).collect();
    let checks = held.join(", ");
    let why = "most targets fail together while their live traffic succeeds; their last good state is held";
    (!held.is_empty()).then(|| format!("{checks}: {why}"))
}

fn targets(group: &Arc<Group>, report: Option<&GroupReport>, departures: &[Departure]) -> Vec<Target> {
    let snapshot = group.snapshot();
    let report_of = |address| report?.targets.iter().find(|target| target.address == address);
    let members = snapshot.membership().members().iter().map(|member| {
        let (health, reason) = report_of(member.target.address()).map_or((Health::Unknown, String::new()), verdict);
        Target { weight: member.weight, health, reason, draining: false, ..record(&member.target) }
    });
    members.chain(departed(group.name(), departures)).collect()
}

fn departed(group: &GroupName, departures: &[Departure]) -> impl Iterator<Item = Target> {
    let departed = departures.iter().filter(move |departure| departure.group == *group);
    departed.map(|departure| Target { draining: true, ..record(&departure.target) })
}

/// What all checks together say, with the reason of the first failure.
fn verdict(report: &TargetReport) -> (Health, String) {
    let outcomes = report.checks.iter().filter_map(|check| check.last.as_ref());
    let mut reasons = outcomes.filter_map(|(outcome, _)| match outcome {
        Outcome::Pass => None,
        Outcome::Fail(reason) | Outcome::Inconclusive(reason) => Some(reason.to_string()),
    });
    let silent = |last: &Option<(Outcome, _)>| matches!(last, None | Some((Outcome::Inconclusive(_), _)));
    let unseen = report.checks.iter().all(|check| silent(&check.last));
    let health = match report.condition {
        Condition::Ready if unseen => Health::Unknown,
        Condition::Ready => Health::Healthy,
        Condition::Degraded { .. } => Health::Degraded,
        Condition::Unhealthy | Condition::Out => Health::Unhealthy,
    };
    (health, reasons.next().unwrap_or_default())
}

fn record(target: &equipoise_target::Target) -> Target {
    Target {
        address: target.address().to_string(),
        in_flight: target.in_flight(),
        requests: target.successes() + target.failures(),
        failures: target.failures(),
        latency: target.latency(),
        ..Target::default()
    }
}
