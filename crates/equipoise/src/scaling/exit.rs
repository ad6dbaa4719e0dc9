//! How scaling groups end with the program: in order, at once, or in another process's hands.

use std::time::Duration;

use super::Scaling;
use crate::metrics::lock;

/// How long instances have when the program ends at once: enough to be asked.
const MOMENT: Duration = Duration::from_secs(1);

/// How often an instance may fail to stop before the program ends without it.
const OFTEN_ENOUGH: u32 = 3;

impl Scaling {
    /// Whether instances run that end with the program.
    pub(super) fn has_instances(&self) -> bool {
        !self.over.is_cancelled() && !lock(&self.state).roster.entries.is_empty()
    }

    /// Stops every instance that is not to be kept, as long as that takes; less those that cannot be stopped, which the next
    /// program finds.
    pub(super) async fn shut_down(&self) {
        self.change(|state, now| state.fleet.shut_down(now));
        let mut told = false;
        while !self.over.is_cancelled() && !self.is_shut_down() {
            if !std::mem::replace(&mut told, true) {
                tracing::info!("stopping instances");
            }
            if let Some(left) = self.cannot_stop() {
                tracing::error!(instances = left, "the program ends without these, which could not be stopped");
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.close().await;
    }

    /// Of a group whose provider never said what runs, there is nothing to wait for.
    fn is_shut_down(&self) -> bool {
        let state = lock(&self.state);
        state.roster.entries.is_empty() || state.fleet.is_shut_down()
    }

    /// Names of instances that could not be stopped, when there is nothing else to wait for.
    fn cannot_stop(&self) -> Option<String> {
        let state = lock(&self.state);
        let failed = state.roster.entries.iter().filter(|(_, entry)| entry.failed_stops >= OFTEN_ENOUGH);
        let left: Vec<_> = failed.map(|((_, instance), _)| instance.as_str()).collect();
        let is_all = state.roster.entries.values().all(|entry| entry.rests(OFTEN_ENOUGH));
        (is_all && !left.is_empty()).then(|| left.join(", "))
    }

    /// Asks every instance that is not to be kept to stop. Those that take longer are adopted by the next program.
    pub(super) async fn stop_now(&self) {
        let _ = tokio::time::timeout(MOMENT, self.shut_down()).await;
        self.close().await;
    }

    /// Leaves everything to another process.
    pub(super) async fn hand_over(&self) {
        self.close().await;
        lock(&self.state).roster.entries.clear();
    }

    /// Ends every job, and closes what is remembered when it is written.
    async fn close(&self) {
        self.over.cancel();
        let Some(me) = self.me.upgrade() else { return };
        // A thread that died has nothing left to close.
        let _ = tokio::task::spawn_blocking(move || {
            // Whoever changes something just now has come to the end of it then.
            drop(lock(&me.state));
            me.keeper.close();
        })
        .await;
    }
}
