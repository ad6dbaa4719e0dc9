//! What the program takes from its environment besides arguments.

use std::path::PathBuf;

/// A variable for `${NAME}` in configurations. One that is not UTF-8 counts as absent: no TOML string can hold it.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where the program remembers things unless told: in the user's state folder, or the service manager's; `None` when the
/// user has no home, and then it remembers nothing.
pub(crate) fn state_folder() -> Option<PathBuf> {
    // systemd's `StateDirectory=`.
    let managed = absolute("STATE_DIRECTORY");
    let own = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    managed.or(own.map(|folder| folder.join("equipoise")))
}

fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Where compiled plugins are kept unless told: in the user's cache folder, or the service manager's; `None` when the
/// user has no home, and then every start compiles.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    // systemd's `CacheDirectory=`.
    let managed = absolute("CACHE_DIRECTORY");
    let own = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    managed.or(own.map(|folder| folder.join("equipoise")))
}
