//! What the program takes from its environment besides arguments.

use std::path::PathBuf;

/// A variable for `${NAME}` in configurations. One that is not UTF-8 counts as absent: no TOML string can hold it.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where compiled plugins are kept unless told: in the user's cache folder, or the service manager's; `None` when the
/// user has no home, and then every start compiles.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // systemd's `CacheDirectory=`.
    let managed = absolute("CACHE_DIRECTORY");
    let own = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    managed.or(own.map(|folder| folder.join("equipoise")))
}
