//! What a file is, before anything is compiled: a component or not, which world, which imports.

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::{Capability, World};

/// Largest component that is looked at. Python guests are the biggest of those we know, at 18 MB.
pub const LARGEST_COMPONENT: usize = 32 << 20;

/// The version of the contract that this host speaks, as it stands behind interface names.
pub(crate) const PACKAGE: &str = "equipoise:plugin/";
const SPOKEN: &str = "0.1.";

/// What is in a component's outer shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The world whose interface it exports; `None` for a component of another make.
    pub world: Option<World>,
    /// Names of its imports, in order.
    pub imports: Vec<String>,
    /// Names of its exports, in order.
    pub exports: Vec<String>,
    /// Capabilities that must be granted before it loads. WASI imports need none to load: a call that was not granted
    /// traps.
    pub capabilities: Vec<Capability>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub digest: String,
    /// Length in bytes.
    pub size: usize,
}

/// Why bytes are not a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// No byte at all.
    #[error("the file is empty")]
    Empty,
    /// Above [`LARGEST_COMPONENT`].
    #[error("{size} bytes are more than the {LARGEST_COMPONENT} that a component may have")]
    TooLarge {
        /// The length.
        size: usize,
    },
    /// WebAssembly in text form.
    #[error("this is WebAssembly text, not binary: `wasm-tools parse` turns it into a component")]
    Text,
    /// Anything else.
    #[error("this is not WebAssembly: it does not start with `\\0asm`")]
    NotWasm,
    /// A core module.
    #[error(
        "this is a core module, not a component: build for `wasm32-wasip2`, or run `wasm-tools component new` on the module"
    )]
    CoreModule,
    /// Broken, or beyond what this version understands.
    #[error("this is not a valid component: {message} (at byte {offset})")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where.
        offset: usize,
    },
}

/// Looks at a component without compiling it.
///
/// # Errors
/// [`InspectError`] when the bytes are no valid component.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    check_shape(bytes)?;
    validator().validate_all(bytes).map_err(|error| invalid(&error))?;
    let (imports, exports) = outer_names(bytes).map_err(|error| invalid(&error))?;
    let world = World::ALL.into_iter().find(|world| exports.iter().any(|name| spoken(name) == Some(world.export())));
    let capabilities = imports.iter().filter_map(|name| spoken(name).and_then(Capability::named)).collect();
    Ok(Inspection { world, imports, exports, capabilities, digest: digest(bytes), size: bytes.len() })
}

/// The interface behind a name such as `equipoise:plugin/log@0.1.0`, when it is one of ours in a version that we speak.
pub(crate) fn spoken(name: &str) -> Option<&str> {
    let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
    version.starts_with(SPOKEN).then_some(interface)
}

fn check_shape(bytes: &[u8]) -> Result<(), InspectError> {
    if bytes.is_empty() {
        return Err(InspectError::Empty);
    }
    if bytes.len() > LARGEST_COMPONENT {
        return Err(InspectError::TooLarge { size: bytes.len() });
    }
    if Parser::is_component(bytes) {
        return Ok(());
    }
    if Parser::is_core_wasm(bytes) {
        return Err(InspectError::CoreModule);
    }
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    Err(if matches!(first, Some(b'(' | b';')) { InspectError::Text } else { InspectError::NotWasm })
}

fn validator() -> Validator {
    Validator::new_with_features(WasmFeatures::default())
}

fn invalid(error: &wasmparser::BinaryReaderError) -> InspectError {
    InspectError::Invalid { message: crate::text::one_line(error.message(), 300), offset: error.offset() }
}

/// Names of the outermost component's imports and exports; nested components and modules are stepped over.
fn outer_names(bytes: &[u8]) -> wasmparser::Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
