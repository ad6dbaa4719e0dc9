//! Notices that a file *may* have changed. Whether it did is for the reader to decide, by content.
//!
//! Folders are watched rather than files: editors replace a file by renaming another over it, and a watch on the file
//! itself would follow the old one into oblivion. What counts of what happens in a folder is said by [`Places`]: a log
//! that is written beside the configuration is no reason to read it again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use self::places::Places;

mod places;

/// Changes are taken up when it has been quiet this long: a copy in progress is not a configuration.
const QUIET: Duration = Duration::from_millis(100);
/// A file that always changes must not put a reload off for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// A watch on some files, wherever links lead to them.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    places: Arc<ArcSwap<Places>>,
    /// Holds at most one event: "something happened" needs no count.
    events: mpsc::Receiver<()>,
}

impl Watch {
    /// A watch on nothing yet.
    pub(crate) fn new() -> notify::Result<Self> {
        let (sender, events) = mpsc::channel(1);
        let places = Arc::new(ArcSwap::from_pointee(Places::default()));
        let known = Arc::clone(&places);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| concerns(&known.load(), &event)) {
                // Full means that the reader was told already; closed means that nobody listens any more.
                let _ = sender.try_send(());
            }
        })?;
        Ok(Self { watcher, places, events })
    }

    /// Watches what leads to `paths` and nothing else; of a path that is a folder, the `*.toml` files in it. A folder
    /// that cannot be watched is named in the log; `reload` still works for it. Whether a folder is watched now that was
    /// not before: what happened there until now gave no event.
    pub(crate) fn follow(&mut self, paths: &[PathBuf]) -> bool {
        let mut wanted = Places::of(paths);
        let before = self.places.load_full();
        // First, so that no event of a new watch is held against the old places.
        self.places.store(Arc::new(wanted.clone()));
        for gone in before.folders.difference(&wanted.folders) {
            let _ = self.watcher.unwatch(gone);
        }
        let watcher = &mut self.watcher;
        wanted.folders.retain(|folder| before.folders.contains(folder) || watch(watcher, folder));
        let is_new = !wanted.folders.is_subset(&before.folders);
        self.places.store(Arc::new(wanted));
        is_new
    }

    /// Completes when something happened and it has been quiet since. What is read from now on can be trusted to be
    /// watched: a folder that was replaced by another of its name is watched anew.
    pub(crate) async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            // The watcher lives in `self`, so its sender does too; should that ever change, never completing is safe.
            std::future::pending::<()>().await;
        }
        let more = async { while tokio::time::timeout(QUIET, self.events.recv()).await.is_ok() {} };
        let _ = tokio::time::timeout(PATIENCE, more).await;
        let mut places = Places::clone(&self.places.load());
        places.folders.retain(|folder| {
            let _ = self.watcher.unwatch(folder);
            // Of one that is gone, what leads to it is what the next `follow` watches.
            folder.is_dir() && watch(&mut self.watcher, folder)
        });
        self.places.store(Arc::new(places));
    }
}

fn watch(watcher: &mut RecommendedWatcher, folder: &std::path::Path) -> bool {
    let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
    if let Err(error) = &watched {
        tracing::warn!(folder = %folder.display(), %error, "cannot watch; use reload instead");
    }
    watched.is_ok()
}

fn concerns(places: &Places, event: &notify::Event) -> bool {
    // Without a path, the system says that it lost events.
    !event.kind.is_access() && (event.paths.is_empty() || event.paths.iter().any(|path| places.concerns(path)))
}

#[cfg(test)]
mod tests;
