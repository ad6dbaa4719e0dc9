//! A problem before it has a place in a file: it names the key that it is about, and a configuration that was built in
//! code has keys but no files.

use std::ops::Range;

use crate::code::Code;
use crate::path::KeyPath;
use crate::report::Severity;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    /// The key itself: it is unknown, or names a table that lacks something.
    Key(KeyPath),
    /// The value of the key.
    Value(KeyPath),
    /// A place in the text of all files, and the key when it is known.
    Span(Range<usize>, KeyPath),
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) at: At,
    pub(crate) message: String,
    pub(crate) label: Option<String>,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(At, String)>,
}

impl Finding {
    pub(crate) fn error(code: Code, at: At, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            at,
            message: message.into(),
            label: None,
            help: None,
            related: Vec::new(),
        }
    }

    pub(crate) fn warning(code: Code, at: At, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, message) }
    }

    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) fn related(mut self, at: At, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }
}
