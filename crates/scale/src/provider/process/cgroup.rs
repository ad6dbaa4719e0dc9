//! Limits for an instance with everything that it starts, where a part of the cgroup tree (version 2) is delegated to this
//! program, as by `Delegate=yes` of a systemd unit.
//!
//! ```text
//! DELEGATED            cgroup.subtree_control: +cpu +memory +pids
//! ├── balancer         this program: a cgroup that hands controllers down may hold no processes itself
//! └── equipoise
//!     └── i-…          an instance: cpu.max, memory.max, pids.max
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::Pid;
use tracing::warn;

use crate::InstanceId;
use crate::provider::limits::Limits;

/// What `cpu.max` counts in, in microseconds.
const PERIOD: f64 = 100_000.0;
const OURS: &str = "balancer";
const INSTANCES: &str = "equipoise";

/// The cgroup of one instance.
#[derive(Debug)]
pub(super) struct Cgroup(PathBuf);

impl Cgroup {
    /// The cgroup that an instance was put into by an earlier program.
    pub(super) fn existing(instance: &InstanceId) -> Option<Self> {
        let path = find().ok()?.join(INSTANCES).join(instance.as_str());
        path.is_dir().then_some(Self(path))
    }

    /// Puts a process into a cgroup of its own when the limits ask for it and a part of the tree is delegated. Says once, if
    /// that cannot be.
    pub(super) fn enclose(limits: &Limits, instance: &InstanceId, pid: Pid) -> Option<Self> {
        static PREPARED: OnceLock<Option<PathBuf>> = OnceLock::new();
        if limits.cpu.is_none() && limits.memory.is_none() && limits.tasks.is_none() {
            return None;
        }
        let prepared = PREPARED.get_or_init(|| match find().and_then(|delegated| prepare(&delegated)) {
            Ok(instances) => Some(instances),
            Err(reason) => {
                warn!("`cpu`, `memory` and `tasks` of launch templates are not enforced: {reason}");
                None
            }
        });
        match Self::make(prepared.as_deref()?, limits, instance, pid) {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                warn!("instance {instance}: its limits are not enforced: {error}");
                None
            }
        }
    }

    fn make(instances: &Path, limits: &Limits, instance: &InstanceId, pid: Pid) -> io::Result<Self> {
        let cgroup = Self(instances.join(instance.as_str()));
        fs::create_dir(&cgroup.0)?;
        let fill = || {
            if let Some(cpu) = limits.cpu {
                fs::write(cgroup.0.join("cpu.max"), format!("{:.0} {PERIOD:.0}", (cpu * PERIOD).max(1000.0)))?;
            }
            if let Some(memory) = limits.memory {
                fs::write(cgroup.0.join("memory.max"), memory.to_string())?;
                // Half an instance is of no use. Kernels before 4.19 have no such file.
                let _ = fs::write(cgroup.0.join("memory.oom.group"), "1");
            }
            if let Some(tasks) = limits.tasks {
                fs::write(cgroup.0.join("pids.max"), tasks.to_string())?;
            }
            fs::write(cgroup.0.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
        };
        match fill() {
            Ok(()) => Ok(cgroup),
            Err(error) => {
                cgroup.remove();
                Err(error)
            }
        }
    }

    /// Processor time of everything that ever ran in it, in microseconds.
    pub(super) fn processor_time(&self) -> Option<u64> {
        let stat = fs::read_to_string(self.0.join("cpu.stat")).ok()?;
        stat.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok())
    }

    /// Kills everything in it at once, which no fork outruns. Kernels before 5.14 cannot.
    pub(super) fn kill(&self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
    }

    /// Removes it; it must be empty.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// The part of the tree that may be delegated to this program.
fn find() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("reading {path}: {error}"));
    locate(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)
}

/// Field 4 of mountinfo is what part of the tree is mounted, field 5 where; see proc_pid_mountinfo(5).
fn locate(cgroup: &str, mounts: &str) -> Result<PathBuf, String> {
    let none = || "there is no cgroup of version 2 here".to_owned();
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::")).ok_or_else(none)?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 ")).ok_or_else(none)?;
    let mut fields = mount.split(' ').skip(3);
    let (part, point) = fields.next().zip(fields.next()).ok_or_else(none)?;
    let inner = Path::new(own).strip_prefix(part).unwrap_or(Path::new(own));
    let path = Path::new(point).join(inner.strip_prefix("/").unwrap_or(inner));
    match path.file_name() {
        Some(name) if name == OURS => Ok(path.parent().map(Path::to_path_buf).unwrap_or_default()),
        _ => Ok(path),
    }
}

/// Makes room for instances below what is delegated.
fn prepare(delegated: &Path) -> Result<PathBuf, String> {
    let attempt = |what: &str, path: &Path, error: io::Error| format!("{what} {}: {error}", path.display());
    let controllers = delegated.join("cgroup.controllers");
    let offered = fs::read_to_string(&controllers).map_err(|error| attempt("reading", &controllers, error))?;
    let missing = ["cpu", "memory", "pids"].into_iter().find(|name| !offered.split_whitespace().any(|it| it == *name));
    if let Some(missing) = missing {
        return Err(format!("{} has no controller `{missing}`; a unit has with `Delegate=yes`", delegated.display()));
    }
    // The root of the whole tree, which has no type, may hold processes beside controllers.
    if delegated.join("cgroup.type").exists() {
        move_out(delegated).map_err(|error| attempt("moving processes out of", delegated, error))?;
    }
    let instances = delegated.join(INSTANCES);
    match fs::create_dir(&instances) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(attempt("making", &instances, error)),
        _ => {}
    }
    for level in [delegated, &instances] {
        let control = level.join("cgroup.subtree_control");
        fs::write(&control, "+cpu +memory +pids").map_err(|error| attempt("writing", &control, error))?;
    }
    Ok(instances)
}

/// Moves this program, and whatever else is there, one level down.
fn move_out(delegated: &Path) -> io::Result<()> {
    let inside = fs::read_to_string(delegated.join("cgroup.procs"))?;
    if inside.trim().is_empty() {
        return Ok(());
    }
    let ours = delegated.join(OURS);
    match fs::create_dir(&ours) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    inside.lines().try_for_each(|pid| fs::write(ours.join("cgroup.procs"), pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cgroup: &str, mounts: &str, expected: Option<&str>) {
        assert_eq!(locate(cgroup, mounts).ok(), expected.map(PathBuf::from));
    }

    #[test]
    fn the_delegated_part_is_found_below_where_the_tree_is_mounted() {
        let unified = "25 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
        check("0::/system.slice/e.service\n", unified, Some("/sys/fs/cgroup/system.slice/e.service"));
        check("0::/system.slice/e.service/balancer\n", unified, Some("/sys/fs/cgroup/system.slice/e.service"));
        check("0::/\n", unified, Some("/sys/fs/cgroup"));
        let hybrid = "9 1 0:9 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        check("4:memory:/a\n0::/b\n", hybrid, Some("/sys/fs/cgroup/unified/b"));
        let part = "9 1 0:9 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        check("0::/docker/1/x\n", part, Some("/sys/fs/cgroup/x"));
        check("4:memory:/a\n", unified, None);
        check("0::/a\n", "25 1 0:22 / / rw - ext4 x rw\n", None);
    }

    /// A folder that looks like a delegated cgroup; the kernel's own rules are not in it.
    #[test]
    fn an_instance_gets_its_limits_and_its_process() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpuset cpu io memory pids\n").unwrap();
        fs::write(root.path().join("cgroup.type"), "domain\n").unwrap();
        fs::write(root.path().join("cgroup.procs"), "41\n42\n").unwrap();
        let instances = prepare(root.path()).unwrap();
        let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
        assert_eq!(read("cgroup.subtree_control"), "+cpu +memory +pids");
        assert_eq!(read("equipoise/cgroup.subtree_control"), "+cpu +memory +pids");
        assert_eq!(read("balancer/cgroup.procs"), "42");
        let limits = Limits { cpu: Some(0.5), memory: Some(1 << 20), tasks: Some(7), ..Limits::default() };
        let instance = InstanceId::from_number(1);
        let cgroup = Cgroup::make(&instances, &limits, &instance, Pid::from_raw(43).unwrap()).unwrap();
        let read = |file: &str| fs::read_to_string(cgroup.0.join(file)).unwrap();
        assert_eq!(read("cpu.max"), "50000 100000");
        assert_eq!(
            (read("memory.max"), read("pids.max"), read("cgroup.procs")),
            ("1048576".into(), "7".into(), "43".into())
        );
        fs::write(cgroup.0.join("cpu.stat"), "usage_usec 1234\nuser_usec 1000\n").unwrap();
        assert_eq!(cgroup.processor_time(), Some(1234));
    }

    #[test]
    fn a_part_without_controllers_is_refused_in_words() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpu pids\n").unwrap();
        let refused = prepare(root.path()).unwrap_err();
        assert!(refused.contains("no controller `memory`"), "{refused}");
    }

    /// Where the kernel has a tree that this user may write to: elsewhere there is nothing to try.
    #[test]
    fn the_kernel_kills_what_is_in_an_instances_cgroup() {
        let Ok(root) = find() else { return };
        let instances = root.join(format!("equipoise-test-{}", std::process::id()));
        if fs::create_dir(&instances).is_err() {
            return;
        }
        let mut child = std::process::Command::new("/bin/sleep").arg("600").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let cgroup = Cgroup::make(&instances, &Limits::default(), &InstanceId::from_number(2), pid).unwrap();
        assert!(cgroup.processor_time().is_some());
        cgroup.kill();
        assert!(!child.wait().unwrap().success());
        cgroup.remove();
        fs::remove_dir(&instances).unwrap();
    }
}
