//! What the routes share: the instance's name, its store and its cores.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::store::{Store, StoreError};
use crate::work::Work;

/// Store calls at once; the engine has one writer anyhow.
const STORE_CALLS: usize = 32;

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) work: Work,
    /// Work of every request, besides what it asks for itself.
    pub(crate) base_work: Duration,
    store: Arc<Store>,
    calls: Semaphore,
}

impl Instance {
    pub(crate) fn new(name: String, base_work: Duration, store: Store) -> Self {
        let (store, calls) = (Arc::new(store), Semaphore::new(STORE_CALLS));
        Self { name, work: Work::new(), base_work, store, calls }
    }

    /// Calls the store off the async threads: it blocks on the disk.
    pub(crate) async fn store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The semaphore is never closed; were it, calling without a place would still be right.
        let _place = self.calls.acquire().await.ok();
        let store = Arc::clone(&self.store);
        // Not aborted anywhere, so the only way to fail is a panic in the engine: the store is then as good as gone.
        spawn_blocking(move || call(&store)).await.unwrap_or(Err(StoreError::TakenAway))
    }
}
