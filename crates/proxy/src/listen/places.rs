//! Where the process listens: its sockets, whoever bound them, from the generation that wants them to the one that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use equipoise_target::{Endpoint, ListenerName};
use socket2::{Socket, Type};

use crate::Listener;
use crate::door::Door;
use crate::listen::bind::{BindError, Bound};
use crate::listen::descriptors::Budget;
use crate::listen::inherited::{Inheritance, InheritedSocket};
use crate::listener::Spot;
use crate::worker::local::Place;

/// New sockets by the address in the configuration, a hand for each worker.
pub(crate) type Hands = Vec<(Spot, Vec<Vec<Socket>>)>;

/// Addresses that are listened on.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By the address in the configuration.
    open: Mutex<BTreeMap<Spot, (Place, Bound)>>,
    /// Where datagrams were taken once: sessions that are still to end may hold the port.
    datagrams: Mutex<BTreeSet<Endpoint>>,
    /// Sockets that somebody else bound, until a listener wants them.
    pub(crate) inheritance: Inheritance,
    /// How many clients there are descriptors for.
    budget: Arc<Budget>,
}

impl Places {
    /// Listens on every new address, and no longer on those that are gone. Gives the new sockets, dealt to the workers.
    pub(crate) fn listen(&self, listeners: &[Listener], workers: usize) -> Result<Hands, BindError> {
        let mut fresh = BTreeMap::new();
        let mut sockets = Vec::new();
        for listener in listeners.iter().filter(|listener| !self.lock().contains_key(&listener.spot())) {
            fresh.insert(listener.spot(), self.bind(listener, workers).map_err(failed(listener))?);
        }
        for (spot, bound) in &fresh {
            // It was made of these listeners.
            let Some(listener) = listeners.iter().find(|listener| listener.spot() == *spot) else { continue };
            bound.listen(&listener.socket).map_err(failed(listener))?;
            sockets.push((*spot, bound.deal(workers).map_err(failed(listener))?));
        }
        // Nothing fails from here on.
        let mut places = self.lock();
        for listener in listeners {
            if let Some((_, bound)) = places.get(&listener.spot())
                && let Err(error) = bound.listen(&listener.socket)
            {
                tracing::warn!(%error, listener = %listener.name, "the sockets cannot be set up as configured");
            }
        }
        places.retain(|spot, _| listeners.iter().any(|listener| listener.spot() == *spot));
        places.extend(fresh.into_iter().map(|(spot, bound)| (spot, (self.place(bound.address), bound))));
        let open = places.values().map(|(_, bound)| bound.count()).sum();
        let wanted = listeners.iter().map(|listener| listener.limits.connections).fold(0, usize::saturating_add);
        self.budget.renew(workers, open, wanted);
        self.inheritance.settle();
        Ok(sockets)
    }

    /// Inherited sockets, or new ones, one for each worker.
    fn bind(&self, listener: &Listener, workers: usize) -> io::Result<Bound> {
        let Spot { bind, datagrams } = listener.spot();
        let kind = if datagrams { Type::DGRAM } else { Type::STREAM };
        let inherited = self.inheritance.claim(listener.name.as_str(), listener.bind, kind)?;
        if let Some(bound) = Bound::adopt(inherited, &listener.socket)? {
            return Ok(bound);
        }
        // A port of ours that is to be let go may overlap with a new address: 0.0.0.0:80 with 127.0.0.1:80.
        let shares = |spot: &Spot| spot.datagrams == datagrams && spot.bind.port() == bind.port();
        let was_ours = datagrams && !self.datagrams().insert(bind);
        let ours = was_ours || self.lock().keys().any(shares);
        Bound::new(listener.bind, kind, &listener.socket, workers, ours)
    }

    fn place(&self, address: Endpoint) -> Place {
        let budget = Arc::clone(&self.budget);
        Place { address, connections: Arc::default(), sources: Arc::default(), budget, door: None }
    }

    /// The place of each listener, all of which are listened on, with the door that the listener wants.
    pub(crate) fn of(&self, listeners: &[Listener]) -> Vec<Place> {
        let mut places = self.lock();
        let mut of = |listener: &Listener| {
            let (place, _) = places.get_mut(&listener.spot())?;
            place.door = Door::new(listener, place.door.as_deref()).map(Arc::new);
            Some(place.clone())
        };
        listeners.iter().filter_map(&mut of).collect()
    }

    /// Every socket once more; `name` gives the listener at an address.
    pub(crate) fn hand_over(&self, name: impl Fn(Spot) -> Option<ListenerName>) -> io::Result<Vec<InheritedSocket>> {
        let mut sockets = Vec::new();
        for (spot, (_, bound)) in self.lock().iter() {
            // The address tells whose they are, unless it was found where the configuration says any.
            let name = name(*spot).filter(|_| spot.bind.port() == Some(0));
            sockets.extend(bound.hand_over(name.as_ref().map(ListenerName::as_str))?);
        }
        Ok(sockets)
    }

    /// Closes them, and leaves the files of Unix sockets to a successor.
    pub(crate) fn leave(&self) {
        for (_, bound) in std::mem::take(&mut *self.lock()).into_values() {
            bound.leave();
        }
    }

    /// Closes them. The workers still have theirs.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn datagrams(&self) -> MutexGuard<'_, BTreeSet<Endpoint>> {
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner) // as below
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Spot, (Place, Bound)>> {
        // Every change is one step: a panic leaves the map whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(listener: &Listener) -> impl FnOnce(io::Error) -> BindError {
    let (listener, address) = (listener.name.clone(), listener.bind);
    move |source| BindError::Bind { listener, address, source }
}
