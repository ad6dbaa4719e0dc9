//! Is a committed component what its source makes?

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::tools::{Tools, finish};

/// How two components compare.
pub(crate) enum Likeness {
    /// Byte by byte.
    Same,
    /// They import and export the same; another version of a compiler made other code.
    Alike,
    /// How they differ.
    Differs(String),
}

pub(crate) fn compare(committed: &Path, fresh: &Path, tools: &Tools) -> Result<Likeness> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
    if read(committed)? == read(fresh)? {
        return Ok(Likeness::Same);
    }
    let (committed, fresh) = (contract(committed, tools)?, contract(fresh, tools)?);
    Ok(match committed.lines().zip(fresh.lines()).find(|(committed, fresh)| committed != fresh) {
        _ if committed == fresh => Likeness::Alike,
        Some((committed, fresh)) => {
            Likeness::Differs(format!("committed has `{committed}`, the source makes `{fresh}`"))
        }
        None => Likeness::Differs("one of the two imports or exports more than the other".into()),
    })
}

/// Imports and exports of a component with their types, without what a standard library adds.
fn contract(component: &Path, tools: &Tools) -> Result<String> {
    let wasm_tools = tools.wasm_tools.as_ref().context("comparing other than byte by byte needs `wasm-tools`")?;
    let text = finish(wasm_tools.command().args(["component", "wit"]).arg(component))?;
    let ours = text.split("\npackage ").filter(|package| !package.starts_with("wasi:"));
    let lines = ours.flat_map(str::lines).filter(|line| !line.contains("import wasi:"));
    Ok(lines.map(|line| line.trim_end().to_owned() + "\n").collect())
}
