//! What the program takes from its environment besides arguments.

/// A variable for `${NAME}` in configurations. One that is not UTF-8 counts as absent: no TOML string can hold it.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
