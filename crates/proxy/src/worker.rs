//! One worker: a thread that serves requests without asking any other.

pub(crate) mod clock;
pub(crate) mod local;
pub(crate) mod members;
pub(crate) mod sweep;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::AHashMap;
use equipoise_metrics::Registry;
use equipoise_target::{Endpoint, GroupName};
use socket2::Socket;
use tokio::runtime::LocalOptions;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::downstream::Downstream;
use crate::downstream::turnstile::Turnstile;
use crate::l4::{self, Relay, Stock, Table, Verdict as RelayVerdict};
use crate::limit::shed::Shedding;
use crate::listen::accept::accept;
use crate::listen::acceptor::Acceptor;
use crate::listener::Spot;
use crate::tunnel::Tunnels;
use crate::upstream::multiplex::Life;
use crate::upstream::{Upstream, Verdict};
use crate::worker::clock::Clock;
use crate::worker::local::{Active, Front, Local};
use crate::worker::members::Members;
use crate::worker::sweep::sweep;

/// How often a worker looks whether it keeps up, when it is to turn requests away else.
const SHED_LOOK: Duration = Duration::from_millis(50);

/// Shortest time between two looks for what waits too long.
pub(crate) const SHORTEST_LOOK: Duration = Duration::from_millis(5);

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve by `active` from now on, and listen on these sockets too.
    Refresh { active: Arc<Active>, sockets: Vec<(Spot, Vec<Socket>)>, done: oneshot::Sender<()> },
    /// Close what is between a group and one target.
    Cut { group: GroupName, address: Endpoint },
    /// Finish by `deadline`.
    Drain { deadline: Instant, done: oneshot::Sender<bool> },
    /// Say that orders are taken.
    Ping { done: oneshot::Sender<()> },
    /// End now.
    Stop,
}

/// One worker's state. Everything in it belongs to one thread.
#[derive(Debug)]
pub(crate) struct Worker {
    registry: Registry,
    pub(crate) local: RefCell<Rc<Local>>,
    pub(crate) clock: Clock,
    /// How many requests are turned away because the worker cannot keep up.
    pub(crate) shedding: Cell<Shedding>,
    pub(crate) upstreams: Members<Upstream>,
    /// Connections to targets that carry several requests.
    pub(crate) connections: Members<Life>,
    pub(crate) downstreams: Members<Downstream>,
    pub(crate) tunnels: Tunnels,
    /// Connections that are passed on as they are.
    pub(crate) relays: Members<Relay>,
    /// Buffers and pipes for them.
    pub(crate) stock: Stock,
    /// Sessions of datagrams, by listening socket.
    pub(crate) tables: RefCell<Vec<Rc<Table>>>,
    /// Tasks of HTTP/2 connections; among them one for each request.
    pub(crate) streams: RefCell<AHashMap<tokio::task::Id, AbortHandle>>,
    /// Sending tells an accepting task to end; what still waits is served by the view that is sent.
    accepting: RefCell<AHashMap<Endpoint, Vec<oneshot::Sender<Rc<Front>>>>>,
    /// Where TLS handshakes wait for their turn.
    pub(crate) handshakes: Turnstile,
    /// Accepting tasks that have not ended yet.
    pub(crate) listening: Cell<usize>,
    /// By when everything must have ended, once it is to end.
    pub(crate) draining: Cell<Option<Instant>>,
    /// Told when a listening task or a client's connection ends.
    pub(crate) left: Notify,
    /// When the next look for what waits too long is due.
    pub(crate) next_look: Cell<Instant>,
    /// When something has to be looked at before that.
    pub(crate) sooner: Cell<Option<Instant>>,
    /// Told when time-outs may have become shorter.
    pub(crate) refreshed: Notify,
}

/// Starts a worker and gives what it is told by.
pub(crate) fn start(index: usize, registry: &Registry) -> io::Result<mpsc::UnboundedSender<Command>> {
    let (sender, commands) = mpsc::unbounded_channel();
    let (made, result) = std::sync::mpsc::sync_channel(1);
    let registry = registry.clone();
    // Linux keeps 15 bytes of the name.
    std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        // A runtime whose tasks never leave their thread; it is not to leave it either.
        match tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let _ = made.send(Ok(())); // whoever started it waits
                runtime.block_on(Worker::run(registry, commands));
                // Tasks that are still there end with the runtime, and their connections with them.
            }
            Err(error) => drop(made.send(Err(error))),
        }
    })?;
    // An error means that the thread ended without a word.
    result.recv().unwrap_or_else(|_| Err(io::Error::other("a worker ended at its start")))?;
    Ok(sender)
}

impl Worker {
    /// Serves until told to stop, or until whoever tells is gone.
    pub(crate) async fn run(registry: Registry, mut commands: mpsc::UnboundedReceiver<Command>) {
        let worker = Rc::new(Self {
            registry,
            local: RefCell::new(Rc::new(Local::empty())),
            clock: Clock::new(),
            shedding: Cell::default(),
            upstreams: Members::new(),
            connections: Members::new(),
            downstreams: Members::new(),
            tunnels: Tunnels::new(),
            relays: Members::new(),
            stock: Stock::default(),
            tables: RefCell::default(),
            streams: RefCell::default(),
            accepting: RefCell::default(),
            handshakes: Turnstile::new(),
            listening: Cell::new(0),
            draining: Cell::new(None),
            left: Notify::new(),
            next_look: Cell::new(Instant::now()),
            sooner: Cell::new(None),
            refreshed: Notify::new(),
        });
        tokio::task::spawn_local(sweep(Rc::clone(&worker)));
        while let Some(command) = commands.recv().await {
            match command {
                Command::Refresh { active, sockets, done } => {
                    worker.refresh(active, sockets);
                    let _ = done.send(()); // whoever waited may have given up
                }
                Command::Cut { group, address } => worker.cut(&group, address),
                Command::Drain { deadline, done } => {
                    tokio::task::spawn_local(Rc::clone(&worker).drain(deadline, done));
                }
                Command::Ping { done } => drop(done.send(())),
                Command::Stop => break,
            }
        }
    }

    fn refresh(self: &Rc<Self>, active: Arc<Active>, sockets: Vec<(Spot, Vec<Socket>)>) {
        let local = Rc::new(Local::new(active, &self.registry, &self.local.borrow()));
        let earlier = self.local.replace(Rc::clone(&local));
        self.draining.set(None);
        self.stop_accepting(&earlier, |bind| !local.fronts.contains_key(bind));
        let retired_by = Instant::now() + local.active.generation.drain_timeout;
        self.downstreams.each(|client| match local.fronts.get(&client.bind).filter(|front| front.speaks_http()) {
            Some(front) => client.moved_to(front),
            None => client.retire(retired_by),
        });
        self.relays.each(|relay| match local.fronts.get(&relay.bind).filter(|front| !front.speaks_http()) {
            Some(front) => relay.moved_to(front),
            None => relay.retire(retired_by),
        });
        for table in self.tables() {
            match local.datagram_fronts.get(&table.bind).filter(|_| !table.is_retired()) {
                Some(front) => table.moved_to(front),
                None => table.retire(retired_by),
            }
        }
        for (Spot { bind, datagrams }, sockets) in sockets {
            if datagrams {
                self.take_datagrams(&local, bind, sockets);
                continue;
            }
            let tasks = sockets.into_iter().filter_map(|socket| self.listen(bind, socket)).collect();
            self.accepting.borrow_mut().insert(bind, tasks);
        }
        self.refreshed.notify_one();
    }

    /// Takes datagrams from these sockets. Those of an earlier listener on the same address are left alone from now on.
    fn take_datagrams(self: &Rc<Self>, local: &Local, bind: Endpoint, sockets: Vec<Socket>) {
        self.tables().iter().filter(|table| table.bind == bind).for_each(|table| table.close(self));
        let Some(front) = local.datagram_fronts.get(&bind) else { return };
        for socket in sockets {
            // As with connections.
            if let Err(error) = l4::listen(self, bind, front, socket) {
                tracing::error!(%error, %bind, "a worker cannot take datagrams");
            }
        }
    }

    /// A view of its own: tables go when their last session does.
    pub(crate) fn tables(&self) -> Vec<Rc<Table>> {
        self.tables.borrow().clone()
    }

    /// Takes connections from a socket until the sender that is given back is used.
    fn listen(self: &Rc<Self>, bind: Endpoint, socket: Socket) -> Option<oneshot::Sender<Rc<Front>>> {
        match Acceptor::new(socket) {
            Ok(listener) => {
                let (stay, retired) = oneshot::channel();
                tokio::task::spawn_local(accept(Rc::clone(self), bind, listener, retired));
                Some(stay)
            }
            // The reactor takes a non-blocking socket unless the process is out of descriptors or memory.
            Err(error) => {
                tracing::error!(%error, %bind, "a worker cannot listen");
                None
            }
        }
    }

    /// Ends the accepting tasks of addresses that are `gone`, which `last` had.
    fn stop_accepting(&self, last: &Local, gone: impl Fn(&Endpoint) -> bool) {
        for (bind, tasks) in self.accepting.borrow_mut().extract_if(|bind, _| gone(bind)) {
            for retired in tasks {
                if let Some(front) = last.fronts.get(&bind) {
                    let _ = retired.send(Rc::clone(front)); // a task that is gone has nothing to end
                }
            }
        }
    }

    /// The present task, if it serves a request of an HTTP/2 connection.
    pub(crate) fn stream(&self) -> Option<AbortHandle> {
        self.streams.borrow().get(&tokio::task::try_id()?).cloned()
    }

    fn cut(&self, group: &GroupName, address: Endpoint) {
        self.upstreams.each(|upstream| {
            if upstream.address == address && upstream.is_busy_for(group.as_str()) {
                upstream.judge(Verdict::Cut);
            }
        });
        self.tunnels.open.each(|tunnel| tunnel.cut(group.as_str(), address));
        self.relays.each(|relay| {
            if relay.is_between(group, address) {
                relay.judge(RelayVerdict::TargetLeft);
            }
        });
        self.tables().iter().for_each(|table| table.cut(self, group, address));
    }

    /// Lets everything finish, and cuts what is left.
    async fn drain(self: Rc<Self>, deadline: Instant, done: oneshot::Sender<bool>) {
        self.draining.set(Some(deadline));
        let local = Rc::clone(&self.local.borrow());
        self.stop_accepting(&local, |_| true);
        self.downstreams.each(|client| client.retire(deadline));
        self.relays.each(|relay| relay.retire(deadline));
        self.tables().iter().for_each(|table| table.retire(deadline));
        self.refreshed.notify_one();
        let empty = async {
            while self.listening.get() > 0 || !self.downstreams.is_empty() || !self.relays.is_empty() {
                self.left.notified().await;
            }
        };
        let clean = tokio::time::timeout_at(deadline.into(), empty).await.is_ok();
        self.downstreams.each(Downstream::cut);
        self.relays.each(|relay| relay.judge(RelayVerdict::Drained));
        self.tables().iter().for_each(|table| table.close(&self));
        let _ = done.send(clean);
    }

    /// Looks for what waits too long at `deadline`, even if that is sooner than it would.
    pub(crate) fn look_by(&self, deadline: Instant, now: Instant) {
        if deadline.max(now + SHORTEST_LOOK) < self.next_look.get() {
            self.next_look.set(deadline);
            self.sooner.set(Some(deadline));
            self.refreshed.notify_one();
        }
    }

    /// How often to look for what waits too long: often enough that the shortest time-out is late by an eighth.
    pub(crate) fn sweep_interval(&self) -> Duration {
        if self.draining.get().is_some() {
            return Duration::from_millis(50);
        }
        let local = self.local.borrow();
        let generation = &local.active.generation;
        let listeners = generation.listeners.iter().map(|listener| &listener.timeouts);
        let relayed = generation.listeners.iter().filter_map(|listener| listener.protocol.tcp());
        let sessions = generation.listeners.iter().filter_map(|listener| listener.protocol.udp());
        let groups = generation.groups.values().map(|group| group.settings());
        let shortest = listeners
            .flat_map(|timeouts| [timeouts.handshake, timeouts.head, timeouts.keep_alive, timeouts.idle])
            .chain(relayed.map(|settings| settings.idle))
            .chain(sessions.map(|settings| settings.idle))
            .chain(groups.clone().flat_map(|group| {
                let timeouts = &group.timeouts;
                [timeouts.first_byte, timeouts.idle, timeouts.stream_idle, timeouts.stream.unwrap_or(Duration::MAX)]
            }))
            .chain(groups.clone().filter_map(|group| group.timeouts.per_try))
            .chain(groups.flat_map(|group| [Some(group.pool.idle_timeout), group.timeouts.total]).flatten())
            .chain(generation.shed_lag.map(|_| SHED_LOOK * 8))
            .min();
        (shortest.unwrap_or(Duration::MAX) / 8).clamp(SHORTEST_LOOK, Duration::from_secs(1))
    }
}
