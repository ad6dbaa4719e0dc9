//! `plugins/prebuilt/SHA256SUMS`, in the form that `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

pub(crate) struct Digests {
    path: PathBuf,
    by_name: BTreeMap<String, String>,
}

impl Digests {
    /// The list at `path`; empty when there is none yet.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = if path.exists() { fs::read_to_string(path).context("reading SHA256SUMS")? } else { String::new() };
        let entry = |line: &str| line.split_once("  ").map(|(digest, name)| (name.to_owned(), digest.to_owned()));
        Ok(Self { path: path.to_owned(), by_name: text.lines().filter_map(entry).collect() })
    }

    pub(crate) fn set(&mut self, name: &str, bytes: &[u8]) {
        self.by_name.insert(name.to_owned(), digest(bytes));
    }

    pub(crate) fn write(&self) -> Result<()> {
        let lines: String = self.by_name.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
        fs::write(&self.path, lines).with_context(|| format!("writing {}", self.path.display()))
    }

    /// Files beside the list that are not what it says.
    pub(crate) fn mismatches(&self) -> Result<Vec<String>> {
        let mut mismatches = Vec::new();
        for (name, wanted) in &self.by_name {
            let bytes = fs::read(self.path.with_file_name(name)).with_context(|| format!("reading {name}"))?;
            if digest(&bytes) != *wanted {
                mismatches.push(format!("{name}: its digest is not the one in SHA256SUMS"));
            }
        }
        Ok(mismatches)
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
