//! The demo's folder: configuration, plugin and data, gone when the demo is.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use tempfile::TempDir;

use super::instances::Instances;
use crate::args::DemoArgs;

const CONFIGURATION: &str = include_str!("demo.toml");
/// The router that runs first, and the same one in another language to replace it by.
const COMPONENT: &[u8] = include_bytes!("../../../../../plugins/prebuilt/geo-router.wasm");
const OTHER_COMPONENT: &[u8] = include_bytes!("../../../../../plugins/prebuilt/geo-router-c.wasm");

#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("equipoise-demo-").tempdir().context("making a folder")?;
        let folder = Self { folder };
        write(&folder.component(), COMPONENT)?;
        write(&folder.other_component(), OTHER_COMPONENT)?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.path().join("demo.toml")
    }

    pub(crate) fn component(&self) -> PathBuf {
        self.path().join("router.wasm")
    }

    pub(crate) fn other_component(&self) -> PathBuf {
        self.path().join("router-in-c.wasm")
    }

    /// Writes the configuration for these ports and targets.
    pub(crate) fn configure(&self, ports: &DemoArgs, instances: &Instances) -> anyhow::Result<()> {
        write(
            &self.configuration(),
            configuration(ports, instances.iter().map(|instance| (instance.name, instance.port))).as_bytes(),
        )
    }

    /// Removes everything; dropping would do so too, but could not say that it failed.
    pub(crate) fn remove(self) -> anyhow::Result<()> {
        let path = self.path().to_owned();
        match self.folder.close() {
            // Somebody was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.with_context(|| format!("removing {}", path.display())),
        }
    }
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

fn configuration<'a>(ports: &DemoArgs, targets: impl Iterator<Item = (&'a str, u16)>) -> String {
    let lines: Vec<_> = targets
        .map(|(name, port)| format!("  {{ address = \"127.0.0.1\", port = {port}, weight = 1 }}, # {name}\n"))
        .collect();
    CONFIGURATION
        .replace("{port}", &ports.port.to_string())
        .replace("{admin-port}", &ports.admin_port.to_string())
        .replace("  # targets\n", &lines.concat())
        .replace("  # abroad\n", lines.last().map_or("", String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_passes_its_own_check() {
        let folder = Folder::new().unwrap();
        // Each the other's default.
        let ports = DemoArgs { port: 9900, admin_port: 8080, cache: Default::default() };
        let text = configuration(&ports, [("one", 1), ("two", 2), ("three", 3)].into_iter());
        write(&folder.configuration(), text.as_bytes()).unwrap();
        let loaded = equipoise_config::load(&folder.configuration(), &|_| None).unwrap();
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        assert_eq!(loaded.config.target_groups.iter().map(|group| group.targets.len()).sum::<usize>(), 4);
        assert_eq!(loaded.config.admin.bind.port(), 8080);
        assert_eq!(loaded.config.listeners[0].bind.port(), Some(9900));
        assert!(text.contains("curl -i 'http://127.0.0.1:9900/api"), "{text}");
    }

    #[test]
    fn the_folder_is_gone_when_it_is_removed() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        assert!(folder.component().is_file());
        folder.remove().unwrap();
        assert!(!path.exists());
        let folder = Folder::new().unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        folder.remove().unwrap();
    }
}
