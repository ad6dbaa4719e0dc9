//! Stands between a client's bytes and hyper, and lets only those through that the policy lets come.

use bytes::BytesMut;

use crate::policy::{Defect, Refused, Scanner};

/// What hyper gets instead of the first bad byte, wherever in a message that is: it refuses them in a request line, in
/// a field, in a chunk's size, after a chunk's data (the first NUL), in a chunk's extensions (the LF) and in trailers
/// (the second NUL; those are read up to their end first). So it answers 400, after the answers to what came before,
/// and closes; the fuzz target `wire` looks whether it does.
pub(crate) const POISON: &[u8] = b"\0\n\0\r\n\r\n";

/// What one connection's bytes are held against, and whether they were found bad.
#[derive(Debug)]
pub(crate) struct Guard {
    /// `None` when what comes is not HTTP/1.
    scanner: Option<Scanner>,
    defect: Option<Defect>,
    noted: bool,
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self { scanner: Some(Scanner::of_requests()), defect: None, noted: false }
    }

    /// What comes from here on is not HTTP/1: HTTP/2, or a tunnel.
    pub(crate) fn stand_down(&mut self) {
        self.scanner = None;
    }

    /// Looks at the bytes that came next.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let Some(scanner) = &mut self.scanner else { return Ok(()) };
        scanner.scan(bytes).inspect_err(|refused| self.defect = Some(refused.defect))
    }

    /// Makes of the bytes that a connection begins with what hyper may see of them.
    pub(crate) fn look_first(&mut self, first: &mut BytesMut) {
        if let Err(refused) = self.look(first) {
            first.truncate(refused.good);
            first.extend_from_slice(POISON);
        }
    }

    /// Whether bad bytes came: all that comes after them is none of hyper's business.
    pub(crate) fn has_refused(&self) -> bool {
        self.defect.is_some()
    }

    /// The code of what was found bad, for the first who asks: it is noted once.
    pub(crate) fn reason(&mut self) -> Option<&'static str> {
        let noted = std::mem::replace(&mut self.noted, self.defect.is_some());
        self.defect.filter(|_| !noted).map(Defect::reason)
    }

    /// Whether the client may still be sending what nobody will read.
    pub(crate) fn is_amid(&self) -> bool {
        self.has_refused() || self.scanner.as_ref().is_some_and(|scanner| !scanner.is_between())
    }
}
