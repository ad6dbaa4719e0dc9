//! What instances write: a file for each, so that a balancer that ends neither stops nor blocks them, and the next one can
//! read on.
//!
//! The instance appends; what is old is punched out of the file's front. Nothing is lost between reading and cutting, as it
//! would be in copying and truncating.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rustix::fs::FallocateFlags;

use crate::provider::output;

/// How much of a log's end is kept at least.
const KEPT: u64 = 1 << 20;
/// How much more there may be before it is cut.
const SLACK: u64 = 4 << 20;
/// Holes begin and end with pages.
const PAGE: u64 = 4096;

/// The last lines, the oldest first.
pub(super) fn tail(path: &Path, lines: usize) -> Vec<String> {
    let end = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(KEPT)))?;
        let mut end = Vec::new();
        file.take(KEPT).read_to_end(&mut end)?;
        Ok(end)
    };
    // A log that cannot be read says nothing.
    output::last_lines(&end().unwrap_or_default(), lines)
}

/// Frees what is older than what is kept.
pub(super) fn trim(path: &Path, cut: &mut u64) {
    let Ok(file) = File::options().write(true).open(path) else { return };
    let Ok(size) = file.metadata().map(|metadata| metadata.len()) else { return };
    if size < *cut {
        *cut = 0;
    }
    if size - *cut <= KEPT + SLACK {
        return;
    }
    let until = (size - KEPT) / PAGE * PAGE;
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(&file, hole, 0, until) {
        Ok(()) => *cut = until,
        // A file system without holes loses the whole log rather than its space.
        Err(_) => {
            let _ = file.set_len(0);
            *cut = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_long_log_keeps_its_end_and_gives_its_space_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = File::options().create(true).append(true).open(&path).unwrap();
        let mut cut = 0;
        let mut written = 0_u64;
        for round in 0..40 {
            let line = format!("{round} {}\n", "x".repeat(100));
            for _ in 0..5000 {
                file.write_all(line.as_bytes()).unwrap();
                written += line.len() as u64;
            }
            trim(&path, &mut cut);
        }
        assert!(written > 3 * (KEPT + SLACK));
        let used = path.metadata().unwrap().blocks() * 512;
        assert!(used <= KEPT + SLACK + (1 << 20), "{used} bytes on disk");
        let last = tail(&path, 3);
        assert_eq!(last.len(), 3);
        assert!(last.iter().all(|line| line.starts_with("39 x")), "{last:?}");
    }
}
