//! Guests in Rust.
//!
//! Anybody else runs `cargo build --release --target wasm32-wasip2`. What is committed is made by a distribution's compiler
//! for `wasm32-unknown-unknown`: smaller, without any WASI import, and buildable where rustup cannot add a target.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::tools::{Tools, finish};
use super::{Built, c};

pub(crate) fn build(folder: &Path, tools: &Tools) -> Result<Built> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("a guest's folder has a name")?;
    let module = format!("{}.wasm", name.replace('-', "_"));
    if tools.system_rust && tools.wasm_tools.is_some() {
        let target = tools.build.join("rust");
        finish(&mut system_cargo(folder, tools)).with_context(|| format!("building {name}"))?;
        return c::component(name, &target.join("wasm32-unknown-unknown/release").join(module), tools);
    }
    if tools.wasip2 {
        let target = tools.build.join("wasip2");
        let mut cargo = Command::new("cargo");
        cargo.current_dir(folder).args(["build", "--release", "--locked", "--target", "wasm32-wasip2"]);
        finish(cargo.env("CARGO_TARGET_DIR", &target)).with_context(|| format!("building {name}"))?;
        return Ok(Built::At(target.join("wasm32-wasip2/release").join(module)));
    }
    Ok(Built::Skipped(
        "needs `rustup target add wasm32-wasip2`, or Debian's rustc-web, cargo-web, rust-web-src, libstd-rust-web-dev and \
         lld-22 with `wasm-tools`"
            .into(),
    ))
}

/// The distribution's cargo with a home of its own, because its registry index may have another format.
fn system_cargo(folder: &Path, tools: &Tools) -> Command {
    let home = tools.build.join("cargo-home");
    // The same flags for every guest: with others, cargo would build the standard library again.
    let flags = [remap(&home, "/cargo"), remap(folder.parent().unwrap_or(folder), "/plugins")].join(" ");
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .current_dir(folder)
        .env("PATH", "/usr/bin:/bin")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags)
        .env("CARGO_HOME", &home)
        .env("CARGO_TARGET_DIR", tools.build.join("rust"))
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22");
    for variable in ["RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER", "CARGO_ENCODED_RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown"]);
    cargo.args(["-Z", "build-std=core,alloc,std,panic_abort"]);
    cargo
}

/// Keeps this machine's folders out of panic messages.
fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}
