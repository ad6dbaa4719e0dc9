//! Where providers are tested: a folder, an owner and instances that nobody else has, and every kind behind one door.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use equipoise_target::ScalingGroupName;
use rustix::process::{Pid, Signal};
use tokio::time::{sleep, timeout};

use super::engine::MockEngine;
use crate::provider::{Provider, Setting, provider};
use crate::{InstanceId, LaunchTemplate};

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What an instance does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Runs until it is stopped.
    Stays,
    /// Writes a line and ends with code 3.
    Exits,
    /// Takes no notice of the stop signal.
    Ignores,
    /// Computes.
    Burns,
}

impl Act {
    /// For a shell.
    fn script(self) -> &'static str {
        match self {
            Self::Stays => "echo here; exec sleep 600",
            Self::Exits => "echo no storage; exit 3",
            Self::Ignores => "trap '' TERM; while :; do sleep 600; done",
            Self::Burns => "while :; do :; done",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Process,
    Command,
    Docker,
}

/// Where one kind of provider is tested.
pub(super) struct Stage {
    pub(super) folder: tempfile::TempDir,
    kind: Kind,
    group: &'static str,
    /// Instances of tests that run at the same time are told apart by this.
    number: u64,
    pub(super) engine: Option<MockEngine>,
}

impl Stage {
    pub(super) async fn new(kind: Kind, group: &'static str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = tempfile::tempdir().unwrap();
        let number = (u64::from(std::process::id()) << 32) + (NUMBER.fetch_add(1, Ordering::Relaxed) << 16);
        let engine = match kind {
            Kind::Docker => Some(MockEngine::start(&folder.path().join("engine.sock")).await),
            _ => None,
        };
        Self { folder, kind, group, number, engine }
    }

    pub(super) fn instance(&self, number: u64) -> InstanceId {
        InstanceId::from_number(self.number + number)
    }

    pub(super) fn setting(&self) -> Setting {
        Setting {
            group: ScalingGroupName::new(self.group).unwrap(),
            owner: format!("test-{:x}", self.number).into(),
            folder: self.folder.path().join("state"),
            base: self.folder.path().to_path_buf(),
        }
    }

    pub(super) fn provider(&self, act: Act) -> Arc<dyn Provider> {
        provider(&self.setting(), &self.template(act)).unwrap()
    }

    pub(super) fn of_group(&self, group: &str) -> Arc<dyn Provider> {
        let setting = Setting { group: ScalingGroupName::new(group).unwrap(), ..self.setting() };
        provider(&setting, &self.template(Act::Stays)).unwrap()
    }

    pub(super) fn of_owner(&self, owner: &str) -> Arc<dyn Provider> {
        provider(&Setting { owner: owner.into(), ..self.setting() }, &self.template(Act::Stays)).unwrap()
    }

    /// Of the process provider, with lines of its own in its settings.
    pub(super) fn process(&self, script: &str, more: &str) -> Arc<dyn Provider> {
        provider(&self.setting(), &process(script, more)).unwrap()
    }

    pub(super) fn template(&self, act: Act) -> LaunchTemplate {
        let script = act.script();
        match self.kind {
            Kind::Process => process(script, "stop-timeout = '1s'"),
            Kind::Command => command(&self.folder.path().join("kept"), script),
            Kind::Docker => docker(&self.folder.path().join("engine.sock"), script),
        }
    }

    /// A shell ignores a signal only once it has come to that line.
    pub(super) async fn wait_for_trap(&self, instance: &InstanceId) {
        eventually(async || alive(instance).into_iter().any(ignores_term)).await;
    }
}

/// Whether a process ignores TERM, the 15th signal.
fn ignores_term(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & (1 << 14) != 0)
}

pub(super) fn process(script: &str, more: &str) -> LaunchTemplate {
    let text = format!("[process]\ncommand = ['/bin/sh', '-c', {script:?}]\nports = '21000-29999'\n{more}\n");
    toml::from_str(&text).unwrap()
}

fn command(state: &Path, script: &str) -> LaunchTemplate {
    let set = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/providers/local");
    let mut text = "[command]\ninterval = '1s'\n".to_owned();
    for program in ["launch", "list", "describe", "stop"] {
        text += &format!("{program} = [{:?}]\n", set.join(program));
    }
    text += &format!("[command.environment]\nSTATE = {state:?}\nRUN = {script:?}\nSTOP_SECONDS = '1'\n");
    text += "FIRST_PORT = '31000'\nLAST_PORT = '31999'\n";
    toml::from_str(&text).unwrap()
}

pub(super) fn docker(socket: &Path, script: &str) -> LaunchTemplate {
    let text = format!(
        "[docker]\nsocket = {socket:?}\nimage = 'todo:1'\nport = 6400\nstop-timeout = '1s'\n\
         command = ['/bin/sh', '-c', {script:?}]\n"
    );
    toml::from_str(&text).unwrap()
}

/// Processes that run, no zombies, and have the instance's name in their environment.
pub(super) fn alive(instance: &InstanceId) -> Vec<Pid> {
    let variable = format!("EQUIPOISE_INSTANCE={instance}");
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let told = environment.split(|byte| *byte == 0).any(|it| it == variable.as_bytes());
        let runs = || !fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| stat.contains(") Z "));
        (told && runs()).then(|| Pid::from_raw(pid))?
    })
    .collect()
}

/// Kills an instance that runs, as anybody might. While a shell becomes another program, it has no environment for a
/// moment: so this looks until it has found one.
pub(super) async fn kill(instance: &InstanceId) {
    eventually(async || {
        let found = alive(instance);
        for pid in &found {
            let _ = rustix::process::kill_process(*pid, Signal::KILL);
        }
        !found.is_empty()
    })
    .await;
}

/// Waits for a state.
#[track_caller]
pub(super) fn eventually(mut holds: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let reached = async {
            while !holds().await {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(PATIENCE, reached).await.is_ok(), "not reached: {caller}");
    }
}
