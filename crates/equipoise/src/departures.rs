//! Targets that left their group and finish what they have in flight: the deregistration delay.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use equipoise_target::{Endpoint, GroupName, Target};
use tokio::time::Instant;

/// How often a departed target is asked whether it is done. Only status pages and the end of the delay depend on it.
const LOOK: Duration = Duration::from_millis(100);

/// A target on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Departure {
    pub(crate) group: GroupName,
    pub(crate) target: Arc<Target>,
    /// When what is still in flight is cut.
    pub(crate) deadline: Instant,
}

/// All targets on their way out.
#[derive(Debug, Default)]
pub(crate) struct Departures(Mutex<Vec<Departure>>);

impl Departures {
    /// What is on its way out now.
    pub(crate) fn all(&self) -> Vec<Departure> {
        self.lock().clone()
    }

    /// Adds those that left, and forgets those that `is_member` says came back.
    pub(crate) fn update(&self, left: Vec<Departure>, is_member: impl Fn(&GroupName, Endpoint) -> bool) {
        let mut list = self.lock();
        list.extend(left);
        list.retain(|departure| !is_member(&departure.group, departure.target.address()));
    }

    /// Adds one that left, unless it is on its way out already: gives the departure that is under way.
    pub(crate) fn begin(&self, departure: Departure) -> Departure {
        let mut list = self.lock();
        let known = list.iter().find(|other| Arc::ptr_eq(&other.target, &departure.target));
        known.cloned().unwrap_or_else(|| {
            list.push(departure.clone());
            departure
        })
    }

    /// Waits until nothing of `departure` is in flight, it came back, or its delay is over; then forgets it. True when
    /// the delay ended with requests in flight, which are now the caller's to cut.
    pub(crate) async fn finish(&self, departure: &Departure) -> bool {
        loop {
            if !self.holds(departure) {
                return false;
            }
            let done = departure.target.in_flight() == 0;
            if done || Instant::now() >= departure.deadline {
                self.lock().retain(|other| !Arc::ptr_eq(&other.target, &departure.target));
                return !done;
            }
            tokio::time::sleep(LOOK.min(departure.deadline - Instant::now())).await;
        }
    }

    fn holds(&self, departure: &Departure) -> bool {
        self.lock().iter().any(|other| Arc::ptr_eq(&other.target, &departure.target))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Departure>> {
        // Every change of the list is one call that cannot panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departure(delay: Duration) -> Departure {
        let target = Arc::new(Target::new(([127, 0, 0, 1], 1)));
        Departure { group: GroupName::new("g").unwrap(), target, deadline: Instant::now() + delay }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_target_leaves_at_once_and_a_busy_one_at_its_last_byte() {
        let (departures, gone) = (Departures::default(), departure(Duration::from_secs(30)));
        departures.update(vec![gone.clone()], |_, _| false);
        let lease = gone.target.lease();
        let start = Instant::now();
        let release = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            drop(lease);
        };
        let (cut, ()) = tokio::join!(departures.finish(&gone), release);
        assert!(!cut && start.elapsed() < Duration::from_secs(8));
        assert!(departures.all().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_outlasts_the_delay_is_cut_at_its_end() {
        let (departures, gone) = (Departures::default(), departure(Duration::from_secs(30)));
        departures.update(vec![gone.clone()], |_, _| false);
        let (_lease, start) = (gone.target.lease(), Instant::now());
        assert!(departures.finish(&gone).await);
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_came_back_is_not_cut() {
        let (departures, gone) = (Departures::default(), departure(Duration::from_secs(30)));
        departures.update(vec![gone.clone()], |_, _| false);
        let _lease = gone.target.lease();
        departures.update(Vec::new(), |_, _| true);
        assert!(!departures.finish(&gone).await);
    }
}
