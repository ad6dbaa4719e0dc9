//! One line of a head or of trailers, which may come in parts.

/// As much as is kept of a line's beginning: the fields that frame a message are shorter.
const KEPT: usize = 64;

/// The part of a line that has come, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The first bytes. Allocated only for a line that comes in parts.
    start: Vec<u8>,
    length: usize,
    last: u8,
}

/// A line without its end.
#[derive(Debug)]
pub(super) struct Text<'a> {
    start: &'a [u8],
    length: usize,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes a part that does not end the line.
    pub(super) fn keep(&mut self, part: &[u8]) {
        let Some(&last) = part.last() else { return };
        let room = KEPT - self.start.len();
        self.start.extend_from_slice(&part[..part.len().min(room)]);
        self.length += part.len();
        self.last = last;
    }

    /// Takes the last part, up to the LF; `None` when no CR stands before it.
    pub(super) fn complete<'a>(&'a mut self, part: &'a [u8]) -> Option<Text<'a>> {
        let (start, length, last) = if self.is_empty() {
            (part, part.len(), part.last().copied())
        } else {
            self.keep(part);
            (&self.start[..], self.length, Some(self.last))
        };
        let length = length.saturating_sub(1);
        let start = &start[..start.len().min(length).min(KEPT)];
        (last == Some(b'\r')).then_some(Text { start, length })
    }
}

impl<'a> Text<'a> {
    /// A line that came in one part, up to the LF; `None` when no CR stands before it.
    pub(super) fn of(part: &'a [u8]) -> Option<Self> {
        let text = part.strip_suffix(b"\r")?;
        Some(Self { start: &text[..text.len().min(KEPT)], length: text.len() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The first bytes, up to 64.
    pub(super) fn start(&self) -> &'a [u8] {
        self.start
    }

    /// `Some` if the line is not longer than what is known of it.
    pub(super) fn whole(&self) -> Option<()> {
        (self.length <= self.start.len()).then_some(())
    }

    /// The value of the field with this name and colon, if it is one: the same bytes that hyper takes for it.
    pub(super) fn value_of(&self, name: &[u8]) -> Option<&'a [u8]> {
        // The first letter tells nearly all fields apart.
        if self.start.first()? | 0x20 != name[0] {
            return None;
        }
        let (start, value) = self.start.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then(|| trim(value))
    }
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
