//! One task for each worker looks at everything that may wait too long. No request sets a timer.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::worker::{SHORTEST_LOOK, Worker};

pub(crate) async fn sweep(worker: Rc<Worker>) {
    // The first moment by which one of the requests has to be over.
    let mut deadline: Option<Instant> = None;
    loop {
        let now = Instant::now();
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(now));
        let interval = worker.sweep_interval().min(left.max(SHORTEST_LOOK));
        let due = now + interval;
        worker.next_look.set(due);
        // Shorter time-outs take effect at once, not after the present interval.
        let _ = tokio::time::timeout(interval, worker.refreshed.notified()).await;
        let now = Instant::now();
        let shed_lag = worker.local.borrow().active.generation.shed_lag;
        let lag = now.saturating_duration_since(due);
        worker.shedding.set(worker.shedding.get().after(lag, shed_lag));
        worker.clock.advance(now);
        deadline = worker.sooner.take();
        worker.upstreams.each(|upstream| {
            upstream.sweep(now);
            let next = upstream.deadline().filter(|next| *next > now);
            deadline = deadline.into_iter().chain(next).min();
        });
        worker.downstreams.each(|client| client.sweep(now));
        worker.connections.each(|connection| connection.sweep(now));
        // A view of its own: what is closed may let a request end that looks at the worker's.
        let local = Rc::clone(&worker.local.borrow());
        local.pools.iter().for_each(|pools| pools.sweep(now));
        worker.relays.each(|relay| relay.sweep(now));
        worker.tables().iter().for_each(|table| table.sweep(&worker, now));
        local.stir();
        worker.tunnels.open.each(|tunnel| tunnel.sweep(now));
    }
}
