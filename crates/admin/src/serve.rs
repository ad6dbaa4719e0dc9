//! Accepting connections within bounds, so that the admin address answers whatever its callers do.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use self::seats::{Seated, Seats};
use crate::control::Control;
use crate::gate::Gate;
use crate::route::router;

mod seats;

/// Prometheus, an orchestrator, a console and a few people at once. One more takes the place of a caller that keeps us
/// waiting; only when all are being answered does it wait.
const CONNECTIONS: usize = 128;
/// For a whole head, counted from the end of the answer before: so it also ends idle connections.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
const HEAD_BYTES: usize = 32 * 1024;
/// Out of descriptors, accepting again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For answers that are being written when the program ends.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// How the admin address is protected.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bearer token that every call but the three health routes must present. Needed as soon as the address can be
    /// reached from other machines.
    pub token: Option<String>,
    /// Names, besides `localhost` and addresses, that `Host` may hold.
    pub hosts: Vec<String>,
}

/// Serves the admin API on `listener` until `shutdown` completes and open answers are written (2 seconds at most).
///
/// # Errors
/// Only when the listener has no local address. Errors of single connections end those connections.
pub async fn serve(
    listener: TcpListener,
    control: Arc<dyn Control>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let gate = Gate { bind: listener.local_addr()?.ip(), hosts: options.hosts, token: options.token };
    let service = TowerToHyperService::new(router(control, gate));
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let seats = Arc::new(Seats::default());
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            stream = accept(&listener, &permits, &seats) => stream,
            () = &mut shutdown => break,
        };
        let Some((stream, permit)) = stream else { continue };
        let (seats, seat) = (Arc::clone(&seats), seats.take());
        let service = Seated { service: service.clone(), seat: Arc::clone(&seat) };
        let connection = graceful.watch(builder().serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "admin connection ended");
                    }
                }
                () = seat.asked_to_leave() => tracing::debug!("an admin connection made room"),
            }
            seats.give_back(&seat);
            drop(permit);
        });
    }
    drop(listener);
    let _ = timeout(GOODBYE_LIMIT, graceful.shutdown()).await;
    Ok(())
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(HEAD_BYTES).max_headers(64);
    builder
}

/// The next connection with its place among [`CONNECTIONS`]; `None` when accepting failed.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    seats: &Seats,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    match listener.accept().await {
        Ok((stream, _)) => {
            if permits.available_permits() == 0 {
                seats.make_room();
            }
            Some((stream, Arc::clone(permits).acquire_owned().await.ok()?))
        }
        Err(error) => {
            tracing::warn!(%error, "accepting an admin connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

#[cfg(test)]
mod tests;
