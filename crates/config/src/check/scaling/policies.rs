//! Policies: what they name is there, and they do not work against each other.

use std::time::Duration;

use equipoise_scale::{AdjustmentKind, Alarm, Comparison, Metric, Policy, ScalingGroup};
use equipoise_target::{AlarmName, PolicyName, ScalingGroupName};
use humantime::format_duration;

use super::super::Checker;
use super::measured::Whose;
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::path::KeyPath;

/// Which way a policy moves the capacity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

/// A policy that follows an alarm one way.
struct Follower<'c> {
    name: &'c PolicyName,
    alarm_name: &'c AlarmName,
    alarm: &'c Alarm,
    way: Way,
    /// Where it names the alarm.
    path: KeyPath,
}

impl<'c> Checker<'c> {
    pub(super) fn policies(&mut self, path: &KeyPath, name: &ScalingGroupName, written: &'c ScalingGroup) {
        let whose = Whose::Scaled(name, written);
        let mut followers = Vec::new();
        for (policy_name, policy) in &written.policy {
            let path = path.key("policy").key(policy_name.as_str());
            match policy {
                Policy::Simple(simple) => {
                    let path = path.key("simple");
                    self.alarm_exists(path.key("alarm"), &simple.alarm);
                    self.cooldown(&path, &simple.alarm, simple.cooldown, written.default_cooldown);
                    let way = way(simple.adjustment, [simple.by]);
                    followers.extend(self.follower(policy_name, &simple.alarm, way, path.key("alarm")));
                }
                Policy::Step(step) => {
                    let at = path.key("step").key("alarm");
                    self.alarm_exists(at.clone(), &step.alarm);
                    let way = way(step.adjustment, step.steps.iter().map(|step| step.by));
                    followers.extend(self.follower(policy_name, &step.alarm, way, at));
                }
                Policy::TargetTracking(tracking) => {
                    let at = path.key("target-tracking").key("metric");
                    self.measured(&at, &tracking.metric, whose);
                    self.falls(&at, &tracking.metric);
                }
                Policy::Predictive(predictive) => {
                    self.measured(&path.key("predictive").key("metric"), &predictive.metric, whose);
                }
                Policy::Scheduled(_) => {}
                Policy::Plugin(_) => {
                    let message = "plugins of the world `scaling-policy` are not supported by this version";
                    let finding = Finding::error(Code::Unsupported, At::Key(path.key("plugin")), message);
                    self.say(finding.help("write another kind of policy, such as `target-tracking`"));
                }
            }
        }
        self.contradictions(&followers);
    }

    fn follower(
        &self,
        name: &'c PolicyName,
        alarm_name: &'c AlarmName,
        way: Option<Way>,
        path: KeyPath,
    ) -> Option<Follower<'c>> {
        let alarm = self.document.alarm.get(alarm_name)?;
        Some(Follower { name, alarm_name, alarm, way: way?, path })
    }

    /// Who rests for less than a period decides twice by the same numbers.
    fn cooldown(&mut self, path: &KeyPath, alarm: &AlarmName, own: Option<Duration>, of_group: Duration) {
        let Some(alarm) = self.document.alarm.get(alarm) else { return };
        let cooldown = own.unwrap_or(of_group);
        if cooldown < alarm.period {
            let (rest, period) = (format_duration(cooldown), format_duration(alarm.period));
            let message = format!("a cooldown of {rest} ends before the alarm's next period of {period}");
            let at = path.key("cooldown");
            let at = if self.origin.contains(&at) { At::Value(at) } else { At::Key(path.clone()) };
            let help = "instances that were just launched do not show in the numbers yet: write at least the period";
            self.say(Finding::warning(Code::Contradiction, at, message).help(help));
        }
    }

    /// A thermostat needs something that its heating changes.
    fn falls(&mut self, at: &KeyPath, metric: &Metric) {
        let instead = match metric {
            Metric::RequestCount => "`request-count-per-target`",
            Metric::HealthyCount | Metric::InService => "`cpu-utilization` or `request-count-per-target`",
            _ => return,
        };
        let message = format!("`{metric}` does not fall when instances are added: the group would grow to its maximum");
        let finding = Finding::warning(Code::Contradiction, At::Value(at.clone()), message);
        self.say(finding.help(format!("write {instead}")));
    }

    fn contradictions(&mut self, followers: &[Follower<'_>]) {
        for follower in followers {
            self.wrong_way(follower);
        }
        for inward in followers.iter().filter(|follower| follower.way == Way::In) {
            for outward in followers.iter().filter(|follower| follower.way == Way::Out) {
                self.against(inward, outward);
            }
        }
    }

    /// More instances when there is little to do, or fewer when there is much.
    fn wrong_way(&mut self, follower: &Follower<'_>) {
        let Follower { name, alarm_name, alarm, way, path } = follower;
        let does = match (rises(alarm.comparison), way) {
            (true, Way::In) => "takes instances away while",
            (false, Way::Out) => "adds instances while",
            _ => return,
        };
        let level = if rises(alarm.comparison) { "high" } else { "low" };
        if is_load(&alarm.metric) {
            let message = format!("policy `{name}` {does} `{}` is {level}", alarm.metric);
            let finding = Finding::warning(Code::Contradiction, At::Value(path.clone()), message);
            let comparison = At::Value(KeyPath::root().key("alarm").key(alarm_name.as_str()).key("comparison"));
            self.say(
                finding.related(comparison, "the alarm's comparison").help("change the sign of `by`, or the alarm"),
            );
        }
    }

    /// Two policies that pull in both directions at once.
    fn against(&mut self, inward: &Follower<'_>, outward: &Follower<'_>) {
        let (low, high) = (inward.alarm, outward.alarm);
        let alike = low.metric == high.metric && low.statistic == high.statistic;
        let alike = alike && low.scaling_group == high.scaling_group && low.target_group == high.target_group;
        let message = if inward.alarm_name == outward.alarm_name {
            format!("policies `{}` and `{}` follow the same alarm both ways", outward.name, inward.name)
        } else if alike && rises(high.comparison) && !rises(low.comparison) && low.threshold > high.threshold {
            let (from, to) = (high.threshold, low.threshold);
            format!("policies `{}` and `{}` both act from {from} to {to}", outward.name, inward.name)
        } else {
            return;
        };
        let finding = Finding::warning(Code::Contradiction, At::Value(inward.path.clone()), message);
        let finding = finding.related(At::Value(outward.path.clone()), "this one adds instances, and wins");
        self.say(
            finding.help("leave some room between the threshold that adds instances and the one that takes them away"),
        );
    }
}

/// Which way an adjustment moves, when all of it moves one way.
fn way(kind: AdjustmentKind, by: impl IntoIterator<Item = i32>) -> Option<Way> {
    let mut signs = by.into_iter().map(i32::signum);
    let first = signs.next()?;
    match first {
        _ if kind == AdjustmentKind::ExactCapacity || !signs.all(|sign| sign == first) => None,
        1 => Some(Way::Out),
        -1 => Some(Way::In),
        _ => None,
    }
}

fn rises(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::GreaterThan | Comparison::GreaterThanOrEqual)
}

/// Whether more of it means more to do for each instance.
fn is_load(metric: &Metric) -> bool {
    matches!(
        metric,
        Metric::CpuUtilization
            | Metric::RequestCount
            | Metric::RequestCountPerTarget
            | Metric::InFlightPerTarget
            | Metric::Latency
            | Metric::QueueLength
    )
}
