//! From a folder to a configuration.

use std::path::Path;

use crate::module::Program;
use crate::translate::translate;
use crate::world::World;
use crate::{ImportError, Note};

/// A configuration, and what it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The configuration, with comments.
    pub toml: String,
    /// What has to be completed, what works in another way and what was left out, by file and line.
    pub notes: Vec<Note>,
}

/// Reads the Terraform files of a folder and makes a configuration of them.
///
/// Up to 500 files of 1 MiB for each module, 64 modules, 5,000 resources. The same files always give the same text.
///
/// # Errors
///
/// When files cannot be read or are not in Terraform's language, or when there is nothing to carry over.
pub fn import(folder: &Path) -> Result<Import, ImportError> {
    let program = Program::read(folder)?;
    let world = World::new(&program);
    let toml = translate(&world).ok_or_else(|| ImportError::Nothing { folder: folder.to_owned() })?;
    Ok(Import { toml, notes: world.into_notes() })
}
