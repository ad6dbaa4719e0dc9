//! What people are told about an import.

use std::fmt;

use serde::Serialize;

/// Something that an import did not carry over as it stood, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// What has to be done about it.
    pub kind: NoteKind,
    /// The file, from the folder that was read.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What it is about: `aws_lb.todo.access_logs`.
    pub subject: String,
    /// What became of it, and why.
    pub message: String,
}

/// What has to be done about a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// The configuration needs something that the files do not say; the place is marked in it.
    Complete,
    /// Carried over, but it works in another way here.
    Differs,
    /// Not carried over.
    Left,
}

impl fmt::Display for NoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Differs => "differs",
            Self::Left => "left out",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, file, line, subject, message } = self;
        write!(f, "{file}:{line}: {kind}: {subject}: {message}")
    }
}
