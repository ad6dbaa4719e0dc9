//! Target groups.

use std::time::Duration;

use equipoise_balance::{Algorithm, ConsistentHash};
use equipoise_health::HealthCheck;
use equipoise_target::GroupName;

use super::Checker;
use super::range::{DAY, HOUR, MILLI, MINUTE};
use crate::code::Code;
use crate::config;
use crate::document::{Target, TargetGroup, Traffic, World};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

/// Keys of a health check that have to fit one another.
const TOGETHER: [&str; 6] = ["interval", "timeout", "jitter", "layer", "effect", "degrade-to"];

impl Checker<'_> {
    pub(super) fn target_group(&mut self, name: &GroupName, written: &TargetGroup) -> Option<config::TargetGroup> {
        let path = KeyPath::root().key("target-group").key(name.as_str());
        let targets = self.targets(&path, name, written);
        self.balance(&path, written);
        self.layer4_group(&path, written);
        self.health_checks(&path, name, written);
        self.target_bounds(&path, written);
        self.resilience(&path, written);
        Some(config::TargetGroup {
            name: name.clone(),
            way: self.way(&path, name, written),
            targets: targets?,
            deregistration_delay: written.deregistration_delay,
            fail_open: written.fail_open,
            slow_start: written.slow_start,
            balance: written.balance.clone(),
            health_checks: written.health_check.0.clone(),
            guard: written.guard,
            timeouts: written.timeouts,
            retry: written.retry.clone(),
            pool: written.pool,
            limits: written.limits,
            circuit_breaker: written.circuit_breaker,
            hedge: written.hedge,
        })
    }

    fn balance(&mut self, path: &KeyPath, written: &TargetGroup) {
        let path = path.key("balance");
        if let Some(plugin) = written.balance.plugin() {
            self.plugin_is(path.key("plugin").key("name"), plugin, World::Balancer);
        }
        match &written.balance {
            Algorithm::ConsistentHash(settings) => {
                self.consistent_hash(&path.key("consistent-hash"), settings, written);
            }
            Algorithm::LeastConnections(_) => self.unweighted(&path.key("least-connections"), written),
            _ => {}
        }
    }

    fn consistent_hash(&mut self, path: &KeyPath, settings: &ConsistentHash, written: &TargetGroup) {
        // TOML has no larger number, so a larger one could not be written down again.
        self.number(path, "seed", settings.seed, 0..=i64::MAX.unsigned_abs());
        let (slots, targets) = (settings.table_size.get(), written.targets.len());
        if (slots as usize) < targets && !self.origin.excused(path) {
            let message = format!("a table of {slots} slots leaves some of {targets} targets without any");
            let help = format!("use a prime of {} or more", targets.saturating_mul(100).min(5_000_011));
            let at = At::Value(path.key("table-size"));
            self.say(Finding::error(Code::Conflict, at, message).help(help));
        }
    }

    fn unweighted(&mut self, path: &KeyPath, written: &TargetGroup) {
        let first = written.targets.first().map(|target| target.weight);
        let differs = |target: &Target| Some(target.weight) != first && target.weight != 0;
        if written.targets.iter().any(differs) {
            let message = "`least-connections` does not look at weights";
            let finding = Finding::warning(Code::NoEffect, At::Key(path.clone()), message);
            self.say(finding.help("use `weighted-least-connections`"));
        }
    }

    fn health_checks(&mut self, path: &KeyPath, name: &GroupName, written: &TargetGroup) {
        let checks = &written.health_check;
        let path = path.key("health-check");
        for (index, check) in checks.0.iter().enumerate() {
            // A table of kinds, or a list of such tables.
            let single = checks.0.iter().filter(|other| kind(other) == kind(check)).count() == 1;
            let table = if single { path.key(kind(check)) } else { path.index(index).key(kind(check)) };
            // What could not be read may be what the rest fits to.
            let whole = !TOGETHER.iter().any(|key| self.origin.excused(&table.key(key)));
            for problem in check.problems().into_iter().filter(|_| whole) {
                let at = At::Value(table.key(problem.field));
                let message = match problem.message.strip_prefix("has ") {
                    Some(rest) => format!("`{}` has {rest}", problem.field),
                    None => problem.message,
                };
                self.say(Finding::error(Code::InvalidValue, at, message).help(problem.help));
            }
            if let Some(plugin) = check.plugin() {
                self.plugin_is(table.key("name"), plugin, World::HealthCheck);
            }
        }
        // Of what is no HTTP an open port is often all that can be seen.
        let may_say_more = written.protocol.traffic() == Traffic::Requests;
        if may_say_more && checks.see_only_a_port() && !self.origin.excused(&path) {
            let message = format!("target group `{name}` is checked by an open port only");
            let help = format!(
                "add `[target-group.{name}.health-check.http]` with a path that answers only while the target can serve"
            );
            let finding = Finding::warning(Code::PortCheckOnly, At::Key(path.key("tcp")), message);
            self.say(finding.label("passes while what is behind the port is broken").help(help));
        }
    }

    fn target_bounds(&mut self, path: &KeyPath, written: &TargetGroup) {
        self.duration(path, "deregistration-delay", written.deregistration_delay, Duration::ZERO..=HOUR);
        let (timeouts, table) = (&written.timeouts, path.key("timeouts"));
        self.duration(&table, "connect", timeouts.connect, MILLI..=10 * MINUTE);
        self.duration(&table, "first-byte", timeouts.first_byte, MILLI..=DAY);
        self.duration(&table, "idle", timeouts.idle, MILLI..=DAY);
        if let Some(total) = timeouts.total {
            self.duration(&table, "total", total, MILLI..=DAY);
        }
        self.duration(&table, "stream-idle", timeouts.stream_idle, MILLI..=DAY);
        if let Some(stream) = timeouts.stream {
            self.duration(&table, "stream", stream, MILLI..=30 * DAY);
        }
        let (retry, table) = (&written.retry, path.key("retry"));
        self.number(&table, "attempts", retry.attempts, 0..=10);
        self.number(&table, "budget-percent", retry.budget_percent, 0..=100);
        self.number(&table, "budget-minimum", retry.budget_minimum, 0..=10_000);
        for (index, status) in retry.statuses.iter().enumerate().filter(|(_, status)| !(500..=599).contains(*status)) {
            let at = At::Value(table.key("statuses").index(index));
            let message = format!("{status} is not a status of a failed target");
            self.say(Finding::error(Code::OutOfRange, at, message).help("use 500 to 599"));
        }
        let (pool, table) = (&written.pool, path.key("pool"));
        self.duration(&table, "idle-timeout", pool.idle_timeout, Duration::ZERO..=HOUR);
        self.number(&table, "max-idle", pool.max_idle, 0..=10_000);
        if let Some(window) = written.guard.window {
            self.duration(&path.key("guard"), "window", window, MILLI..=DAY);
        }
    }
}

/// What a check's kind is called.
fn kind(check: &HealthCheck) -> &'static str {
    match check {
        HealthCheck::Tcp(_) => "tcp",
        HealthCheck::Http(_) => "http",
        HealthCheck::Grpc(_) => "grpc",
        HealthCheck::Plugin(_) => "plugin",
    }
}
