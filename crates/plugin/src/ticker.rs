//! The clock that ends guests: one thread that advances the engine's epoch.
//!
//! Compiled guest code compares the epoch with its deadline at loop heads and function entries. A tick costs a wake-up,
//! so the thread sleeps while no guest was called for longer than any call may last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::{Engine, Store, UpdateDeadline};

use crate::state::State;

/// Length of a tick. With it a limit of 1 ms ends between 1.0 and 1.5 ms.
pub(crate) const TICK: Duration = Duration::from_micros(500);

/// Ticks until a limit has certainly passed: one more than fit into it, because the first may come at once.
pub(crate) fn ticks(limit: Duration) -> u64 {
    let whole = limit.as_micros().div_ceil(TICK.as_micros());
    u64::try_from(whole).unwrap_or(u64::MAX - 1).max(1) + 1
}

/// Ends calls on `store` at the deadline that [`Ticker::bound`] sets.
///
/// The limit is wall-clock time, but the operating system may have run something else meanwhile (a busy machine, a
/// container at its quota), which is not the guest's fault. So a call at its limit gets a grace: half the limit, in
/// processor time of its thread. A loop thus ends at one and a half times its limit, and a call that was only held up
/// goes on.
pub(crate) fn limit_time(store: &mut Store<State>) {
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        let (now, grace) = (processor_time(), state.plugin.limits.time / 2);
        let since = *state.overrun.get_or_insert(now);
        // The next tick is half a tick away on the average: nearer to the grace is near enough.
        let over = now.saturating_sub(since) + TICK / 2 >= grace;
        Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
}

/// Processor time that the calling thread has used.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // A clock that counts up from 0 has no negative parts.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Without such a clock, time is wall-clock time and the grace is half the limit of that.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

#[derive(Debug)]
struct Shared {
    /// A guest was called since the thread looked last. Written only when it changes: the line stays shared.
    used: AtomicBool,
    asleep: AtomicBool,
    stop: AtomicBool,
    /// Ticks that the longest call of any loaded plugin may take.
    longest: AtomicU64,
}

/// Ends the thread when dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    /// Always there until `drop`.
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        Self::covering(engine, Duration::from_secs(1))
    }

    fn covering(engine: Engine, longest: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            used: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            longest: AtomicU64::new(ticks(longest)),
        });
        let run = Arc::clone(&shared);
        let thread = thread::Builder::new().name("plugin-ticker".into()).spawn(move || run.run(&engine))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Gives the next call on `store` so much time.
    pub(crate) fn bound(&self, store: &mut Store<State>, limit: Duration) {
        self.note_use();
        store.data_mut().begin_call();
        store.set_epoch_deadline(ticks(limit));
    }

    /// To be called before guest code runs (again): makes sure that time passes.
    pub(crate) fn note_use(&self) {
        if !self.shared.used.load(Relaxed) {
            self.shared.used.store(true, SeqCst);
            self.wake();
        }
    }

    /// Time does not stand still within `limit` after a call began.
    pub(crate) fn cover(&self, limit: Duration) {
        self.shared.longest.fetch_max(ticks(limit), Relaxed);
    }

    fn wake(&self) {
        if self.shared.asleep.load(SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread holds nothing that could panic; were it to, there would be nothing left to do about it.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, engine: &Engine) {
        let mut idle = 0;
        while !self.stop.load(Relaxed) {
            // A timed park rather than a sleep: dropping the host need not wait for the tick.
            thread::park_timeout(TICK);
            engine.increment_epoch();
            idle = if self.used.swap(false, SeqCst) { 0 } else { idle + 1 };
            if idle > self.longest.load(Relaxed).saturating_mul(2) {
                self.sleep();
                idle = 0;
            }
        }
    }

    /// Sleeps until a guest is called. A caller that sets `used` before `asleep` is seen by the loop's condition; one
    /// that sets it after sees `asleep` and unparks. Sequential consistency rules out that both miss.
    fn sleep(&self) {
        self.asleep.store(true, SeqCst);
        while !self.used.load(SeqCst) && !self.stop.load(SeqCst) {
            thread::park();
        }
        self.asleep.store(false, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_deadline_is_never_early() {
        assert_eq!(ticks(Duration::from_millis(1)), 3);
        assert_eq!(ticks(Duration::from_micros(600)), 3);
        assert_eq!(ticks(Duration::ZERO), 2);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }

    #[test]
    fn the_clock_stops_when_nobody_needs_it_and_goes_on_when_somebody_does() {
        let ticker = Ticker::covering(Engine::default(), TICK).unwrap();
        let until = |asleep, meanwhile: &dyn Fn()| {
            let started = Instant::now();
            while ticker.shared.asleep.load(SeqCst) != asleep {
                meanwhile();
                assert!(started.elapsed() < Duration::from_secs(20), "never asleep = {asleep}");
                thread::yield_now();
            }
        };
        for _ in 0..20 {
            until(true, &|| {});
            // Used all the time, because it may fall asleep again before we look.
            until(false, &|| ticker.note_use());
        }
    }
}
