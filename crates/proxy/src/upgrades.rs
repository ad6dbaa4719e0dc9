//! Protocols that a connection may change to.

/// Protocols that a request may change to, by their names in `Upgrade` fields.
///
/// `h2c` is never among them: who gets HTTP/2 past an edge that reads HTTP/1.1 gets requests past it that it never saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrades(Vec<Box<[u8]>>);

impl Upgrades {
    /// These protocols.
    #[must_use]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().filter(|name| !name.eq_ignore_ascii_case("h2c"));
        Self(names.map(|name| name.as_bytes().into()).collect())
    }

    /// Whether a protocol may be changed to.
    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.0.iter().any(|other| other.eq_ignore_ascii_case(name))
    }
}

impl Default for Upgrades {
    /// WebSocket.
    fn default() -> Self {
        Self::new(["websocket"])
    }
}
