//! The original's numbers, and what scale makes of them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

/// The fewest and the most instances.
pub(super) const MIN: u64 = 1;
pub(super) const MAX: u64 = 4;
/// What the whole takes in the original: sixteen minutes of load, and then until the last instance but one is gone.
pub(super) const MINUTES: f64 = 28.0;

/// Users of the original for each of ours; each asks once a second.
const USERS: f64 = 100.0;
/// Users of the original while nothing is the matter.
const QUIET: f64 = 200.0;
/// Milliseconds of processor time that a request costs, and processors that an instance may use.
const WORK: f64 = 4.0;
const PROCESSORS: f64 = 0.25;

/// Names in the configuration.
pub(super) const GROUP: &str = "todo";
pub(super) const SCALE_OUT: &str = "scale-out";
pub(super) const SCALE_IN: &str = "scale-in";
pub(super) const HIGH: &str = "cpu-high";
pub(super) const LOW: &str = "cpu-low";

/// Which of the practical's two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// An Auto Scaling group with a policy for each of two alarms.
    Simple,
    /// A service that keeps its processor use at a target.
    TargetTracking,
}

impl Variant {
    pub(super) fn named(name: &str) -> Result<Self> {
        match name {
            "simple" => Ok(Self::Simple),
            "target-tracking" => Ok(Self::TargetTracking),
            other => bail!("there is no variant `{other}`; there are simple, target-tracking"),
        }
    }
}

/// A part of the load: users come or go evenly until there are `users`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) length: Duration,
    pub(super) users: f64,
}

/// One run.
#[derive(Debug)]
pub(super) struct Scenario {
    /// Seconds of the original for each of ours.
    scale: f64,
    pub(super) variant: Variant,
}

impl Scenario {
    pub(super) fn new(scale: f64, variant: Variant) -> Result<Self> {
        ensure!((1.0..=60.0).contains(&scale), "the scale is 1 to 60: a period has at least a second");
        Ok(Self { scale, variant })
    }

    /// A time of the original in ours, in whole seconds and at least one: periods and cooldowns are.
    pub(super) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds / self.scale).round().max(1.0))
    }

    pub(super) fn period(&self) -> Duration {
        match self.variant {
            Variant::Simple => self.scaled(120.0),
            Variant::TargetTracking => self.scaled(60.0),
        }
    }

    pub(super) fn cooldown(&self) -> Duration {
        match self.variant {
            Variant::Simple => self.scaled(120.0),
            Variant::TargetTracking => self.scaled(300.0),
        }
    }

    /// A minute to 1,000 users, ten to 5,000, five with all of them; and back at once to a quiet load.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let stage = |minutes: f64, users: f64| Stage {
            length: Duration::from_secs_f64(minutes * 60.0 / self.scale),
            users: users / USERS,
        };
        vec![stage(0.0, 100.0), stage(1.0, 1_000.0), stage(10.0, 5_000.0), stage(5.0, 5_000.0), stage(0.0, QUIET)]
    }

    pub(super) fn load_length(&self) -> Duration {
        self.stages().iter().map(|stage| stage.length).sum()
    }

    /// From the end of the load until one instance is left.
    pub(super) fn longest_scale_in(&self) -> Duration {
        let periods = match self.variant {
            Variant::Simple => 4,
            Variant::TargetTracking => 17,
        };
        self.period() * periods + (self.cooldown() + self.period()) * 3
    }

    pub(super) fn told(&self) -> String {
        let Self { scale, .. } = self;
        let way = match self.variant {
            Variant::Simple => "two simple policies, cpu >= 20 % and <= 10 %",
            Variant::TargetTracking => "target tracking at 20 % cpu",
        };
        let (period, cooldown, load) = (self.period(), self.cooldown(), self.load_length());
        format!(
            "the practical, {way}, {MIN} to {MAX} instances\n\
             factors: time 1:{scale} (period {period:?}, cooldown {cooldown:?}, load {load:.0?}), users 1:{USERS}, \
             a request costs {WORK} ms of a processor, an instance has {PROCESSORS} processors"
        )
    }

    /// The configuration of the balancer.
    pub(super) fn configuration(&self, program: &Path, port: u16, admin: u16, instances: &str) -> String {
        let program = program.display();
        let health = |seconds: f64| format!("{}ms", (seconds * 1000.0 / self.scale).max(200.0).round());
        let (interval, timeout) = (health(10.0), health(5.0));
        let mut text = format!(
            r#"[admin]
bind = "127.0.0.1:{admin}"

[scaling]
state = "scaling.redb"

[listener.web]
bind = "127.0.0.1:{port}"
default = {{ forward = "todo" }}

[target-group.todo]
deregistration-delay = "10s"

[target-group.todo.health-check.http]
path = "/api/v1/health"
interval = "{interval}"
timeout = "{timeout}"
healthy-threshold = 2
unhealthy-threshold = 2

[scaling-group.{GROUP}]
target-group = "todo"
min = {MIN}
max = {MAX}

[scaling-group.{GROUP}.launch-template.process]
command = ["{program}", "sample-service", "--port", "{{port}}", "--data", "data/{{instance}}", "--name", "{{instance}}", "--work", "{WORK}"]
ports = "{instances}"
limits = {{ cpu = {PROCESSORS} }}
"#
        );
        // Writing to memory cannot fail.
        let _ = match self.variant {
            Variant::Simple => write!(text, "{}", self.simple()),
            Variant::TargetTracking => write!(text, "{}", self.target_tracking()),
        };
        text
    }

    fn simple(&self) -> String {
        let policy = |policy: &str, alarm: &str, by: i32, comparison: &str, threshold: f64| {
            let (period, cooldown) = (self.period().as_secs(), self.cooldown().as_secs());
            format!(
                r#"
[scaling-group.{GROUP}.policy.{policy}.simple]
alarm = "{alarm}"
adjustment = "change-in-capacity"
by = {by}
cooldown = "{cooldown}s"

[alarm.{alarm}]
scaling-group = "{GROUP}"
metric = "cpu-utilization"
period = "{period}s"
evaluation-periods = 2
comparison = "{comparison}"
threshold = {threshold}
"#
            )
        };
        policy(SCALE_OUT, HIGH, 1, "greater-than-or-equal", 20.0)
            + &policy(SCALE_IN, LOW, -1, "less-than-or-equal", 10.0)
    }

    fn target_tracking(&self) -> String {
        let (period, cooldown) = (self.period().as_secs(), self.cooldown().as_secs());
        format!(
            r#"
[scaling-group.{GROUP}.policy.cpu.target-tracking]
metric = "cpu-utilization"
target = 20
period = "{period}s"
out-cooldown = "{period}s"
in-cooldown = "{cooldown}s"
"#
        )
    }
}
