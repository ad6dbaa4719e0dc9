//! One run of a program: in time, with bounded output, and with nothing left of it when it is given up.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::CommandTemplate;
use crate::provider::{Setting, environment, output};

/// The most that a program may write to its output.
const OUTPUT: u64 = 1 << 20;
/// How much of what it says of itself is read.
const ERRORS: u64 = 64 << 10;
/// How many of its last lines are shown when it fails.
const SHOWN: usize = 3;
/// How long output is waited for when the program has ended: what it started in the background may hold it open for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// A program with what it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program<'a> {
    pub(super) setting: &'a Setting,
    pub(super) template: &'a CommandTemplate,
    pub(super) words: &'a [String],
    /// A variable that says what it is about.
    pub(super) about: Option<(&'a str, &'a str)>,
}

/// What is attempted by running these words.
pub(super) fn attempt(words: &[String]) -> String {
    format!("running `{}`", words.first().map_or("", String::as_str))
}

impl Program<'_> {
    pub(super) fn attempt(&self) -> String {
        attempt(self.words)
    }

    /// What it wrote to its output.
    ///
    /// # Errors
    /// A sentence: it could not be started, took too long, wrote too much, or ended with another code than 0.
    pub(super) async fn run(&self) -> Result<Vec<u8>, String> {
        let mut child = self.command().spawn().map_err(|error| error.to_string())?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        let (mut written, mut said) = (Vec::new(), Vec::new());
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let read = async {
                let both = tokio::join!(drain(output, OUTPUT + 1, &mut written), drain(errors, ERRORS, &mut said));
                both.0.and(both.1)
            };
            tokio::pin!(read);
            tokio::select! {
                read = &mut read => {
                    read?;
                    child.wait().await
                }
                status = child.wait() => {
                    // Past this it is no error that somebody else still holds the other end.
                    if let Ok(read) = timeout(DRAIN, &mut read).await {
                        read?;
                    }
                    status
                }
            }
        };
        let limit = self.template.timeout;
        let status = timeout(limit, ended).await.map_err(|_| format!("no end after {limit:?}"))?;
        let status = status.map_err(|error| error.to_string())?;
        if !status.success() {
            let lines = output::last_lines(&said, SHOWN);
            return Err(if lines.is_empty() { status.to_string() } else { format!("{status}: {}", lines.join(" | ")) });
        }
        if written.len() as u64 > OUTPUT {
            return Err(format!("it wrote more than {OUTPUT} bytes"));
        }
        // What it left in the background is its affair from now on.
        group.forget();
        Ok(written)
    }

    fn command(&self) -> Command {
        let mut words = self.words.iter();
        let program = words.next().map_or("", String::as_str);
        let base = &self.setting.base;
        let mut command = match program.contains('/') {
            true => Command::new(base.join(program)),
            false => Command::new(program),
        };
        command.args(words).current_dir(base).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(environment::kept()).envs(&self.template.environment);
        command.env("EQUIPOISE_GROUP", self.setting.group.as_str()).env("EQUIPOISE_OWNER", &*self.setting.owner);
        command.envs(self.about);
        command
    }
}

/// Reads to the end, keeps the beginning: a writer is never held up.
async fn drain(from: Option<impl AsyncRead + Unpin>, most: u64, to: &mut Vec<u8>) -> io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    (&mut from).take(most).read_to_end(to).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await.map(drop)
}

/// The program's process group, which is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The leader is a child that may have been reaped a moment ago; its group's id is not given anew while one is in it,
        // and otherwise not within that moment.
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}
