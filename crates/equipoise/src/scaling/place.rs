//! Where scaling groups live on this machine: the file they are remembered in, the folder of their instances, and the name that
//! tells them from those of other programs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use equipoise_config::{Config, StateFile};
use equipoise_scale::provider::Setting;
use equipoise_target::ScalingGroupName;

use super::store::{File, Memory, Store, StoreError};

/// What the file is called in the program's state folder.
const USUAL: &str = "scaling.redb";

/// The folder beside it for what is known of instances.
const INSTANCES: &str = "instances";

/// Where scaling groups live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `None` to remember nothing.
    file: Option<PathBuf>,
    owner: Arc<str>,
    folder: PathBuf,
    base: PathBuf,
}

impl Place {
    /// As the configuration says; `usual` is the program's state folder, if it has one, and `source` where the
    /// configuration was read from, if it was a file.
    pub(super) fn new(config: &Config, usual: Option<&Path>, source: Option<&Path>) -> Self {
        let file = match &config.scaling.state {
            StateFile::At(file) => Some(file.clone()),
            StateFile::Usual => usual.map(|folder| folder.join(USUAL)),
            StateFile::None => None,
        };
        let folder = file.as_deref().and_then(Path::parent).or(usual).map(Path::to_owned);
        let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("equipoise")).join(INSTANCES);
        let source = source.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let base = source.as_deref().map(|path| if path.is_dir() { path } else { path.parent().unwrap_or(path) });
        let base = base.map(Path::to_owned).or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let owner = owner(file.as_deref().or(source.as_deref()));
        Self { file, owner, folder, base }
    }

    /// What a provider is told.
    pub(super) fn setting(&self, group: &ScalingGroupName) -> Setting {
        Setting {
            group: group.clone(),
            owner: Arc::clone(&self.owner),
            folder: self.folder.clone(),
            base: self.base.clone(),
        }
    }

    /// Whether an earlier program has remembered anything here.
    pub(super) fn remembers(&self) -> bool {
        self.file.as_deref().is_some_and(Path::exists)
    }

    /// Opens what is remembered. Blocks.
    pub(super) fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(match &self.file {
            Some(file) => Box::new(File::open(file)?),
            None => Box::new(Memory::default()),
        })
    }
}

/// A name that is the same for the next program that remembers in the same file, or that reads the same configuration
/// where nothing is remembered, and no other's.
fn owner(path: Option<&Path>) -> Arc<str> {
    let Some(path) = path else { return format!("process-{}", std::process::id()).into() };
    // FNV-1a: the same in every version of this program, which std's hashes do not promise.
    let hash = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_the_same_for_the_same_file_and_nobody_elses() {
        assert_eq!(owner(Some(Path::new("/var/lib/equipoise/scaling.redb"))), "a40a552ba6639e7b".into());
        assert_ne!(owner(Some(Path::new("/a"))), owner(Some(Path::new("/b"))));
    }
}
