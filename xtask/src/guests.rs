//! Builds the example plugins and keeps `plugins/prebuilt` and its digests in step with their sources.

mod c;
mod compare;
mod digests;
mod rust;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use self::digests::Digests;
use self::tools::Tools;

/// How a guest is built.
#[derive(Debug, Clone, Copy)]
enum Language {
    Rust,
    C,
}

/// Every example, by its folder in `plugins/`.
const GUESTS: [(&str, Language); 4] = [
    ("geo-router", Language::Rust),
    ("geo-router-c", Language::C),
    ("least-latency-balancer", Language::Rust),
    ("todo-health", Language::Rust),
];

/// What one guest came to.
enum Built {
    /// The component is here.
    At(PathBuf),
    /// What is missing, for people.
    Skipped(String),
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let check = arguments.contains(&"--check");
    let names: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for name in &names {
        ensure!(GUESTS.iter().any(|(guest, _)| guest == *name), "there is no guest `{name}` in plugins/");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let tools = Tools::find(root);
    let mut digests = Digests::read(&root.join("plugins/prebuilt/SHA256SUMS"))?;
    let mut differing = Vec::new();
    for (name, language) in GUESTS.iter().filter(|(name, _)| names.is_empty() || names.contains(&name)) {
        let committed = root.join(format!("plugins/prebuilt/{name}.wasm"));
        match build(*language, &root.join("plugins").join(name), &tools)? {
            Built::Skipped(why) => println!("{name}: skipped: {why}"),
            Built::At(fresh) if check => match compare::compare(&committed, &fresh, &tools)? {
                compare::Likeness::Same => println!("{name}: the same bytes"),
                compare::Likeness::Alike => println!("{name}: another compiler's bytes, the same imports and exports"),
                compare::Likeness::Differs(how) => differing.push(format!("{name}: {how}")),
            },
            Built::At(fresh) => {
                fs::copy(&fresh, &committed).with_context(|| format!("writing {}", committed.display()))?;
                digests.set(&format!("{name}.wasm"), &fs::read(&committed)?);
                println!("{name}: {} bytes", fs::metadata(&committed)?.len());
            }
        }
    }
    if !check {
        return digests.write();
    }
    differing.extend(digests.mismatches()?);
    if !differing.is_empty() {
        bail!("committed plugins are not what their sources make; run `cargo xtask guests`:\n{}", differing.join("\n"));
    }
    Ok(())
}

fn build(language: Language, folder: &Path, tools: &Tools) -> Result<Built> {
    match language {
        Language::Rust => rust::build(folder, tools),
        Language::C => c::build(folder, tools),
    }
}
