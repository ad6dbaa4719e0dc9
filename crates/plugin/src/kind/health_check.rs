//! World `health-check` as a [`Probe`].
//!
//! Checks wait for the network, so they are asynchronous: a waiting guest is suspended, and one that computes is
//! suspended at every tick, so that neither blocks the runtime's thread.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use equipoise_health::{Outcome, Probe, ProbeFuture};
use equipoise_target::Endpoint;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::health_check::exports::equipoise::plugin::checking::{Target, Verdict};
use crate::bindings::health_check::{HealthCheck as Bindings, HealthCheckPre};
use crate::capability::check::CheckIo;
use crate::failure::Failure;
use crate::plugin::Identity;
use crate::state::State;
use crate::template::new_store;
use crate::ticker::ticks;
use crate::{Fallback, block_on, text};

/// What one check may compute, waiting not counted: a check that loops costs no more than this at each interval.
const COMPUTING: Duration = Duration::from_millis(100);
/// Idle instances that are kept; as many checks as are due at once may run.
const MOST_IDLE: usize = 8;
const CALLS_PER_INSTANCE: u32 = 1_000;
const LONGEST_REASON: usize = 300;

pub(crate) struct HealthCheckPlugin {
    identity: Arc<Identity>,
    pre: HealthCheckPre<State>,
    config: String,
    fallback: Fallback,
    idle: Mutex<Vec<Instance>>,
}

struct Instance {
    guest: Bindings,
    store: Store<State>,
    calls: u32,
}

impl HealthCheckPlugin {
    pub(crate) fn new(
        identity: Arc<Identity>,
        pre: HealthCheckPre<State>,
        config: String,
        fallback: Fallback,
    ) -> Result<Self, Failure> {
        identity.host.ticker.cover(COMPUTING);
        let plugin = Self { identity, pre, config, fallback, idle: Mutex::default() };
        // Nothing to wait for: outside of a check, the network answers at once that there is none.
        let proven = block_on::block_on(plugin.start())?;
        plugin.keep(proven);
        Ok(plugin)
    }

    async fn start(&self) -> Result<Instance, Failure> {
        let mut store = new_store(&self.identity);
        bound_computing(&mut store);
        let started = async {
            let guest = self.pre.instantiate_async(&mut store).await?;
            let accepted = guest.equipoise_plugin_configuration().call_configure(&mut store, &self.config).await?;
            Ok((guest, accepted))
        };
        let (guest, accepted) = started.await.map_err(|error| Failure::of(&error, store.data_mut(), COMPUTING))?;
        accepted.map_err(|message| Failure::configuration(&message))?;
        Ok(Instance { guest, store, calls: 0 })
    }

    async fn check(&self, address: Endpoint) -> Result<Outcome, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.start().await?,
        };
        let Instance { guest, store, .. } = &mut instance;
        bound_computing(store);
        store.data_mut().check = Some(CheckIo::new(address, Instant::now() + self.identity.limits.time));
        let target = Target { address: address.to_string() };
        let verdict = guest.equipoise_plugin_checking().call_check(&mut *store, &target).await;
        store.data_mut().check = None;
        let verdict = verdict.map_err(|error| Failure::of(&error, store.data_mut(), COMPUTING))?;
        self.keep(instance);
        Ok(outcome(&verdict))
    }

    fn keep(&self, mut instance: Instance) {
        instance.calls += 1;
        let limiter = &instance.store.data().limiter;
        self.identity.stats.held(limiter.held());
        if instance.calls >= CALLS_PER_INSTANCE || limiter.is_nearly_full() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(instance);
        }
    }

    /// The whole check, its waits included, within the time limit.
    async fn bounded(&self, address: Endpoint) -> Outcome {
        let limit = self.identity.limits.time;
        let started = Instant::now();
        let result = match tokio::time::timeout(limit, self.check(address)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Time { limit }),
        };
        let now = Instant::now();
        self.identity.stats.called(now - started);
        result.unwrap_or_else(|failure| {
            self.identity.stats.failed(&failure, now);
            let reason = format!("plugin `{}`: {failure}", self.identity.name);
            let reason = text::one_line(&reason, LONGEST_REASON).into();
            match self.fallback {
                Fallback::Continue => Outcome::Inconclusive(reason),
                Fallback::Refuse => Outcome::Fail(reason),
            }
        })
    }
}

/// Suspends the guest at every tick, and ends it when it has computed for [`COMPUTING`]. A wait in the host may cost
/// the tick in which it ends, so the bound is a little lower for a check that waits often.
fn bound_computing(store: &mut Store<State>) {
    let mut left = ticks(COMPUTING);
    store.data_mut().begin_call();
    store.data().plugin.host.ticker.note_use();
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |context| {
        left = left.saturating_sub(1);
        if left == 0 {
            return Ok(UpdateDeadline::Interrupt);
        }
        context.data().plugin.host.ticker.note_use();
        Ok(UpdateDeadline::Yield(1))
    });
}

fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Healthy => Outcome::Pass,
        Verdict::Unhealthy(reason) => Outcome::Fail(text::one_line(reason, LONGEST_REASON).into()),
        Verdict::Unknown(reason) => Outcome::Inconclusive(text::one_line(reason, LONGEST_REASON).into()),
    }
}

impl Probe for HealthCheckPlugin {
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_> {
        Box::pin(self.bounded(address))
    }
}

impl fmt::Debug for HealthCheckPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HealthCheckPlugin").field(&self.identity.name).finish()
    }
}
