//! What keeps targets and the program from harm, against its ranges.

use std::time::Duration;

use equipoise_balance::Algorithm;

use super::Checker;
use super::range::{DAY, HOUR, MILLI, MINUTE, TENTH};
use crate::code::Code;
use crate::document::{CircuitBreaker, GroupLimits, Hedge, Listener, TargetGroup};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

const TEN_MILLIS: Duration = Duration::from_millis(10);

impl Checker<'_> {
    pub(super) fn resilience(&mut self, path: &KeyPath, written: &TargetGroup) {
        self.duration(path, "slow-start", written.slow_start, Duration::ZERO..=HOUR);
        if !written.slow_start.is_zero() && matches!(written.balance, Algorithm::LeastConnections(_)) {
            let message = "`least-connections` does not look at shares";
            let finding = Finding::warning(Code::NoEffect, At::Value(path.key("slow-start")), message);
            self.say(finding.help("use `weighted-least-connections`"));
        }
        if let Some(limit) = written.timeouts.per_try {
            self.duration(&path.key("timeouts"), "per-try", limit, MILLI..=DAY);
        }
        let table = path.key("retry");
        self.duration(&table, "backoff", written.retry.backoff, Duration::ZERO..=Duration::from_secs(10));
        self.duration(&table, "max-backoff", written.retry.max_backoff, Duration::ZERO..=MINUTE);
        self.group_limits(&path.key("limits"), &written.limits);
        if let Some(breaker) = &written.circuit_breaker {
            self.circuit_breaker(&path.key("circuit-breaker"), breaker);
        }
        if let Some(Hedge { after, attempts }) = written.hedge {
            let table = path.key("hedge");
            self.duration(&table, "after", after, MILLI..=MINUTE);
            self.number(&table, "attempts", attempts, 1..=5);
        }
    }

    fn group_limits(&mut self, table: &KeyPath, limits: &GroupLimits) {
        for (key, limit) in [("requests-per-target", limits.requests_per_target), ("requests", limits.requests)] {
            if let Some(limit) = limit {
                self.number(table, key, limit, 1..=1_000_000);
            }
        }
        let queue = table.key("queue");
        self.number(&queue, "length", limits.queue.length, 0..=100_000);
        self.duration(&queue, "wait", limits.queue.wait, MILLI..=10 * MINUTE);
        let unlimited = limits.requests_per_target.is_none() && limits.requests.is_none();
        if unlimited && self.origin.is_written(&queue) && !self.origin.excused(table) {
            let message = "nobody waits in line where nothing is limited";
            let finding = Finding::warning(Code::NoEffect, At::Key(queue), message);
            self.say(finding.help("write `requests-per-target` or `requests` beside it"));
        }
    }

    fn circuit_breaker(&mut self, table: &KeyPath, breaker: &CircuitBreaker) {
        self.number(table, "consecutive-failures", breaker.consecutive_failures, 0..=10_000);
        self.number(table, "failure-percent", breaker.failure_percent, 0..=100);
        self.duration(table, "window", breaker.window, TENTH..=HOUR);
        self.number(table, "min-requests", breaker.min_requests, 1..=100_000);
        self.duration(table, "open-time", breaker.open_time, TEN_MILLIS..=HOUR);
        self.duration(table, "max-open-time", breaker.max_open_time, TEN_MILLIS..=DAY);
        self.number(table, "probes", breaker.probes, 1..=1000);
        self.number(table, "max-open-percent", breaker.max_open_percent, 0..=100);
        let never = breaker.consecutive_failures == 0 && breaker.failure_percent == 0;
        if never && !self.origin.excused(table) {
            let finding = Finding::warning(Code::NoEffect, At::Key(table.clone()), "this circuit breaker never opens");
            self.say(finding.help("give it `consecutive-failures`, `failure-percent`, or both"));
        }
    }

    pub(super) fn overload(&mut self, path: &KeyPath, written: &Listener) {
        if let Some(requests) = written.limits.requests {
            self.number(&path.key("limits"), "requests", requests, 1..=1_000_000);
        }
        for (index, limit) in written.rate_limit.iter().enumerate() {
            let table = path.key("rate-limit").index(index);
            self.number(&table, "rate", limit.rate.get(), 1..=10_000_000);
            self.duration(&table, "per", limit.per, MILLI..=DAY);
            if let Some(burst) = limit.burst {
                self.number(&table, "burst", burst.get(), 1..=10_000_000);
            }
            self.number(&table, "keys", limit.keys, 8..=10_000_000);
        }
    }

    pub(super) fn shed(&mut self) {
        if let Some(lag) = self.document.shed.lag {
            self.duration(&KeyPath::root().key("shed"), "lag", lag, Duration::from_millis(5)..=MINUTE);
        }
    }
}
