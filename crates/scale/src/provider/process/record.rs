//! What is written down of each instance, so that a later program finds it again: one small file in a folder that nobody
//! else can write to.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use equipoise_target::{Endpoint, ScalingGroupName};
use serde::{Deserialize, Serialize};

use crate::InstanceId;
use crate::provider::Handle;

/// One instance, written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) instance: InstanceId,
    pub(super) owner: String,
    pub(super) handle: Handle,
    pub(super) address: String,
}

impl Record {
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        self.address.parse().ok()
    }
}

/// Where a group's records and logs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn of(folder: &Path, group: &ScalingGroupName) -> Self {
        Self(folder.join(group.as_str()))
    }

    pub(super) fn log(&self, instance: &InstanceId) -> PathBuf {
        self.0.join(format!("{instance}.log"))
    }

    fn record(&self, instance: &InstanceId) -> PathBuf {
        self.0.join(format!("{instance}.json"))
    }

    /// Makes the folder, for this user alone.
    pub(super) fn prepare(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        if self.is_ours() {
            return Ok(());
        }
        let reason = format!("{} belongs to another user, or others may write to it", self.0.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
    }

    /// Whether nobody else can have put a record there: who can, could name any process as an instance.
    fn is_ours(&self) -> bool {
        fs::symlink_metadata(&self.0)
            .is_ok_and(|it| it.is_dir() && it.uid() == rustix::process::geteuid().as_raw() && it.mode() & 0o022 == 0)
    }

    /// A new log of an instance, to append to.
    pub(super) fn new_log(&self, instance: &InstanceId) -> io::Result<fs::File> {
        fs::OpenOptions::new().append(true).create(true).mode(0o600).open(self.log(instance))
    }

    /// Writes a record, whole or not at all.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        let path = self.record(&record.instance);
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec(record)?)?;
        fs::rename(new, path)
    }

    /// Every record of an owner. What cannot be read is no record.
    pub(super) fn read(&self, owner: &str) -> Vec<Record> {
        if !self.is_ours() {
            return Vec::new();
        }
        let paths = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        let records = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        let read = |path: PathBuf| serde_json::from_slice::<Record>(&fs::read(path).ok()?).ok();
        records.filter_map(read).filter(|record| record.owner == owner).collect()
    }

    /// Forgets an instance.
    pub(super) fn remove(&self, instance: &InstanceId) {
        let _ = fs::remove_file(self.record(instance));
        let _ = fs::remove_file(self.log(instance));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_by_their_owner_until_they_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(&folder.path().join("a/b"), &ScalingGroupName::new("todo").unwrap());
        assert_eq!(files.read("us"), []);
        files.prepare().unwrap();
        files.prepare().unwrap();
        let record = |number: u64, owner: &str| Record {
            instance: InstanceId::from_number(number),
            owner: owner.to_owned(),
            handle: Handle("1:2:3".into()),
            address: "127.0.0.1:6500".to_owned(),
        };
        files.write(&record(1, "us")).unwrap();
        files.write(&record(2, "them")).unwrap();
        fs::write(folder.path().join("a/b/todo/i-3.json"), "{").unwrap();
        assert_eq!(files.read("us"), [record(1, "us")]);
        files.remove(&InstanceId::from_number(1));
        assert_eq!(files.read("us"), []);
    }

    #[test]
    fn a_folder_that_others_may_write_to_holds_no_records() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path(), &ScalingGroupName::new("todo").unwrap());
        files.prepare().unwrap();
        let record = Record {
            instance: InstanceId::from_number(1),
            owner: "us".to_owned(),
            handle: Handle("1:2:3".into()),
            address: "127.0.0.1:6500".to_owned(),
        };
        files.write(&record).unwrap();
        fs::set_permissions(folder.path().join("todo"), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(files.read("us"), []);
        assert!(files.prepare().unwrap_err().to_string().contains("others may write to it"));
    }
}
