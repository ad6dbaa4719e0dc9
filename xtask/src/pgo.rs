//! Builds the program twice: once to learn which ways requests take, and once for those ways.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::bench;

/// How long each kind of load trains the program, in seconds.
const TRAINING: u64 = 4;

/// Leaves the program in `target/pgo/equipoise` and says so.
pub(crate) fn run() -> Result<()> {
    let profdata = profdata()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("pgo");
    let (raw, merged) = (folder.join("raw"), folder.join("merged.profdata"));
    let _ = std::fs::remove_dir_all(&raw); // of an earlier run, if there was one
    std::fs::create_dir_all(&raw)?;
    let flags = |flag: String| [("RUSTFLAGS", flag), ("CARGO_TARGET_DIR", folder.join("build").display().to_string())];
    println!("building the program that takes notes");
    let instrumented = bench::build_with("dist", &[], &flags(format!("-Cprofile-generate={}", raw.display())))?;
    println!("training it");
    bench::train(&instrumented, TRAINING)?;
    let status = Command::new(&profdata).arg("merge").arg("-o").arg(&merged).arg(&raw).status();
    ensure!(status.with_context(|| format!("running {}", profdata.display()))?.success(), "{MISMATCH}");
    println!("building the program for what was learnt");
    let built = bench::build_with("dist", &[], &flags(format!("-Cprofile-use={}", merged.display())))?;
    let program = folder.join("equipoise");
    std::fs::copy(&built, &program)?;
    println!("{}\nmeasure it: cargo xtask bench --binary {0}", program.display());
    Ok(())
}

const MISMATCH: &str =
    "llvm-profdata does not understand the notes: it must be of the compiler's LLVM version or newer";

/// A merger of profiles as new as the compiler's LLVM: rustup's, else the distribution's.
fn profdata() -> Result<PathBuf> {
    let (version, sysroot) = (rustc(&["-vV"])?, rustc(&["--print", "sysroot"])?);
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
    let host = field("host:").context("rustc does not say its host")?;
    let llvm = field("LLVM version:").context("rustc does not say its LLVM version")?;
    let major: u32 = llvm.split('.').next().unwrap_or_default().parse()?;
    let own = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(host).join("bin/llvm-profdata");
    let newer = (major..major + 4).flat_map(|major| {
        [format!("/usr/lib/llvm-{major}/bin/llvm-profdata"), format!("/usr/bin/llvm-profdata-{major}")]
    });
    let mut all = std::iter::once(own).chain(newer.map(PathBuf::from));
    match all.find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => bail!(
            "no llvm-profdata for LLVM {llvm}: `rustup component add llvm-tools`, or Debian's `apt-get install llvm-{major}`"
        ),
    }
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new("rustc").args(arguments).output().context("running rustc")?;
    ensure!(output.status.success(), "rustc {arguments:?} failed");
    Ok(String::from_utf8(output.stdout)?)
}
