//! Where a change can make a path lead to something else.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// As many links as the system itself follows.
const LINKS: usize = 40;

/// What is watched for some paths. Folders stand here without links in their own paths, so each has one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Folders to watch.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Files and links whose change counts, or the first part of a path that is missing.
    entries: BTreeSet<PathBuf>,
    /// Folders that stand for the `*.toml` files in them.
    collections: BTreeSet<PathBuf>,
}

impl Places {
    /// Follows each path from the root, link by link. Kubernetes swaps a link (`..data`) half way, and so do deployments
    /// that keep each release in a folder of its own.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let mut places = Self::default();
        for path in paths {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            if let Some(folder) = places.trace(&path, &mut LINKS.clone()).filter(|end| end.is_dir()) {
                places.folders.insert(folder.clone());
                places.collections.insert(folder);
            }
        }
        places
    }

    /// Whether what happened to `path` may have changed what is read.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        let is_toml = || path.extension().is_some_and(|extension| extension == "toml");
        self.entries.contains(path)
            || self.folders.contains(path)
            || is_toml() && path.parent().is_some_and(|parent| self.collections.contains(parent))
    }

    /// Notes what leads to `path`; gives where it ends, unless that is missing.
    fn trace(&mut self, path: &Path, links: &mut usize) -> Option<PathBuf> {
        let mut real = PathBuf::new();
        let mut rest = path.components();
        while let Some(component) = rest.next() {
            match component {
                Component::Normal(name) => real.push(name),
                Component::ParentDir => {
                    real.pop();
                    continue;
                }
                _ => {
                    real.push(component);
                    continue;
                }
            }
            let target = real.read_link().ok();
            let is_last = rest.as_path().as_os_str().is_empty();
            if is_last || target.is_some() || !real.exists() {
                self.note(&real);
            }
            if let Some(target) = target {
                *links = links.checked_sub(1)?;
                real.pop();
                return self.trace(&real.join(target).join(rest.as_path()), links);
            }
            if !real.exists() {
                return None;
            }
        }
        Some(real)
    }

    fn note(&mut self, entry: &Path) {
        self.folders.extend(entry.parent().map(Path::to_owned));
        self.entries.insert(entry.to_owned());
    }
}
