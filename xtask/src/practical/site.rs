//! The balancer and its folder.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::http::Line;
use super::scenario::{GROUP, Scenario};
use crate::bench::{free_port, pause};

/// Where instances listen: enough for four, one more in a refresh, and some that others have taken.
const INSTANCES: &str = "21500-21539";
/// What the program may need to end, with its instances.
const END: Duration = Duration::from_secs(60);

/// A running balancer.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) port: u16,
    pub(super) admin: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Site {
    pub(super) fn start(program: &Path, scenario: &Scenario) -> Result<Self> {
        let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
        let folder = tempfile::tempdir()?;
        let (port, admin) = (free_port()?, free_port()?);
        let file = folder.path().join("practical.toml");
        fs::write(&file, scenario.configuration(&program, port, admin, INSTANCES))?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = Command::new(program);
        command.args(["run", "-c"]).arg(&file).current_dir(folder.path()).env("EQUIPOISE_LOG", "info");
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut site = Self { port, admin, child, folder };
        let deadline = Instant::now() + END;
        while !is_ready(admin) {
            if site.child.try_wait()?.is_some() {
                bail!("the balancer ended early:\n{}", site.said());
            }
            ensure!(Instant::now() < deadline, "the balancer does not answer:\n{}", site.said());
            pause(Duration::from_millis(20));
        }
        Ok(site)
    }

    /// Lets the balancer end, and gives the last lines of its log.
    pub(super) fn stop(mut self) -> Result<String> {
        self.ask_to_end();
        ensure!(self.child.try_wait()?.is_some(), "the balancer did not end within {END:?}:\n{}", self.said());
        Ok(self.said())
    }

    fn ask_to_end(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // The process is ours and not waited for yet, so the number is still its.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        let deadline = Instant::now() + END;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            pause(Duration::from_millis(20));
        }
    }

    fn said(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// Whether the balancer takes requests and knows its scaling group.
fn is_ready(admin: u16) -> bool {
    let mut line = Line::new(admin);
    let paths = ["/readyz".to_owned(), format!("/v1/scaling-groups/{GROUP}")];
    paths.iter().all(|path| line.ask("GET", path).is_ok_and(|answer| answer.status == 200))
}

impl Drop for Site {
    fn drop(&mut self) {
        self.ask_to_end();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
