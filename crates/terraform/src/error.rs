//! Why a folder cannot be imported.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a folder cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("reading {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not UTF-8.
    #[error("{} is not text in UTF-8", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// There is more to read than is ever needed.
    #[error("{} is more than the {limit} that are read", path.display())]
    TooMuch {
        /// The file or folder where the limit was reached.
        path: PathBuf,
        /// Which limit.
        limit: &'static str,
    },
    /// There is no Terraform file.
    #[error("{} holds no .tf or .tf.json file", folder.display())]
    NoFiles {
        /// Where was looked.
        folder: PathBuf,
    },
    /// There are Terraform files, but no load balancer, target group or scaling group in them.
    #[error("{} describes no load balancer, target group or scaling group", folder.display())]
    Nothing {
        /// Where was looked.
        folder: PathBuf,
    },
    /// Files are not in Terraform's language; every file's first error.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Syntax(Vec<SyntaxError>),
}

/// Where a file stops being in Terraform's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The file, from the folder that was read.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line's text.
    pub text: String,
}

/// So much of a line is shown.
const WIDEST: usize = 160;

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, text } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // A tab is shown as one space, so that the caret stands under what it means.
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let skipped = column.saturating_sub(WIDEST);
        let shown: String = text.chars().skip(skipped).take(WIDEST).map(visible).collect();
        let indent = " ".repeat(column.saturating_sub(skipped + 1).min(WIDEST));
        writeln!(f, "{margin}--> {file}:{line}:{column}")?;
        writeln!(f, "{margin} |\n{number} | {}\n{margin} | {indent}^", shown.trim_end())?;
        write!(f, "{margin} = {message}")
    }
}
