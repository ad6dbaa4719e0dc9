//! Where fresh instances come from.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::Store;

use crate::failure::Failure;
use crate::plugin::Identity;
use crate::state::State;
use crate::ticker;

/// How long the first instance may take to start and to accept its configuration, off the data path.
const FIRST_START: Duration = Duration::from_secs(1);

/// A world's bindings, as far as its instances are made and called synchronously.
pub(crate) trait Guest: Send + Sized + 'static {
    /// The component with its imports and exports resolved.
    type Pre: Send + Sync + 'static;

    fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self>;
    fn configure(&self, store: &mut Store<State>, config: &str) -> wasmtime::Result<Result<(), String>>;
}

/// A guest that has accepted its configuration.
pub(crate) struct Instance<G> {
    pub(crate) guest: G,
    pub(crate) store: Store<State>,
    pub(crate) calls: u32,
}

/// Makes instances of one plugin.
pub(crate) struct Template<G: Guest> {
    pub(crate) identity: Arc<Identity>,
    pre: G::Pre,
    config: String,
    /// How long an instance may take to start while a request waits for it.
    allowance: Duration,
    /// An instance that nobody uses yet: at first the one that proved at load that the plugin works.
    spare: Mutex<Option<Box<Instance<G>>>>,
    /// A spare one is being made.
    ordered: AtomicBool,
}

impl<G: Guest> Template<G> {
    /// Makes the first instance.
    ///
    /// Heavy work belongs into `configure`, and so it may take a second here. Later instances start while a request
    /// waits; they may take the time limit of a call, or four times what the first one took where that is longer.
    pub(crate) fn new(identity: Arc<Identity>, pre: G::Pre, config: String) -> Result<Arc<Self>, Failure> {
        let started = Instant::now();
        let proven = start(&identity, &pre, &config, FIRST_START)?;
        let took = started.elapsed();
        let allowance = identity.limits.time.max(took * 4).min(FIRST_START);
        identity.host.ticker.cover(allowance);
        if took > identity.limits.time {
            tracing::warn!(plugin = %identity.name, ?took, "starting an instance takes longer than the time limit of a call; each worker pays that once");
        }
        let spare = Mutex::new(Some(Box::new(proven)));
        Ok(Arc::new(Self { identity, pre, config, allowance, spare, ordered: AtomicBool::new(false) }))
    }

    /// An instance that is ready to be called.
    pub(crate) fn fresh(&self) -> Result<Box<Instance<G>>, Failure> {
        match self.spare() {
            Some(spare) => Ok(spare),
            None => self.start().map(Box::new),
        }
    }

    /// An instance that is ready and costs nothing, if there is one.
    pub(crate) fn spare(&self) -> Option<Box<Instance<G>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Has a spare instance made while the caller goes on with the one that it has.
    pub(crate) fn order_spare(self: &Arc<Self>) {
        if self.ordered.swap(true, Relaxed) {
            return;
        }
        let template = Arc::downgrade(self);
        self.identity.host.nursery.order(move || {
            let Some(template) = template.upgrade() else { return };
            match template.start() {
                Ok(spare) => *template.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(spare)),
                Err(failure) => template.identity.stats.failed(&failure, Instant::now()),
            }
            template.ordered.store(false, Relaxed);
        });
    }

    fn start(&self) -> Result<Instance<G>, Failure> {
        start(&self.identity, &self.pre, &self.config, self.allowance)
    }
}

fn start<G: Guest>(
    identity: &Arc<Identity>,
    pre: &G::Pre,
    config: &str,
    limit: Duration,
) -> Result<Instance<G>, Failure> {
    let mut store = new_store(identity);
    identity.host.ticker.bound(&mut store, limit);
    let started = G::instantiate(pre, &mut store)
        .and_then(|guest| guest.configure(&mut store, config).map(|accepted| (guest, accepted)));
    let (guest, accepted) = started.map_err(|error| Failure::of(&error, store.data_mut(), limit))?;
    accepted.map_err(|message| Failure::configuration(&message))?;
    identity.stats.held(store.data().limiter.held());
    Ok(Instance { guest, store, calls: 0 })
}

/// Most bytes that a guest may hand over in one call or answer: the largest answer that is accepted, twice. Parts of an
/// answer may share their bytes, so the guest's own memory bounds nothing: a list of a thousand times the same text is
/// copied a thousand times, in time that no epoch interrupts.
const MOST_HANDED_OVER: usize = 2 << 20;

pub(crate) fn new_store(identity: &Arc<Identity>) -> Store<State> {
    let mut store = Store::new(&identity.host.wasm, State::new(Arc::clone(identity)));
    store.set_hostcall_fuel(MOST_HANDED_OVER);
    store.limiter(|state| &mut state.limiter);
    ticker::limit_time(&mut store);
    store
}
