//! Three instances of the todo application as child processes of this program.
//!
//! They cannot outlive it: each has a pipe from us as its standard input and ends when the pipe does, which happens
//! even if we are killed. Each has a process group of its own, so that a Ctrl-C meant for us does not end them before
//! their requests are drained.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const NAMES: [&str; 3] = ["one", "two", "three"];
/// Long enough to watch the balancer without it, short enough not to wait for it.
const ABSENCE: Duration = Duration::from_secs(4);
const START_LIMIT: Duration = Duration::from_secs(20);
/// An instance answers what it was asked within this, or is killed.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What stays the same about an instance however often it is started.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    /// Changes when it is started again.
    pid: Mutex<Option<u32>>,
}

impl Instance {
    pub(crate) fn pid(&self) -> Option<u32> {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_pid(&self, pid: Option<u32>) {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner) = pid;
    }
}

/// One life of an instance.
#[derive(Debug)]
struct Process {
    child: Child,
    /// Its standard input, kept apart: waiting for a child closes what it holds, which would end it.
    leash: ChildStdin,
}

/// The instances and the tasks that look after them.
#[derive(Debug)]
pub(crate) struct Instances {
    known: Vec<Arc<Instance>>,
    stop: CancellationToken,
    keepers: JoinSet<()>,
}

impl Instances {
    /// Starts all of them, each with its data in a folder of its own below `folder`.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut instances = Self { known: Vec::new(), stop: CancellationToken::new(), keepers: JoinSet::new() };
        for name in NAMES {
            let data = folder.join("data").join(name);
            let (process, port) = spawn(name, 0, &data).await.with_context(|| format!("starting instance {name}"))?;
            let instance = Arc::new(Instance { name, port, data, pid: Mutex::new(process.child.id()) });
            instances.known.push(Arc::clone(&instance));
            instances.keepers.spawn(keep(instance, process, instances.stop.clone()));
        }
        Ok(instances)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instance> {
        self.known.iter().map(AsRef::as_ref)
    }

    /// Ends all of them and waits until they are gone. (Dropping kills them without a wait.)
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while self.keepers.join_next().await.is_some() {}
    }
}

/// Starts the instance again whenever it ends, until the demo does.
async fn keep(instance: Arc<Instance>, mut process: Process, stop: CancellationToken) {
    loop {
        tokio::select! {
            ended = process.child.wait() => tell(&instance, ended),
            () = stop.cancelled() => return end(process).await,
        }
        instance.set_pid(None);
        process = tokio::select! {
            process = revive(&instance) => process,
            () = stop.cancelled() => return,
        };
        instance.set_pid(process.child.id());
    }
}

fn tell(instance: &Instance, ended: io::Result<std::process::ExitStatus>) {
    let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
    tracing::warn!(instance = instance.name, %how, "ended; it is started again in {ABSENCE:?}");
}

async fn revive(instance: &Instance) -> Process {
    loop {
        sleep(ABSENCE).await;
        match spawn(instance.name, instance.port, &instance.data).await {
            Ok((process, _)) => return process,
            Err(error) => tracing::warn!(instance = instance.name, "does not start: {error:#}"),
        }
    }
}

async fn end(process: Process) {
    let Process { mut child, leash } = process;
    drop(leash);
    if timeout(END_LIMIT, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Starts an instance and waits until it says where it listens.
async fn spawn(name: &str, port: u16, data: &Path) -> anyhow::Result<(Process, u16)> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command.args(["sample-service", "--until-stdin-ends", "--name", name, "--port", &port.to_string(), "--data"]);
    command.arg(data).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).process_group(0);
    let mut child = command.spawn().context("starting a process")?;
    let leash = child.stdin.take().context("the process has no standard input")?;
    let stdout = child.stdout.take().context("the process has no standard output")?;
    let mut line = String::new();
    let mut stdout = BufReader::new(stdout);
    timeout(START_LIMIT, stdout.read_line(&mut line))
        .await
        .context("it does not say where it listens")?
        .context("reading its port")?;
    let port = line.trim_end().rsplit(':').next().and_then(|port| port.parse().ok());
    let port = port.with_context(|| format!("it said `{}` instead of where it listens", line.trim_end()))?;
    Ok((Process { child, leash }, port))
}
