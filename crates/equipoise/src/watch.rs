//! Notices that a file *may* have changed. Whether it did is for the reader to decide, by content.
//!
//! Parent folders are watched rather than files: editors replace a file by renaming another over it, and Kubernetes
//! swaps a symbolic link (`..data`) two levels up; a watch on the file itself would follow the old one into oblivion.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Changes are taken up when it has been quiet this long: a copy in progress is not a configuration.
const QUIET: Duration = Duration::from_millis(100);
/// A folder in which something always happens (a log beside the configuration) must not put a reload off for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// A watch on the folders of some files.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    /// Holds at most one event: "something happened" needs no count.
    events: mpsc::Receiver<()>,
}

impl Watch {
    /// A watch on nothing yet.
    pub(crate) fn new() -> notify::Result<Self> {
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let only_read = event.is_ok_and(|event| event.kind.is_access());
            if !only_read {
                // Full means that the reader was told already; closed means that nobody listens any more.
                let _ = sender.try_send(());
            }
        })?;
        Ok(Self { watcher, folders: BTreeSet::new(), events })
    }

    /// Watches the folders of `paths` (a path that is a folder stands for itself) and no others. A folder that cannot
    /// be watched is named in the log; `reload` still works for it. Whether a folder is watched now that was not before:
    /// what happened there until now gave no event.
    pub(crate) fn follow(&mut self, paths: &[PathBuf]) -> bool {
        let wanted: BTreeSet<_> = paths.iter().flat_map(|path| folders_of(path)).collect();
        for gone in self.folders.difference(&wanted) {
            let _ = self.watcher.unwatch(gone);
        }
        let mut watched: BTreeSet<PathBuf> = self.folders.intersection(&wanted).cloned().collect();
        let known = watched.len();
        for new in wanted.difference(&self.folders) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(new.clone());
                }
                Err(error) => tracing::warn!(folder = %new.display(), %error, "cannot watch; use reload instead"),
            }
        }
        self.folders = watched;
        self.folders.len() > known
    }

    /// Completes when something happened and it has been quiet since.
    pub(crate) async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            // The watcher lives in `self`, so its sender does too; should that ever change, never completing is safe.
            std::future::pending::<()>().await;
        }
        let more = async { while tokio::time::timeout(QUIET, self.events.recv()).await.is_ok() {} };
        let _ = tokio::time::timeout(PATIENCE, more).await;
    }
}

/// The folder in which `path` stands, and the one in which the file really lies when links lead elsewhere.
fn folders_of(path: &Path) -> Vec<PathBuf> {
    let folder = |path: &Path| match path.parent() {
        _ if path.is_dir() => path.to_owned(),
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    };
    let mut folders = vec![folder(path)];
    folders.extend(path.canonicalize().ok().map(|real| folder(&real)));
    folders
}
