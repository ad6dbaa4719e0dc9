//! The data plane as the rest of the program sees it: started, given generations, drained.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use arc_swap::ArcSwap;
use equipoise_metrics::{Registry, Sample};
use equipoise_target::{Endpoint, GroupName, ListenerName};
use socket2::Type;
use tokio::sync::{mpsc, oneshot};

use crate::listen::bind::BindError;
use crate::listen::places::Places;
use crate::stats::ListenerStats;
use crate::worker::local::{Active, Local};
use crate::worker::{self, Command};
use crate::{Generation, InheritedSocket, Listener};

/// Workers that serve requests, each a thread with everything that it needs to itself: listening sockets, connections to
/// targets, its view of the generation.
///
/// Dropping it ends the workers at once, with all connections.
#[derive(Debug)]
pub struct DataPlane {
    registry: Registry,
    active: Arc<ArcSwap<Active>>,
    workers: Vec<mpsc::UnboundedSender<Command>>,
    /// Addresses that are listened on.
    places: Places,
    /// Held while a generation is applied, so that two cannot overtake each other.
    applying: tokio::sync::Mutex<()>,
}

/// A listener and how busy it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerStatus {
    /// Its name.
    pub name: ListenerName,
    /// Where it listens, with the port that was found where the configuration says 0.
    pub address: Endpoint,
    /// Connections that are open now.
    pub connections: u64,
    /// Requests that came in while a listener of this name was there.
    pub requests: u64,
}

impl DataPlane {
    /// Starts `workers` threads. They serve nothing until a generation is applied.
    ///
    /// # Errors
    /// The error of making a runtime or starting a thread.
    pub fn start(workers: NonZeroUsize, registry: &Registry) -> io::Result<Self> {
        let senders = (0..workers.get()).map(|index| worker::start(index, registry));
        let senders = senders.collect::<io::Result<_>>()?;
        let active = Arc::new(ArcSwap::new(Local::empty().active));
        report(registry, &active);
        Ok(Self {
            registry: registry.clone(),
            active,
            workers: senders,
            places: Places::default(),
            applying: tokio::sync::Mutex::default(),
        })
    }

    /// Makes `generation` what new requests are served by.
    ///
    /// Listeners with new addresses are bound first; when one cannot be, nothing changes. Listeners that are gone serve
    /// what waits to be accepted, and let their connections finish within the generation's drain time-out. Returns when
    /// every worker has taken over.
    ///
    /// # Errors
    /// [`BindError`] when an address cannot be listened on, is there twice, or the data plane was stopped.
    pub async fn apply(&self, generation: Generation) -> Result<(), BindError> {
        let _turn = self.applying.lock().await;
        refuse_twins(&generation.listeners)?;
        let mut sockets = self.places.listen(&generation.listeners, self.workers.len())?;
        let places = self.places.of(&generation.listeners);
        let earlier = self.active.load();
        for (name, group) in &generation.groups {
            group.follows(earlier.generation.groups.get(name).map(Arc::as_ref));
        }
        let active = Arc::new(Active::new(generation, places));
        self.active.store(Arc::clone(&active));
        let mut answers = Vec::new();
        for worker in &self.workers {
            let (done, answer) = oneshot::channel();
            let sockets = sockets.iter_mut().filter_map(|(spot, hands)| Some((*spot, hands.pop()?))).collect();
            let command = Command::Refresh { active: Arc::clone(&active), sockets, done };
            worker.send(command).map_err(|_| BindError::Stopped)?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.map_err(|_| BindError::Stopped)?;
        }
        Ok(())
    }

    /// Names and addresses that are listened on, with the ports that were found where the configuration says 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<(ListenerName, Endpoint)> {
        let active = self.active.load();
        let listeners = active.generation.listeners.iter().zip(&active.places);
        listeners.map(|(listener, place)| (listener.name.clone(), place.address)).collect()
    }

    /// Every listener and how busy it is.
    #[must_use]
    pub fn listeners(&self) -> Vec<ListenerStatus> {
        let row = |(name, address): (ListenerName, Endpoint)| {
            let stats = ListenerStats::new(&self.registry, name.as_str());
            let connections = u64::try_from(stats.active.value()).unwrap_or(0);
            ListenerStatus { name, address, connections, requests: stats.requests.value() }
        };
        self.addresses().into_iter().map(row).collect()
    }

    /// Reads the generation that new requests are served by.
    pub fn generation<R>(&self, read: impl FnOnce(&Generation) -> R) -> R {
        read(&self.active.load().generation)
    }

    /// The registry that requests are counted in.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Cuts what is still under way between `group` and the target at `address`: connections to it are closed, clients
    /// see their responses end early. Requests that can be tried elsewhere are. For the end of a deregistration delay.
    pub fn cut(&self, group: &GroupName, address: Endpoint) {
        for worker in &self.workers {
            // A worker that is gone has nothing left to cut.
            let _ = worker.send(Command::Cut { group: group.clone(), address });
        }
    }

    /// Stops accepting, lets requests finish and connections end, and cuts what is left after `limit`. Whether nothing
    /// had to be cut.
    pub async fn drain(&self, limit: Duration) -> bool {
        let _turn = self.applying.lock().await;
        // Before the workers take what waits: what comes after that is refused, and does not wait in vain.
        self.places.clear();
        let deadline = Instant::now() + limit;
        let mut answers = Vec::new();
        for worker in &self.workers {
            let (done, answer) = oneshot::channel();
            if worker.send(Command::Drain { deadline, done }).is_ok() {
                answers.push(answer);
            }
        }
        let mut clean = true;
        for answer in answers {
            clean &= answer.await.unwrap_or(false);
        }
        clean
    }

    /// Ends the workers with everything that they are doing.
    pub fn stop_now(&self) {
        for worker in &self.workers {
            let _ = worker.send(Command::Stop);
        }
    }

    /// Takes over sockets that somebody else bound, for listeners of generations to come. What no listener of the next one
    /// wants is closed, unless the service manager keeps it.
    pub fn inherit(&self, sockets: Vec<InheritedSocket>) {
        self.places.inheritance.add(sockets);
    }

    /// An inherited socket for somebody who is no listener: the one of this name, or else the one of this address.
    ///
    /// # Errors
    /// The operating system's.
    pub fn claim(&self, name: &str, address: Endpoint) -> io::Result<Option<InheritedSocket>> {
        Ok(self.places.inheritance.claim(name, address, Type::STREAM)?.pop())
    }

    /// Every listening socket once more, for a process that is to take this one's place.
    ///
    /// # Errors
    /// The operating system's.
    pub fn hand_over(&self) -> io::Result<Vec<InheritedSocket>> {
        let names: BTreeMap<_, _> = self
            .generation(|now| now.listeners.iter().map(|listener| (listener.spot(), listener.name.clone())).collect());
        self.places.hand_over(|spot| names.get(&spot).cloned())
    }

    /// Another process serves on our sockets: the files of Unix sockets are its own now.
    pub fn handed_over(&self) {
        self.places.leave();
    }

    /// Whether every worker takes orders, as it does unless something keeps it from its work.
    pub async fn responds(&self) -> bool {
        let mut answers = Vec::new();
        for worker in &self.workers {
            let (done, answer) = oneshot::channel();
            if worker.send(Command::Ping { done }).is_err() {
                return false;
            }
            answers.push(answer);
        }
        for answer in answers {
            if answer.await.is_err() {
                return false;
            }
        }
        true
    }
}

fn refuse_twins(listeners: &[Listener]) -> Result<(), BindError> {
    for (position, listener) in listeners.iter().enumerate() {
        let twin = listeners[..position].iter().find(|other| other.spot() == listener.spot());
        if let Some(first) = twin.filter(|_| listener.bind.port() != Some(0)) {
            let (first, second) = (first.name.clone(), listener.name.clone());
            return Err(BindError::Shared { first, second, address: listener.bind });
        }
    }
    Ok(())
}

/// Values that are kept in the targets' records and the log, read when somebody asks.
fn report(registry: &Registry, active: &Arc<ArcSwap<Active>>) {
    let active = Arc::downgrade(active);
    registry.collect(move |sample: &mut Sample| {
        let Some(active) = active.upgrade() else { return };
        let active = active.load();
        for listener in &active.generation.listeners {
            certificates(sample, listener);
        }
        for (name, group) in &active.generation.groups {
            for member in group.snapshot().membership().members() {
                let address = member.target.address().to_string();
                let labels = [("group", name.as_str()), ("target", address.as_str())];
                let in_flight = member.target.in_flight();
                sample.gauge("equipoise_target_in_flight", "Requests under way", &labels, in_flight);
                if group.settings().breaker.is_some() {
                    let open = !member.target.circuit().state().is_closed();
                    sample.gauge("equipoise_target_circuit_open", "Whether requests avoid the target", &labels, open);
                }
            }
            if group.settings().limits.is_limited() {
                let waiting = u32::try_from(group.tally().line.len()).unwrap_or(u32::MAX);
                let labels = [("group", name.as_str())];
                sample.gauge("equipoise_queue_waiting", "Requests in line for a place at a target", &labels, waiting);
            }
        }
        if let Some(log) = &active.generation.access_log {
            let help = "Lines of the access log that were dropped because it could not be written fast enough";
            sample.counter("equipoise_access_log_dropped_total", help, &[], log.dropped());
        }
    });
}

/// When each certificate of a listener ends.
fn certificates(sample: &mut Sample, listener: &Listener) {
    let Some(tls) = listener.protocol.tls() else { return };
    for certificate in &tls.settings().certificates {
        let name = certificate.names().next().unwrap_or_default();
        let key = certificate.key_type().as_str();
        let labels = [("listener", listener.name.as_str()), ("certificate", name.as_str()), ("key", key)];
        let ends = certificate.expires().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let help = "When a certificate ends, in seconds since 1970";
        sample.gauge("equipoise_tls_certificate_expiry_timestamp_seconds", help, &labels, ends);
    }
}
