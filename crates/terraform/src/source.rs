//! The files of a folder, read as Terraform reads them: in the order of their names, subfolders only as modules.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ImportError;

/// Far above what people write by hand, far below what would hurt.
const LARGEST_FILE: u64 = 1 << 20;
const MOST_FILES: usize = 500;

/// A text with its place on the disk.
#[derive(Debug)]
pub(crate) struct Source {
    /// How it is called in messages: from the folder that is imported.
    pub(crate) name: String,
    pub(crate) kind: SourceKind,
    pub(crate) text: String,
    /// Where each line starts; never empty.
    lines: Vec<usize>,
}

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Native,
    Json,
    /// Values of variables; the later one wins, see [`rank`].
    Values,
    JsonValues,
}

/// A line of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the file.
    pub(crate) file: usize,
    /// From 1.
    pub(crate) line: usize,
}

impl Source {
    pub(crate) fn new(name: String, kind: SourceKind, text: String) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { name, kind, text, lines }
    }

    /// The line, from 1, that holds the byte at `offset`.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).max(1)
    }

    /// The text of a line, from 1.
    pub(crate) fn line_text(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }
}

/// Reads a module's files. `root` is the folder of the import: names start there.
pub(crate) fn read_folder(folder: &Path, root: &Path) -> Result<Vec<Source>, ImportError> {
    let wrap = |source| ImportError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrap)? {
        let path = entry.map_err(wrap)?.path();
        if let Some(kind) = path.file_name().and_then(OsStr::to_str).and_then(kind).filter(|_| path.is_file()) {
            found.push((path, kind));
        }
        if found.len() > MOST_FILES {
            return Err(ImportError::TooMuch { path: folder.to_owned(), limit: "500 files" });
        }
    }
    found.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    found.into_iter().map(|(path, kind)| Ok(Source::new(name(&path, root), kind, read_text(&path)?))).collect()
}

/// A text file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String, ImportError> {
    let wrap = |source| ImportError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(wrap)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(wrap)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ImportError::TooMuch { path: path.to_owned(), limit: "1 MiB of one file" });
    }
    let text = String::from_utf8(bytes).map_err(|_| ImportError::NotText { path: path.to_owned() })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The path of a file that a text names, if it lies inside of `root`: nothing else is read.
pub(crate) fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let (root, path) = (root.canonicalize().ok()?, path.canonicalize().ok()?);
    path.starts_with(&root).then_some(path)
}

fn name(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn kind(name: &str) -> Option<SourceKind> {
    let hidden = name.starts_with('.') || name.ends_with('~') || name.starts_with('#');
    let values = |end: &str| name == format!("terraform{end}") || name.ends_with(&format!(".auto{end}"));
    match name {
        _ if hidden => None,
        _ if name.ends_with(".tf") => Some(SourceKind::Native),
        _ if name.ends_with(".tf.json") => Some(SourceKind::Json),
        _ if values(".tfvars") => Some(SourceKind::Values),
        _ if values(".tfvars.json") => Some(SourceKind::JsonValues),
        _ => None,
    }
}

/// Overrides come after what they override; `terraform.tfvars` before `*.auto.tfvars`.
fn rank(path: &Path) -> u8 {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let stem = name.trim_end_matches(".json").trim_end_matches(".tf");
    u8::from(stem == "override" || stem.ends_with("_override") || name.contains(".auto.tfvars"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_line_that_holds_the_byte() {
        let source = Source::new("x.tf".to_owned(), SourceKind::Native, "a\nbc\n\nd".to_owned());
        let lines: Vec<_> = (0..8).map(|offset| source.line_at(offset)).collect();
        assert_eq!(lines, [1, 1, 2, 2, 2, 3, 4, 4]);
        assert_eq!((source.line_text(2), source.line_text(9)), ("bc", ""));
    }

    #[test]
    fn files_are_read_in_terraforms_order_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["z.auto.tfvars", "override.tf", "b.tf", "a.tf.json", ".c.tf", "d.tf~", "x.tfvars", "README.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::write(folder.path().join("terraform.tfvars"), "").unwrap();
        let names: Vec<_> = read_folder(folder.path(), folder.path()).unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["a.tf.json", "b.tf", "terraform.tfvars", "override.tf", "z.auto.tfvars"]);
    }

    #[test]
    fn what_is_too_large_or_no_text_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.tf");
        fs::write(&file, vec![b' '; (LARGEST_FILE + 1) as usize]).unwrap();
        assert!(matches!(read_text(&file), Err(ImportError::TooMuch { .. })));
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(matches!(read_text(&file), Err(ImportError::NotText { .. })));
        assert_eq!(inside(folder.path(), Path::new("/etc/hostname")), None);
    }
}
