//! The built program as a child process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::{client, eventually, free_port};

/// The program, built once for this test run with this run's profile.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("EQUIPOISE_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    // This executable lies in `<target>/<profile>/deps`; the program belongs two levels above it.
    let this = std::env::current_exe().expect("this executable has a path");
    let profile_dir = this.ancestors().nth(2).expect("cargo's layout").to_owned();
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target_dir = profile_dir.parent().expect("cargo's layout");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "equipoise-cli", "--bin", "equipoise", "--profile", profile])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the program does not build");
    profile_dir.join("equipoise")
}

/// Runs the program to its end with these arguments.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn equipoise(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().expect("the program starts")
}

/// A running `equipoise run` with a configuration file in a folder of its own; killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    folder: TempDir,
    log: Arc<Mutex<String>>,
    /// Port of the admin address.
    pub admin: u16,
}

impl Program {
    /// Starts with `configuration`, to which an `[admin]` table on a free port is added, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(configuration: &str) -> Self {
        Self::start_with(configuration, |_| {})
    }

    /// As [`Program::start`], after `prepare` put further files into the folder.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start_with(configuration: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::start_through(configuration, prepare, &|program| {
            let mut command = Command::new(program);
            command.stdin(Stdio::null());
            command
        })
    }

    /// As [`Program::start_with`], with the command that starts the program made by `command` of its path; arguments, a
    /// configuration among them, are added to it.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start_through(configuration: &str, prepare: impl FnOnce(&Path), command: &dyn Fn(&Path) -> Command) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        prepare(folder.path());
        let admin = free_port();
        let file = folder.path().join("equipoise.toml");
        std::fs::write(&file, with_admin(configuration, admin)).expect("writable");
        let mut child = command(binary())
            .args(["run", "-c"])
            .arg(&file)
            .env("EQUIPOISE_CACHE", shared_cache())
            .env("EQUIPOISE_STATE", folder.path().join("state"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = follow(&mut child);
        let mut program = Self { child, folder, log, admin };
        eventually("the program gets ready", || program.is_ready());
        program
    }

    fn is_ready(&mut self) -> Option<()> {
        if let Some(status) = self.child.try_wait().expect("waitable") {
            panic!("the program ended with {status}:\n{}", self.log());
        }
        client::get(self.admin, "/readyz").is_ok_and(|answer| answer.status == 200).then_some(())
    }

    /// The folder that holds the configuration.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it wrote to standard error so far.
    ///
    /// # Panics
    /// Never in practice.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("the reader does not panic").clone()
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Replaces the configuration file in one step, as editors do; the watcher or [`Program::reload`] picks it up.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, configuration: &str) {
        self.replace("equipoise.toml", with_admin(configuration, self.admin).as_bytes());
    }

    /// Replaces any file of the folder in one step.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn replace(&self, name: &str, content: &[u8]) {
        let (draft, file) = (self.folder().join(format!("{name}.draft")), self.folder().join(name));
        std::fs::write(&draft, content).expect("writable");
        std::fs::rename(&draft, &file).expect("writable");
    }

    /// `equipoise reload`, to its end.
    #[must_use]
    pub fn reload(&self) -> Output {
        equipoise(&["--admin", &format!("127.0.0.1:{}", self.admin), "reload"])
    }

    /// The status as JSON.
    ///
    /// # Panics
    /// When the admin address does not answer with JSON.
    #[must_use]
    pub fn status(&self) -> Value {
        let answer = client::get(self.admin, "/v1/status").expect("the admin address answers");
        serde_json::from_str(&answer.body).expect("status is JSON")
    }

    /// The metrics page.
    ///
    /// # Panics
    /// When the admin address does not answer.
    #[must_use]
    pub fn metrics(&self) -> String {
        client::get(self.admin, "/metrics").expect("the admin address answers").body
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the process lives");
    }

    /// Waits for the end and gives the exit code; `None` when a signal ended it or time ran out.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the log of the program explains a failed test")]
            {
                eprintln!("--- log of the program ---\n{}", self.log());
            }
        }
    }
}

fn with_admin(configuration: &str, admin: u16) -> String {
    format!("{configuration}\n[admin]\nbind = \"127.0.0.1:{admin}\"\n")
}

/// Compiled plugins are shared between the programs of one test run.
fn shared_cache() -> PathBuf {
    binary().parent().expect("the program lies in a folder").join("equipoise-test-cache")
}

fn follow(child: &mut Child) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let (pipe, sink) = (child.stderr.take().expect("piped"), log.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = sink.lock().expect("nobody panics with the log");
            log.push_str(&line);
            log.push('\n');
        }
    });
    log
}

/// The sample service as a child process; killed when dropped.
#[derive(Debug)]
pub struct SampleService {
    child: Child,
    name: String,
    data: PathBuf,
    /// Where it listens.
    pub port: u16,
}

impl SampleService {
    /// Starts an instance that keeps its store below `data`, and waits until it is healthy.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(name: &str, port: u16, data: &Path) -> Self {
        let (name, data) = (name.to_owned(), data.join(name));
        let service = Self { child: spawn(&name, port, &data), name, data, port };
        service.wait_until_healthy();
        service
    }

    fn wait_until_healthy(&self) {
        eventually("the sample service is healthy", || {
            client::get(self.port, "/api/v1/health").is_ok_and(|answer| answer.status == 200).then_some(())
        });
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port and store.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.name, self.port, &self.data);
        self.wait_until_healthy();
    }

    /// The folder of its store.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }
}

impl Drop for SampleService {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(name: &str, port: u16, data: &Path) -> Child {
    Command::new(binary())
        .args(["sample-service", "--name", name, "--port", &port.to_string(), "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the sample service starts")
}
