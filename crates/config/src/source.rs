//! Where configuration text comes from: a file, a folder of files, or a text in memory.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::code::Code;
use crate::finding::{At, Finding};
use crate::limits::{MAX_BYTES, MAX_FILES};
use crate::locate::Locator;
use crate::path::KeyPath;
use crate::report::Report;

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The texts of one configuration, in the order in which they count. Two of the same content are equal, which is how a
/// watcher tells a change from a touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pub(crate) files: Arc<[Source]>,
}

impl Sources {
    /// Reads a file, or every `*.toml` of a folder (not of its subfolders, nothing hidden) in the order of their names.
    ///
    /// # Errors
    /// A report when something cannot be read, is not UTF-8, or is more than [`crate::MAX_BYTES`] in all.
    pub fn read(path: &Path) -> Result<Self, Report> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let paths = if path.is_dir() { list(&path)? } else { vec![path] };
        let mut files = Vec::with_capacity(paths.len());
        let mut left = MAX_BYTES;
        for path in paths {
            let source = read(path, left)?;
            left -= source.text.len();
            files.push(source);
        }
        Ok(Self { files: files.into() })
    }

    /// A text that is already here; `path` is what diagnostics call it and what relative paths in it are relative to.
    pub fn from_text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { files: Arc::new([Source { path: path.into(), text: text.into() }]) }
    }

    /// The files.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Where each text starts when all are laid end to end, which is what spans count from.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let mut next = 0;
        let start = |file: &Source| {
            let start = next;
            // One past the end belongs to a text too: it is where "unexpected end" is.
            next += file.text.len() + 1;
            start
        };
        self.files.iter().map(start).collect()
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Report> {
    let refuse =
        |error: io::Error| whole(Code::Unreadable, format!("cannot read folder `{}`: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(whole(Code::NoFiles, format!("folder `{}` holds no `*.toml` file", folder.display())));
    }
    if paths.len() > MAX_FILES {
        let message =
            format!("folder `{}` holds {} files; at most {MAX_FILES} are read", folder.display(), paths.len());
        return Err(whole(Code::TooMuch, message));
    }
    paths.sort();
    Ok(paths)
}

fn read(path: PathBuf, limit: usize) -> Result<Source, Report> {
    let mut bytes = Vec::new();
    let outcome = File::open(&path).and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = outcome {
        return Err(whole(Code::Unreadable, format!("cannot read `{}`: {error}", path.display())));
    }
    if bytes.len() > limit {
        let message =
            format!("`{}`: a configuration is at most {} MiB of text in all", path.display(), MAX_BYTES >> 20);
        return Err(whole(Code::TooMuch, message));
    }
    match String::from_utf8(bytes) {
        // Half of saving a file is emptying it. Taken at its word it would close every listener.
        Ok(text) if text.trim().is_empty() => Err(empty(&path)),
        Ok(text) => Ok(Source { path, text }),
        Err(error) => Err(not_utf8(path, &error)),
    }
}

fn empty(path: &Path) -> Report {
    let message = format!("`{}` is empty", path.display());
    let finding = Finding::error(Code::EmptyFile, At::Key(KeyPath::root()), message);
    Locator::nowhere().report(vec![finding.help("a file that is to say nothing holds a comment")])
}

fn not_utf8(path: PathBuf, error: &std::string::FromUtf8Error) -> Report {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let finding = spanned(Code::NotUtf8, at..at + 1, "this is not text in UTF-8").help("save the file in UTF-8");
    Locator::new(&Sources::from_text(path, text), None).report(vec![finding])
}

fn spanned(code: Code, span: Range<usize>, message: &str) -> Finding {
    Finding::error(code, At::Span(span, KeyPath::root()), message)
}

/// A report about something as a whole.
fn whole(code: Code, message: String) -> Report {
    Locator::nowhere().report(vec![Finding::error(code, At::Key(KeyPath::root()), message)])
}
