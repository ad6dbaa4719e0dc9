//! What the shell tells of an instance.

use equipoise_target::HookName;

use crate::provider::Launched;

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It runs.
    Launched(Launched),
    /// It could not be started, or a launch was given up.
    LaunchFailed(String),
    /// It passed its first check: it may join.
    Passed,
    /// It ended without having been asked to.
    Ended(String),
    /// Its target's checks changed their mind.
    Health {
        /// Whether it passes.
        healthy: bool,
        /// Why not.
        reason: String,
    },
    /// It left the target group and its last request has ended, or was cut.
    Drained,
    /// It is gone.
    Stopped,
    /// It could not be stopped; it is tried again.
    StopFailed(String),
    /// A hook has ended.
    Hooked {
        /// Which.
        hook: HookName,
        /// Why it did not agree, if it did not.
        failure: Option<String>,
    },
}
