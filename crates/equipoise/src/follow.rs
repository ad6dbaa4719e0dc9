//! Takes up changed files.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::{Core, Stage};
use crate::metrics::lock;
use crate::reload::Cause;
use crate::source::Source;
use crate::watch::Watch;

impl Core {
    /// Watches the configuration's files and the plugins' components until the end.
    pub(crate) fn watch(self: &Arc<Self>) {
        let core = Arc::clone(self);
        self.runtime.spawn(async move {
            let ended = core.ended.clone();
            ended.run_until_cancelled(core.follow()).await;
        });
    }

    async fn follow(self: &Arc<Self>) {
        let mut watch = match Watch::new() {
            Ok(watch) => watch,
            Err(error) => {
                tracing::warn!(%error, "files cannot be watched; use reload instead");
                return;
            }
        };
        loop {
            // A file may have changed between being read and being watched: then it is read again at once.
            if !watch.follow(&self.watched_paths()) {
                watch.changed().await;
            }
            if self.stage() == Stage::Ready {
                // How it ended is in the log, the metrics and the status.
                let _ = self.reload(Cause::Watch, None).await;
            }
        }
    }

    /// What the configuration is read from, and what it names; also that of the one that was refused last.
    fn watched_paths(&self) -> Vec<PathBuf> {
        let serving = self.serving.load();
        let named = serving.config.named_files();
        let source = match &**self.source.load() {
            Source::Path(path) => Some(path.clone()),
            Source::Text(_) | Source::Document(_) => None,
        };
        let attempted = lock(&self.attempted).clone();
        named.into_iter().chain(source).chain(serving.files.iter().cloned()).chain(attempted).collect()
    }
}
