//! One instance: its socket, its store, and how it ends.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::instance::Instance;
use crate::route::router;
use crate::store::{Store, StoreError};

/// Requests under way get this long once the end was asked for.
const GOODBYE_LIMIT: Duration = Duration::from_secs(10);

/// How an instance is started.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Address to listen on; port 0 lets the system choose. `127.0.0.1:0` by default.
    pub bind: SocketAddr,
    /// Folder of the data file; made when it is missing.
    pub data: PathBuf,
    /// Name in every answer; `todo-PORT` by default.
    pub name: Option<String>,
    /// CPU time that every request on the todo routes and the echo costs; 10 seconds at most, nothing by default.
    pub work: Duration,
}

impl Options {
    /// An instance with its data in `data` and defaults for the rest.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self { bind: (Ipv4Addr::LOCALHOST, 0).into(), data, name: None, work: Duration::ZERO }
    }
}

/// Why an instance did not start or did not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("listening on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The store does not open.
    #[error("opening the store in {}", folder.display())]
    Store {
        /// The data folder.
        folder: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The listener broke.
    #[error("serving")]
    Serve(#[source] io::Error),
}

/// An instance that listens (clients may connect) and waits to be [run](Service::run).
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
    instance: Instance,
}

impl Service {
    /// Opens the store and the socket.
    ///
    /// # Errors
    /// When either does not open.
    pub async fn start(options: Options) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Bind { address: options.bind, source };
        let listener = TcpListener::bind(options.bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let store = open(options.data).await?;
        let name = options.name.unwrap_or_else(|| format!("todo-{}", address.port()));
        Ok(Self { listener, address, instance: Instance::new(name, options.work, store) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Name in every answer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.instance.name
    }

    /// Serves until `shutdown` completes and the requests under way are answered (10 seconds at most).
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let (ending, ended) = oneshot::channel();
        let shutdown = async move {
            shutdown.await;
            let _ = ending.send(());
        };
        let serving = axum::serve(self.listener, router(self.instance)).with_graceful_shutdown(shutdown);
        let too_late = async {
            // An error means that the shutdown future was dropped: serving is over.
            let _ = ended.await;
            let _ = timeout(GOODBYE_LIMIT, std::future::pending::<()>()).await;
        };
        tokio::select! {
            served = serving => served.map_err(ServeError::Serve),
            () = too_late => Ok(()),
        }
    }
}

async fn open(folder: PathBuf) -> Result<Store, ServeError> {
    let failed = |folder: PathBuf, source| ServeError::Store { folder, source };
    let place = folder.clone();
    match tokio::task::spawn_blocking(move || Store::open(place)).await {
        Ok(store) => store.map_err(|error: StoreError| failed(folder, error.into())),
        Err(error) => Err(failed(folder, error.into())),
    }
}

#[cfg(test)]
mod tests;
