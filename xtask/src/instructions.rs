//! Counts the instructions of what every request goes through, and compares them with what is committed.
//!
//! A count does not depend on what else the machine does, so it shows a regression where time would not. It does depend on
//! the compiler: after an update of either, or a change that is worth its price, `--update` writes the counts anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// How much dearer something may become, in percent. Hash maps with their own seeds make counts differ by up to one
/// percent from run to run.
const TOLERANCE: f64 = 3.0;

/// The version of the library in `benches/Cargo.toml`; both must be the same.
const RUNNER: &str = "0.20.0";

type Counts = BTreeMap<String, u64>;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let update = match arguments {
        [] => false,
        ["--update"] => true,
        other => anyhow::bail!("`{}` is not understood; there is only --update", other.join(" ")),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let baseline = root.join("benches/baseline.txt");
    let counts = count(root)?;
    if update {
        let text = counts.iter().fold(String::new(), |mut text, (name, count)| {
            let _ = writeln!(text, "{name} {count}"); // a String takes everything
            text
        });
        return fs::write(&baseline, text).context("writing the counts");
    }
    let committed = read(&fs::read_to_string(&baseline).unwrap_or_default())?;
    let dearer = compare(&counts, &committed);
    ensure!(dearer.is_empty(), "dearer by more than {TOLERANCE} %: {} (`--update` accepts it)", dearer.join(", "));
    Ok(())
}

/// Prints every count beside the committed one, and gives the names of those that are too high.
fn compare(counts: &Counts, committed: &Counts) -> Vec<String> {
    let mut dearer = Vec::new();
    println!("{:<46} {:>12} {:>12}", "instructions for 100 calls", "committed", "now");
    for (name, now) in counts {
        let Some(before) = committed.get(name) else {
            println!("{name:<46} {:>12} {now:>12} new: `cargo xtask instructions --update`", "–");
            dearer.push(name.clone());
            continue;
        };
        let change = (*now as f64 / *before as f64 - 1.0) * 100.0;
        println!("{name:<46} {before:>12} {now:>12} {change:>+7.1} %");
        if change > TOLERANCE {
            dearer.push(name.clone());
        }
    }
    dearer
}

fn read(text: &str) -> Result<Counts> {
    let line = |line: &str| -> Result<(String, u64)> {
        let (name, count) = line.split_once(' ').context("a line is a name and a number")?;
        Ok((name.to_owned(), count.parse()?))
    };
    text.lines().map(line).collect()
}

fn count(root: &Path) -> Result<Counts> {
    ensure!(super::bench::is_installed("valgrind"), "valgrind is not installed (Debian: apt-get install valgrind)");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--package", "equipoise-benches", "--bench", "instructions", "--", "--output-format=json"])
        .env("GUNGRAUN_RUNNER", runner(root)?)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("running cargo")?;
    ensure!(output.status.success(), "the benches failed");
    let text = String::from_utf8(output.stdout)?;
    let summaries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let counts: Counts = summaries.map(|summary| instructions(&summary)).collect::<Result<_>>()?;
    ensure!(!counts.is_empty(), "the benches counted nothing");
    Ok(counts)
}

/// The program that runs valgrind, built once beside the build folder.
fn runner(root: &Path) -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("GUNGRAUN_RUNNER") {
        return Ok(given.into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let tools = target.join("bench-tools");
    let runner = tools.join("bin/gungraun-runner");
    if !runner.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["install", "--quiet", "--locked", "--version", RUNNER, "gungraun-runner", "--root"])
            .arg(&tools)
            .env("CARGO_TARGET_DIR", tools.join("target"))
            .status()
            .context("running cargo")?;
        ensure!(status.success(), "gungraun-runner {RUNNER} cannot be installed");
    }
    Ok(runner)
}

/// Name and count of one bench, from gungraun's summary of it.
fn instructions(summary: &Value) -> Result<(String, u64)> {
    let name = format!(
        "{}/{}",
        summary["function_name"].as_str().context("a bench without a name")?,
        summary["id"].as_str().unwrap_or_default()
    );
    let total = &summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    Ok((name.clone(), total.as_u64().with_context(|| format!("no count of {name}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_dearer_or_is_new_is_named() {
        let counts = read("a 1029\nb 1031\nc 5\nd 10").unwrap();
        let committed = read("a 1000\nb 1000\nd 100\ngone 7").unwrap();
        assert_eq!(compare(&counts, &committed), ["b", "c"]);
    }
}
