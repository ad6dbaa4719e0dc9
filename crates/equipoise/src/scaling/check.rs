//! The look at an instance before it may join: with the checks of its target group, and sooner than they would.

use std::sync::Arc;
use std::time::Duration;

use equipoise_health::{Effect, GroupPlan, HealthCheck, Outcome, Probe, Reach, TcpCheck, look};
use equipoise_target::Endpoint;
use tokio::time::Instant;

/// Somebody waits for the instance: looks are no further apart than this.
const LONGEST_INTERVAL: Duration = Duration::from_millis(500);

/// What an instance has to pass.
#[derive(Debug)]
pub(crate) struct Entrance(Vec<(HealthCheck, Arc<dyn Probe>)>);

impl Entrance {
    /// Every check that could keep a target from taking requests; without one, that its port is open.
    pub(crate) fn of(plan: Option<&GroupPlan>) -> Self {
        let checks = plan.into_iter().flat_map(|plan| plan.checks.iter());
        let counts = |check: &HealthCheck| check.terms().effect != Effect::Alarm;
        let checks: Vec<_> = checks.filter(|(check, _)| counts(check)).cloned().collect();
        if checks.is_empty() { Self::open_port() } else { Self(checks) }
    }

    /// That its port is open, and nothing else.
    pub(crate) fn open_port() -> Self {
        let once = std::num::NonZeroU32::MIN;
        let check = HealthCheck::Tcp(TcpCheck { healthy_threshold: once, ..TcpCheck::default() });
        // A check that asks no plugin can always be built.
        Self(check.probe(&(), &Reach::default()).into_iter().map(|probe| (check.clone(), probe)).collect())
    }

    /// Completes when `address` has passed every check as often in a row as it takes to be believed healthy. `failed` is
    /// told why a look failed.
    pub(crate) async fn passed(&self, address: Endpoint, failed: impl Fn(&str)) {
        for (check, probe) in &self.0 {
            let terms = check.terms();
            let address = match (address, terms.port) {
                (Endpoint::Ip(mut address), Some(port)) => {
                    address.set_port(port.get());
                    address.into()
                }
                _ => address,
            };
            let mut passes = 0;
            loop {
                let next = Instant::now() + terms.interval.min(LONGEST_INTERVAL);
                match look(&**probe, address, terms.timeout).await {
                    Outcome::Pass => passes += 1,
                    Outcome::Inconclusive(_) => {}
                    Outcome::Fail(reason) => {
                        failed(&reason);
                        passes = 0;
                    }
                }
                if passes >= terms.thresholds.healthy.get() {
                    break;
                }
                tokio::time::sleep_until(next).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Mutex;

    use equipoise_health::{GuardSettings, ProbeFuture};
    use equipoise_target::GroupName;

    use super::*;
    use crate::metrics::lock;

    /// Answers as the text says, `+` for a pass; then passes.
    #[derive(Debug)]
    struct Script(Mutex<Vec<char>>);

    impl Probe for Script {
        fn probe(&self, _: Endpoint) -> ProbeFuture<'_> {
            Box::pin(async {
                match lock(&self.0).pop() {
                    Some('-') => Outcome::fail("not yet"),
                    Some('?') => Outcome::inconclusive("no port free"),
                    _ => Outcome::Pass,
                }
            })
        }
    }

    #[track_caller]
    fn check(script: &str, healthy_threshold: u32, interval: u64, want_millis: u64, want_failures: usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let interval = Duration::from_millis(interval);
            let healthy_threshold = NonZeroU32::new(healthy_threshold).unwrap();
            let check = HealthCheck::Tcp(TcpCheck { interval, healthy_threshold, ..TcpCheck::default() });
            let probe: Arc<dyn Probe> = Arc::new(Script(Mutex::new(script.chars().rev().collect())));
            let plan = GroupPlan {
                group: GroupName::new("g").unwrap(),
                checks: vec![(check, probe)],
                targets: Vec::new(),
                guard: GuardSettings::default(),
            };
            let (start, failures) = (Instant::now(), Mutex::new(0));
            let address = "127.0.0.1:1".parse().unwrap();
            Entrance::of(Some(&plan)).passed(address, |_| *lock(&failures) += 1).await;
            assert_eq!(start.elapsed(), Duration::from_millis(want_millis), "{script}");
            assert_eq!(*lock(&failures), want_failures, "{script}");
        });
    }

    #[test]
    fn an_instance_passes_when_it_was_healthy_often_enough_in_a_row() {
        check("", 1, 10_000, 0, 0);
        check("", 3, 10_000, 1000, 0);
        check("--+-++", 2, 200, 1000, 3);
        check("+?+", 2, 10_000, 1000, 0);
    }

    #[tokio::test]
    async fn without_a_check_the_port_has_to_be_open() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Endpoint::from(listener.local_addr().unwrap());
        Entrance::of(None).passed(address, |reason| panic!("{reason}")).await;
        // Bound and not listening: nobody else can get the port meanwhile.
        let closed = tokio::net::TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = Endpoint::from(closed.local_addr().unwrap());
        let failed = tokio::sync::Notify::new();
        let entrance = Entrance::open_port();
        tokio::select! {
            () = entrance.passed(address, |_| failed.notify_one()) => panic!("nobody listens"),
            () = failed.notified() => {}
        }
    }
}
