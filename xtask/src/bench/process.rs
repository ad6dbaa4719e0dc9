//! Programs that run on a processor of their own, and what they have used.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// A proxy on the last processors.
#[derive(Debug)]
pub(super) struct Pinned {
    child: Child,
    pub(super) port: u16,
}

/// Processor time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    pub(super) user: Duration,
    pub(super) system: Duration,
}

/// The first processors of all, less the last `proxy` ones, as `taskset` wants them.
pub(super) fn for_load(proxy: usize) -> String {
    let all = available_parallelism().map_or(2, usize::from);
    format!("0-{}", all.saturating_sub(proxy + 1))
}

fn for_proxy(workers: usize) -> String {
    let all = available_parallelism().map_or(2, usize::from);
    format!("{}-{}", all.saturating_sub(workers), all - 1)
}

/// `command`, kept to `processors`.
pub(super) fn pinned(processors: &str, command: &Command) -> Command {
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", processors]).arg(command.get_program()).args(command.get_args());
    taskset
}

impl Pinned {
    pub(super) fn start(command: &mut Command, port: u16, workers: usize, log: &Path) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = File::create(log)?;
        let child = pinned(&for_proxy(workers), command)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let mut proxy = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(15);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || fs::read_to_string(log).unwrap_or_default().trim().to_owned();
            if proxy.child.try_wait()?.is_some() {
                bail!("{name} ended early: {}", said());
            }
            ensure!(Instant::now() < deadline, "{name} does not answer: {}", said());
            pause(Duration::from_millis(20));
        }
        Ok(proxy)
    }

    pub(super) fn cpu(&self) -> Result<Cpu> {
        cpu(self.child.id())
    }

    pub(super) fn memory(&self) -> Result<f64> {
        memory(self.child.id())
    }
}

/// Resident memory in KiB, shared pages in proportion, of the process and its children.
pub(crate) fn memory(process: u32) -> Result<f64> {
    children(process).into_iter().try_fold(resident(process, "Pss:")?, |sum, child| Ok(sum + memory(child)?))
}

/// Resident memory of one process in KiB: with all shared pages (`Rss:`), or with its part of them (`Pss:`).
pub(crate) fn resident(process: u32, measure: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(measure)).context("smaps_rollup is not as expected")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The process is ours and not waited for yet, so the number is still its.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            pause(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Time of the process and of its children that are still there.
fn cpu(process: u32) -> Result<Cpu> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = text.rsplit_once(')').context("/proc/…/stat is not as expected")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let mut next = || -> Result<Duration> {
        let ticks = times.next().context("/proc/…/stat is too short")??;
        Ok(Duration::from_secs_f64(ticks / rustix::param::clock_ticks_per_second() as f64))
    };
    let mut all = Cpu { user: next()?, system: next()? };
    for child in children(process) {
        let Cpu { user, system } = cpu(child)?;
        all.user += user;
        all.system += system;
    }
    Ok(all)
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

pub(crate) fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).exists())
}

/// A port that nothing listens on. SO_REUSEPORT would let two proxies share one without a word.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[expect(clippy::disallowed_methods, reason = "a chore has no worker to block")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
