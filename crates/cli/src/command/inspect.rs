//! `plugin inspect`: what a component is and what it asks for, without running a byte of it.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use equipoise_plugin::{Inspection, LARGEST_COMPONENT, inspect};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Format, Style, json_to_stdout, to_stdout};

pub(crate) fn run(file: &Path, format: Format) -> Result<(), Failure> {
    let bytes = read(file).with_context(|| format!("reading {}", file.display()))?;
    let inspection = inspect(&bytes).with_context(|| format!("{}", file.display()))?;
    match format {
        Format::Json => json_to_stdout(&json(&inspection)),
        Format::Table => to_stdout(&text(&inspection, Style::of_stdout())),
    }
}

/// A file of any length is read only as far as it may be a component: one byte more is enough to refuse it.
pub(crate) fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LARGEST_COMPONENT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn json(inspection: &Inspection) -> Value {
    let Inspection { world, imports, exports, capabilities, digest, size } = inspection;
    let capabilities: Vec<_> = capabilities.iter().map(ToString::to_string).collect();
    json!({
        "world": world.map(equipoise_plugin::World::as_str),
        "size": size,
        "digest": format!("sha256:{digest}"),
        "capabilities": capabilities,
        "imports": imports,
        "exports": exports,
    })
}

fn text(inspection: &Inspection, style: Style) -> String {
    let Inspection { world, imports, exports, capabilities, digest, size } = inspection;
    let world = world.map_or("none of ours: it cannot be a plugin", |world| world.as_str());
    let grants: Vec<_> = capabilities.iter().map(ToString::to_string).collect();
    let grants = if grants.is_empty() { "nothing".to_owned() } else { grants.join(", ") };
    let size = format!("{size} bytes");
    let mut text = String::new();
    let digest = format!("sha256:{digest}");
    for (name, value) in [("world", world), ("asks for", &grants), ("size", &size), ("digest", &digest)] {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{} {value}", style.faint(&format!("{name:<9}")));
    }
    for (name, values) in [("imports", imports), ("exports", exports)] {
        for value in values {
            let _ = writeln!(text, "{} {}", style.faint(&format!("{name:<9}")), value.escape_debug());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_component_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.wasm");
        std::fs::write(&file, "hello").unwrap();
        let text = run(&file, Format::Table).unwrap_err().to_string();
        assert!(text.contains("x.wasm") && text.contains("not WebAssembly"), "{text}");
        let text = run(&folder.path().join("missing.wasm"), Format::Table).unwrap_err().to_string();
        assert!(text.contains("missing.wasm") && text.contains("No such file"), "{text}");
    }

    #[test]
    fn a_component_without_a_world_says_that_it_cannot_be_a_plugin() {
        let empty_component = b"\0asm\x0d\0\x01\0";
        let text = text(&inspect(empty_component).unwrap(), Style::plain());
        assert!(text.contains("cannot be a plugin") && text.contains("sha256:"), "{text}");
    }
}
