//! What is wrong with settings that could be read.

/// Something in a group's or an alarm's settings that cannot be followed. The caller knows where they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting to point at, from the table that was asked, key by key: `["hook", "warm", "timeout"]`. Places in a list
    /// are numbers from 0.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    pub(crate) fn new(field: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: vec![field.to_owned()], message: message.into(), help: help.into() }
    }

    /// The same, seen from the table around.
    pub(crate) fn within(mut self, keys: &[&str]) -> Self {
        self.path.splice(0..0, keys.iter().map(|key| (*key).to_owned()));
        self
    }
}
