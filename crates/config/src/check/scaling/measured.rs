//! Whether somebody measures a metric of a group.

use equipoise_scale::{LaunchTemplate, Metric, ScalingGroup};
use equipoise_target::{GroupName, ScalingGroupName};

use super::super::Checker;
use crate::code::Code;
use crate::document::{TargetGroup, Traffic};
use crate::finding::{At, Finding};
use crate::path::KeyPath;
use crate::suggest::{list, nearest};

/// Whose metric it is.
#[derive(Clone, Copy)]
pub(super) enum Whose<'c> {
    Scaled(&'c ScalingGroupName, &'c ScalingGroup),
    Targets(&'c GroupName, &'c TargetGroup),
}

impl Checker<'_> {
    /// Says so when nobody measures `metric` there.
    pub(super) fn measured(&mut self, at: &KeyPath, metric: &Metric, whose: Whose<'_>) {
        match whose {
            Whose::Scaled(name, group) => {
                self.measured_of_instances(at, metric, name, group);
                self.measured_of_traffic(at, metric, &group.target_group, self.traffic_of(&group.target_group));
            }
            Whose::Targets(name, group) => {
                self.measured_of_targets(at, metric, name);
                self.measured_of_traffic(at, metric, name, Some(group.protocol.traffic()));
            }
        }
    }

    /// Only what this program starts does it look into, and what it found out it keeps by scaling group.
    fn measured_of_targets(&mut self, at: &KeyPath, metric: &Metric, name: &GroupName) {
        let pushed = matches!(metric, Metric::Custom(_));
        if pushed || !(metric.is_of_instances() || *metric == Metric::InService) {
            return;
        }
        let groups = self.document.scaling_group.iter();
        let feeding = groups.filter(|(_, group)| group.target_group == *name).map(|(name, _)| name).next();
        let help = match feeding {
            Some(feeding) => format!("write `scaling-group = \"{feeding}\"` instead of `target-group`"),
            None => "write a metric of traffic, such as `request-count-per-target`, or a scaling group".to_owned(),
        };
        let message =
            format!("nobody measures `{metric}` of target group `{name}`: it is of the instances of scaling groups");
        self.say(Finding::error(Code::Unmeasured, At::Value(at.clone()), message).help(help));
    }

    fn measured_of_traffic(&mut self, at: &KeyPath, metric: &Metric, name: &GroupName, traffic: Option<Traffic>) {
        let of_requests = matches!(
            metric,
            Metric::RequestCount | Metric::RequestCountPerTarget | Metric::Latency | Metric::ErrorRate
        );
        if of_requests && traffic.is_some_and(|traffic| traffic != Traffic::Requests) {
            let message = format!("nobody measures `{metric}` of target group `{name}`, which gets no requests");
            let finding = Finding::error(Code::Unmeasured, At::Value(at.clone()), message);
            self.say(finding.help("of connections and datagrams there is `in-flight-per-target`"));
        }
    }

    fn measured_of_instances(&mut self, at: &KeyPath, metric: &Metric, name: &ScalingGroupName, group: &ScalingGroup) {
        let template = &group.launch_template;
        let (why, help) = match metric {
            Metric::MemoryUtilization if has_no_memory_limit(template) => (
                "its launch template limits no memory".to_owned(),
                "write `limits = { memory = \"…\" }` in the launch template, or the metric `memory`".to_owned(),
            ),
            Metric::NetworkReceived | Metric::NetworkSent if !matches!(template, LaunchTemplate::Docker(_)) => (
                "only of containers can it be told".to_owned(),
                "write a metric of traffic, such as `request-count-per-target`".to_owned(),
            ),
            Metric::Custom(custom) => match unscraped(custom, group) {
                Some(found) => found,
                None => return,
            },
            _ => return,
        };
        let message = format!("nobody measures `{metric}` of scaling group `{name}`: {why}");
        self.say(Finding::warning(Code::Unmeasured, At::Value(at.clone()), message).help(help));
    }
}

/// Engines know what a container may have even without a limit.
fn has_no_memory_limit(template: &LaunchTemplate) -> bool {
    match template {
        LaunchTemplate::Process(process) => process.limits.memory.is_none(),
        LaunchTemplate::Docker(_) => false,
        LaunchTemplate::Command(_) => true,
    }
}

/// Why a metric of a group whose pages are read is not among what is read of them. Without pages it is pushed.
fn unscraped(custom: &str, group: &ScalingGroup) -> Option<(String, String)> {
    let read = group.scrape.as_ref()?.metrics.iter().map(String::as_str);
    if read.clone().any(|name| name == custom) {
        return None;
    }
    let help = match nearest(custom, read.clone()) {
        Some(near) => format!("write `custom.{near}`, or add `{custom}` to the metrics of `scrape`"),
        None => format!("add `{custom}` to the metrics of `scrape`, which are {}, or push it", list(read)),
    };
    Some(("`scrape` does not read it".to_owned(), help))
}
