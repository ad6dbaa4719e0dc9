//! What holds for all scaling groups, as written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands for no file at all.
const NONE: &str = "none";

/// What holds for all scaling groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Scaling {
    /// The file that capacities, instances and the history of activities are remembered in, so that the next run goes on
    /// with them: relative to the file that says so, or "none" to remember nothing. Default: `scaling.redb` in the
    /// program's state folder.
    #[serde(skip_serializing_if = "StateFile::is_usual")]
    pub state: StateFile,
    /// Activities that are remembered for each scaling group: 1 to 100000, default 1000.
    #[schemars(range(min = 1, max = 100_000))]
    pub history: u32,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { state: StateFile::Usual, history: 1000 }
    }
}

/// Where something is remembered over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PathBuf", into = "PathBuf")]
pub enum StateFile {
    /// In the program's state folder, wherever that is.
    #[default]
    Usual,
    /// Nowhere.
    None,
    /// In this file.
    At(PathBuf),
}

impl StateFile {
    fn is_usual(&self) -> bool {
        *self == Self::Usual
    }
}

impl From<PathBuf> for StateFile {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == NONE { Self::None } else { Self::At(path) }
    }
}

impl From<StateFile> for PathBuf {
    fn from(state: StateFile) -> Self {
        match state {
            StateFile::Usual => Self::new(),
            StateFile::None => NONE.into(),
            StateFile::At(path) => path,
        }
    }
}

impl JsonSchema for StateFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StateFile".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "A path, or \"none\".", "type": "string" })
    }
}
