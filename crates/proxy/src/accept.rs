//! accept: connections come in, if they may.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use equipoise_target::Endpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::connection;
use crate::local::Front;
use crate::worker::Worker;

/// First pause after an error that will not go away by itself (no descriptors, no memory), doubled up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// What a client above the limit gets. It has not said anything yet, and is not asked to.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Takes connections until `retired` brings the last view of the listener, then takes those that wait, and ends.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    bind: Endpoint,
    listener: TcpListener,
    mut retired: oneshot::Receiver<Rc<Front>>,
) {
    let _listening = Listening::new(&worker);
    let mut pause = PAUSE;
    let last = loop {
        let accepted = tokio::select! {
            biased;
            last = &mut retired => break last,
            accepted = listener.accept() => accepted,
        };
        // Looked up for each connection: a view that is kept while nobody comes keeps its generation, plugins and all.
        let front = worker.local.borrow().fronts.get(&bind).cloned();
        match (accepted, &front) {
            (Ok((stream, peer)), Some(front)) => {
                pause = PAUSE;
                admit(&worker, front, stream, peer);
            }
            (Err(error), Some(front)) if is_shortage(&error) => {
                front.fault("accept-shortage");
                tracing::warn!(%error, %bind, "cannot accept connections");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            // The client was gone before it was accepted.
            _ => {}
        }
    };
    // Without one, the worker itself has ended.
    if let Ok(front) = last {
        accept_rest(&worker, &front, listener);
    }
}

/// Takes what waits in the queue of a socket that is about to be closed: those clients believe that they are connected.
fn accept_rest(worker: &Rc<Worker>, front: &Rc<Front>, listener: TcpListener) {
    // Non-blocking, as it was before tokio had it.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, peer)) = listener.accept() {
        let adopted = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        if let Ok(stream) = adopted {
            admit(worker, front, stream, peer);
        }
    }
}

fn admit(worker: &Rc<Worker>, front: &Rc<Front>, stream: TcpStream, peer: SocketAddr) {
    if !front.listener().access.permits(peer.ip()) {
        front.fault("access-denied");
        return;
    }
    let Some(seat) = Seat::take(&front.place().connections, front.listener().limits.connections) else {
        front.fault("too-many-connections");
        if front.listener().protocol.tls().is_none() {
            // The socket's buffer is empty, so this goes out at once or not at all.
            let _ = stream.try_write(FULL);
        }
        return;
    };
    // Without it small answers wait for acknowledgements; the connection works all the same.
    let _ = stream.set_nodelay(true);
    front.stats.accepted.increment();
    tokio::task::spawn_local(connection::run(Rc::clone(worker), Rc::clone(front), stream.into(), peer.ip(), seat));
}

fn is_shortage(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// A place among the listener's connections, of all workers together.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(seats: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let seat = Self(Arc::clone(seats)); // given back by its drop, also when it was one too many
        (seats.fetch_add(1, Relaxed) < limit).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Counts an accepting task while it runs.
struct Listening(Rc<Worker>);

impl Listening {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.listening.set(worker.listening.get() + 1);
        Self(Rc::clone(worker))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listening.set(self.0.listening.get() - 1);
        self.0.left.notify_waiters();
    }
}
