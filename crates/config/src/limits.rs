//! How much configuration is accepted. A generated file that is ten times too big is a mistake upstream: it is refused
//! with a sentence, before it costs memory or time.

/// Bytes of all files together, and of what `${…}` adds to them.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Files of a configuration folder.
pub const MAX_FILES: usize = 256;
/// Listeners.
pub const MAX_LISTENERS: usize = 1_000;
/// Rules of all listeners together.
pub const MAX_RULES: usize = 10_000;
/// Target groups.
pub const MAX_TARGET_GROUPS: usize = 10_000;
/// Targets of all groups together.
pub const MAX_TARGETS: usize = 10_000;
/// Slots of all hash tables together: 200 MB.
pub const MAX_HASH_SLOTS: usize = 50_000_000;
/// Plugins.
pub const MAX_PLUGINS: usize = 1_000;
/// Scaling groups.
pub const MAX_SCALING_GROUPS: usize = 1_000;
/// Policies of one scaling group, and hooks of one.
pub const MAX_POLICIES: usize = 100;
/// Alarms.
pub const MAX_ALARMS: usize = 10_000;
/// Problems that are reported at once; the rest waits until these are gone.
pub const MAX_PROBLEMS: usize = 200;

/// Tables in tables.
pub(crate) const MAX_DEPTH: usize = 32;
/// Dots in one key. The parser builds a table for each, and dropping a million nested tables would overflow the stack.
pub(crate) const MAX_DOTS: usize = 16;
/// Bytes of a secret file that `NAME_FILE` points to.
pub(crate) const MAX_SECRET: u64 = 64 * 1024;
