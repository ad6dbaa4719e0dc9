//! Which targets have come back lately, and how much of their share they get by now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use equipoise_balance::SlowStart;
use equipoise_target::{Condition, Endpoint, GroupName};

/// Targets of groups with a slow start. What is not known of a group yet starts with its whole share: there is nobody to
/// compare it with.
#[derive(Debug, Default)]
pub(crate) struct Ramps(Mutex<BTreeMap<GroupName, Group>>);

#[derive(Debug, Default)]
struct Group {
    /// Who took requests when its availability was computed last.
    taking: BTreeSet<Endpoint>,
    /// Since when those do that came back.
    since: BTreeMap<Endpoint, Instant>,
    /// Whether somebody will look again.
    awaited: bool,
}

impl Ramps {
    /// What is left of each target's condition while it starts slowly, and when to look again, if nobody else will.
    pub(crate) fn apply(
        &self,
        name: &GroupName,
        window: Duration,
        members: impl Iterator<Item = (Endpoint, Condition)>,
        now: Instant,
    ) -> (Vec<Condition>, Option<Duration>) {
        let start = SlowStart { window };
        // Whatever was half changed by a panic is made anew at the next look.
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !groups.contains_key(name);
        let group = groups.entry(name.clone()).or_default();
        let mut taking = BTreeSet::new();
        let mut since = BTreeMap::new();
        let conditions = members
            .map(|(address, condition)| {
                if !takes(condition) {
                    return condition;
                }
                taking.insert(address);
                let began = if is_new || group.taking.contains(&address) {
                    group.since.get(&address).copied()
                } else {
                    Some(now)
                };
                let percent = began.and_then(|began| start.percent(now.saturating_duration_since(began)));
                since.extend(began.filter(|_| percent.is_some()).map(|began| (address, began)));
                percent.map_or(condition, |percent| lessened(condition, percent))
            })
            .collect();
        let wait = (!since.is_empty() && !group.awaited).then(|| start.step());
        *group = Group { awaited: group.awaited || wait.is_some(), taking, since };
        (conditions, wait)
    }

    /// Somebody looks again.
    pub(crate) fn looked(&self, name: &GroupName) {
        if let Some(group) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(name) {
            group.awaited = false;
        }
    }

    /// Forgets groups that are not among those that remain.
    pub(crate) fn retain(&self, remains: impl Fn(&GroupName) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| remains(name));
    }
}

fn takes(condition: Condition) -> bool {
    matches!(condition, Condition::Ready | Condition::Degraded { .. })
}

fn lessened(condition: Condition, percent: u8) -> Condition {
    match condition {
        Condition::Ready => Condition::Degraded { percent },
        Condition::Degraded { percent: degraded } => Condition::Degraded { percent: degraded.min(percent) },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Condition::{Degraded, Ready, Unhealthy};

    const WINDOW: Duration = Duration::from_secs(9);

    struct Bench {
        ramps: Ramps,
        start: Instant,
    }

    impl Bench {
        fn look(&self, second: u64, conditions: &[Condition]) -> (Vec<Condition>, Option<Duration>) {
            let members = conditions.iter().zip(1..).map(|(condition, port)| {
                (Endpoint::from(std::net::SocketAddr::from(([10, 0, 0, 1], port))), *condition)
            });
            let name = GroupName::new("g").expect("a name");
            self.ramps.apply(&name, WINDOW, members, self.start + Duration::from_secs(second))
        }
    }

    fn bench() -> Bench {
        Bench { ramps: Ramps::default(), start: Instant::now() }
    }

    #[test]
    fn at_the_beginning_everybody_has_the_whole_share() {
        assert_eq!(bench().look(0, &[Ready, Unhealthy]), (vec![Ready, Unhealthy], None));
    }

    #[test]
    fn who_comes_back_and_who_is_new_starts_slowly() {
        let bench = bench();
        bench.look(0, &[Ready, Unhealthy]);
        let (conditions, wait) = bench.look(1, &[Ready, Ready, Ready]);
        assert_eq!(conditions, [Ready, Degraded { percent: 10 }, Degraded { percent: 10 }]);
        assert_eq!(wait, Some(Duration::from_secs(1)));
        assert_eq!(bench.look(3, &[Ready, Unhealthy, Ready]).0, [Ready, Unhealthy, Degraded { percent: 30 }]);
        assert_eq!(bench.look(4, &[Ready, Ready, Ready]).0[1], Degraded { percent: 10 }, "it begins anew");
        assert_eq!(bench.look(10, &[Ready, Ready, Ready]).0, [Ready, Degraded { percent: 70 }, Ready]);
        assert_eq!(bench.look(13, &[Ready, Ready, Ready]).0, [Ready; 3]);
    }

    #[test]
    fn a_check_that_lessens_a_share_is_not_overruled() {
        let bench = bench();
        bench.look(0, &[Unhealthy]);
        assert_eq!(bench.look(0, &[Degraded { percent: 20 }]).0, [Degraded { percent: 10 }]);
        assert_eq!(bench.look(5, &[Degraded { percent: 20 }]).0, [Degraded { percent: 20 }]);
    }

    #[test]
    fn one_look_is_ordered_at_a_time() {
        let bench = bench();
        bench.look(0, &[Unhealthy]);
        assert!(bench.look(1, &[Ready]).1.is_some());
        assert!(bench.look(2, &[Ready]).1.is_none());
        bench.ramps.looked(&GroupName::new("g").expect("a name"));
        assert!(bench.look(3, &[Ready]).1.is_some());
        bench.ramps.looked(&GroupName::new("g").expect("a name"));
        assert!(bench.look(10, &[Ready]).1.is_none(), "the share is whole");
    }
}
