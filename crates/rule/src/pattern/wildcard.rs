//! Text with `*` in it.

use memchr::memmem::Finder;

/// Fixed pieces with anything between them.
#[derive(Debug, Clone)]
pub(super) struct Wildcard {
    prefix: Box<[u8]>,
    middle: Box<[Finder<'static>]>,
    suffix: Box<[u8]>,
}

impl Wildcard {
    /// `None` when the text holds no `*`.
    pub(super) fn compile(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('*')?;
        let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
        let pieces = middle.split('*').filter(|piece| !piece.is_empty());
        Some(Self {
            prefix: prefix.as_bytes().into(),
            middle: pieces.map(|piece| Finder::new(piece).into_owned()).collect(),
            suffix: suffix.as_bytes().into(),
        })
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    pub(super) fn suffix(&self) -> &[u8] {
        &self.suffix
    }

    /// Linear for each piece: taking the first place of a piece leaves the most room for those after it, so there is
    /// nothing to go back to.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let Some(mut rest) = value.strip_prefix(&*self.prefix).and_then(|rest| rest.strip_suffix(&*self.suffix)) else {
            return false;
        };
        self.middle.iter().all(|piece| match piece.find(rest) {
            Some(start) => {
                rest = &rest[start + piece.needle().len()..];
                true
            }
            None => false,
        })
    }
}
