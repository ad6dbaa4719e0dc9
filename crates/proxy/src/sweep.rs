//! One task for each worker looks at everything that may wait too long. No request sets a timer.

use std::rc::Rc;
use std::time::Instant;

use crate::worker::Worker;

pub(crate) async fn sweep(worker: Rc<Worker>) {
    loop {
        let interval = worker.sweep_interval();
        let due = Instant::now() + interval;
        // Shorter time-outs take effect at once, not after the present interval.
        let _ = tokio::time::timeout(interval, worker.refreshed.notified()).await;
        let now = Instant::now();
        let shed_lag = worker.local.borrow().active.generation.shed_lag;
        let lag = now.saturating_duration_since(due);
        worker.shedding.set(worker.shedding.get().after(lag, shed_lag));
        worker.clock.advance(now);
        worker.upstreams.each(|upstream| upstream.sweep(now));
        worker.downstreams.each(|client| client.sweep(now));
        worker.connections.each(|connection| connection.sweep(now));
        // A view of its own: what is closed may let a request end that looks at the worker's.
        let local = Rc::clone(&worker.local.borrow());
        local.pools.iter().for_each(|pools| pools.sweep(now));
        local.stir();
        worker.tunnels.open.each(|tunnel| tunnel.sweep(now));
    }
}
