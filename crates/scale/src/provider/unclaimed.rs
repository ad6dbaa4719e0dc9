//! Launches that take a while and may be given up half way.

use std::future::Future;

use super::{Launched, ProviderError};

/// Something launched that nobody has taken over yet: it is undone when this is dropped.
struct Unclaimed<U: FnOnce(Launched)>(Option<(Launched, U)>);

impl<U: FnOnce(Launched)> Drop for Unclaimed<U> {
    fn drop(&mut self) {
        if let Some((launched, undo)) = self.0.take() {
            undo(launched);
        }
    }
}

/// Launches to the end, also when this is dropped half way; what was launched is undone then.
pub(super) async fn launch_or_undo<L, U>(launch: L, undo: U) -> Result<Launched, ProviderError>
where
    L: Future<Output = Result<Launched, ProviderError>> + Send + 'static,
    U: FnOnce(Launched) + Send + 'static,
{
    let task = tokio::spawn(async move { launch.await.map(|launched| Unclaimed(Some((launched, undo)))) });
    let ended = |reason: &str| ProviderError::Engine { attempt: "launching".to_owned(), reason: reason.to_owned() };
    // A task whose handle is dropped runs on, and drops what it comes to.
    let mut unclaimed = task.await.map_err(|error| ended(&error.to_string()))??;
    let (launched, _) = unclaimed.0.take().ok_or_else(|| ended("it is gone"))?;
    Ok(launched)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, mpsc};

    use super::*;
    use crate::provider::Handle;

    fn launched() -> Launched {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1)).into();
        Launched { handle: Handle("it".into()), address }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_launched_to_the_end_and_undone() {
        let go = Arc::new(Notify::new());
        let (undone, mut told) = mpsc::unbounded_channel();
        let wait = Arc::clone(&go);
        let launch = async move {
            wait.notified().await;
            Ok(launched())
        };
        let mut pending = Box::pin(launch_or_undo(launch, move |launched| drop(undone.send(launched))));
        assert!(futures_poll(&mut pending).await.is_none());
        drop(pending);
        go.notify_one();
        assert_eq!(told.recv().await, Some(launched()));
    }

    #[tokio::test]
    async fn what_was_taken_over_is_not_undone() {
        let (undone, mut told) = mpsc::unbounded_channel();
        let came = launch_or_undo(async { Ok(launched()) }, move |launched| drop(undone.send(launched))).await;
        assert_eq!(came.unwrap(), launched());
        assert_eq!(told.recv().await, None);
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
