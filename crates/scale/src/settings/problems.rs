//! What a scaling group's settings may not be.

use std::time::Duration;

use super::{Hook, Refresh, ScalingGroup, Scrape};
use crate::policy::MOST;
use crate::problem::{DAY, HOUR, Problems, SECOND};
use crate::{Metric, Problem};

impl ScalingGroup {
    /// What is wrong with these settings, its launch template and its policies included; empty when nothing is. Whether
    /// what they name exists is for the caller to see.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.capacity_problems(&mut problems);
        problems.duration("default-cooldown", self.default_cooldown, Duration::ZERO..=DAY);
        problems.duration("warm-up", self.warm_up, Duration::ZERO..=DAY);
        problems.include(&["refresh"], self.refresh.problems());
        if let Some(pool) = &self.warm_pool {
            let mut of_pool = Problems::default();
            of_pool.number("size", pool.size, 1..=MOST);
            problems.include(&["warm-pool"], of_pool.done());
        }
        if let Some(scrape) = &self.scrape {
            problems.include(&["scrape"], scrape.problems());
        }
        for (name, hook) in &self.hook {
            problems.include(&["hook", name.as_str()], hook.problems());
        }
        problems.include(&["launch-template"], self.launch_template.problems());
        for (name, policy) in &self.policy {
            problems.include(&["policy", name.as_str()], policy.problems());
        }
        problems.done()
    }

    fn capacity_problems(&self, problems: &mut Problems) {
        problems.number("min", self.min, 0..=MOST);
        problems.number("max", self.max, 0..=MOST);
        if self.min > self.max {
            let message = format!("a minimum of {} exceeds the maximum of {}", self.min, self.max);
            problems.say("min", message, "lower `min` or raise `max`");
        } else if let Some(desired) = self.desired {
            problems.number("desired", desired, self.min..=self.max);
        }
    }
}

impl Refresh {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.number("min-healthy", self.min_healthy, 0..=100);
        for (place, share) in self.checkpoints.iter().enumerate() {
            let mut of_share = Problems::default();
            of_share.number(&place.to_string(), *share, 1..=100);
            problems.include(&["checkpoints"], of_share.done());
        }
        if !self.checkpoints.is_sorted_by(|earlier, later| earlier < later) {
            problems.say("checkpoints", "each share must be above the one before it", "write them in ascending order");
        }
        problems.duration("checkpoint-wait", self.checkpoint_wait, Duration::ZERO..=DAY);
        problems.number("max-failures", self.max_failures, 1..=100);
        problems.done()
    }
}

impl Hook {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        match (self.command.first(), &self.webhook) {
            (None, None) => problems.say("on", "it does nothing", "write `command` or `webhook`"),
            (Some(_), Some(_)) => {
                problems.say("webhook", "a hook is a command or a webhook, not both", "remove one of the two");
            }
            (Some(program), None) if program.as_os_str().is_empty() => {
                problems.say("command", "it names no program", "write the program and its arguments");
            }
            (Some(_), None) => (),
            (None, Some(url)) => problems.url("webhook", url),
        }
        problems.duration("timeout", self.timeout, SECOND..=HOUR);
        problems.done()
    }
}

impl Scrape {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        if !self.path.starts_with('/') || self.path.contains(|byte: char| byte.is_whitespace() || byte.is_control()) {
            problems.say("path", format!("`{}` is no path", self.path), "begin it with `/`, and write no spaces");
        }
        if self.port == Some(0) {
            problems.say("port", "0 is out of range", "use 1 to 65535");
        }
        if !(1..=32).contains(&self.metrics.len()) {
            let message = format!("{} metrics are out of range", self.metrics.len());
            problems.say("metrics", message, "name 1 to 32 metrics of the page");
        }
        for (place, name) in self.metrics.iter().enumerate() {
            if format!("custom.{name}").parse::<Metric>().is_err() {
                let problem = Problem::new(
                    &place.to_string(),
                    format!("`{}` is no name of a metric", name.chars().take(63).collect::<String>()),
                    "use 1 to 63 letters, digits, `_`, `.`, `:` or `-`",
                );
                problems.include(&["metrics"], vec![problem]);
            }
        }
        problems.period("interval", self.interval, SECOND..=HOUR);
        problems.done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: &str, expected: &[&str]) {
        let common = "target-group = \"a\"\nlaunch-template.process = { command = [\"a\"], ports = \"1-9\" }\n";
        let group: ScalingGroup = toml::from_str(&format!("{common}{settings}")).unwrap();
        let found: Vec<String> =
            group.problems().iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.message)).collect();
        assert_eq!(found, expected, "{settings}");
    }

    #[test]
    fn a_group_says_what_is_wrong_with_it_and_its_parts() {
        check("max = 4", &[]);
        check("max = 0", &["min: a minimum of 1 exceeds the maximum of 0"]);
        check("max = 4\ndesired = 5", &["desired: 5 is out of range"]);
        check("max = 1001", &["max: 1001 is out of range"]);
        check("max = 4\ndefault-cooldown = \"2days\"", &["default-cooldown: 2days is out of range"]);
        check(
            "max = 4\nrefresh = { min-healthy = 101, checkpoints = [50, 20, 0], max-failures = 0 }",
            &[
                "refresh.min-healthy: 101 is out of range",
                "refresh.checkpoints.2: 0 is out of range",
                "refresh.checkpoints: each share must be above the one before it",
                "refresh.max-failures: 0 is out of range",
            ],
        );
        check("max = 4\nwarm-pool = { size = 0 }", &["warm-pool.size: 0 is out of range"]);
        check("max = 4\nhook.a = { on = \"launching\" }", &["hook.a.on: it does nothing"]);
        check(
            "max = 4\nhook.a = { on = \"launching\", webhook = \"/x\", timeout = \"2h\" }",
            &["hook.a.webhook: `/x` is no URL to post to", "hook.a.timeout: 2h is out of range"],
        );
        check(
            "max = 4\nscrape = { path = \"metrics\", metrics = [\"a b\"], interval = \"0s\" }",
            &[
                "scrape.path: `metrics` is no path",
                "scrape.metrics.0: `a b` is no name of a metric",
                "scrape.interval: 0s is out of range",
            ],
        );
        check(
            "max = 4\npolicy.a.target-tracking = { metric = \"cpu-utilization\", target = -1 }",
            &["policy.a.target-tracking.target: -1 is out of range"],
        );
    }
}
