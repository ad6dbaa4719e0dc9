//! Where the configuration comes from, so that it can be read again.

use std::path::{Path, PathBuf};

use equipoise_config::{Document, Loaded, Report, Sources};

use crate::native::Natives;

/// Where a configuration comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file, or a folder of `*.toml` files.
    Path(PathBuf),
    /// TOML text.
    Text(String),
    /// Built in code.
    Document(Box<Document>),
}

impl Source {
    /// The file or folder, if it is one.
    #[cfg_attr(not(feature = "scaling"), expect(dead_code, reason = "only scaling groups are started from there"))]
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Text(_) | Self::Document(_) => None,
        }
    }

    /// Reads and checks. Blocks on files.
    pub(crate) fn read(&self, natives: &Natives) -> Result<Loaded, Box<Report>> {
        let natives = natives.names();
        let environment = |name: &str| std::env::var(name).ok();
        let loaded = match self {
            Self::Path(path) => Sources::read(path).and_then(|sources| sources.check(&environment, &natives)),
            Self::Text(text) => Sources::from_text("configuration", text).check(&environment, &natives),
            Self::Document(document) => equipoise_config::check(document, Path::new(""), &natives),
        };
        loaded.map_err(Box::new)
    }
}
