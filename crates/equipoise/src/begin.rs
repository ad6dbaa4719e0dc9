//! The first generation.

use std::sync::Arc;
use std::time::Instant;

use equipoise_config::Loaded;

use crate::core::{Core, Stage};
use crate::error::ApplyError;
use crate::reload::Cause;

impl Core {
    /// Puts the first configuration to work. When that fails, everything that was started ends.
    pub(crate) async fn begin(self: &Arc<Self>, read: Loaded) -> Result<(), ApplyError> {
        let start = Instant::now();
        let turn = self.turn.lock().await;
        let applied = self.put_to_work(read).await;
        drop(turn);
        match applied {
            Ok(changes) => {
                self.phase.send_if_modified(|stage| {
                    let starting = *stage == Stage::Starting;
                    if starting {
                        *stage = Stage::Ready;
                    }
                    starting
                });
                self.applied(Cause::Start, start.elapsed(), changes.unwrap_or_default());
                Ok(())
            }
            Err(error) => {
                self.stop_now();
                Err(error)
            }
        }
    }
}
