//! How much of a machine the program takes: its file, its memory while it is idle, its start.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::bench::{self, free_port, pause, resident};

const MIB: f64 = 1024.0 * 1024.0;

/// Most MiB of the file with everything, and without plugins.
const WHOLE: f64 = 30.0;
const WITHOUT_PLUGINS: f64 = 10.0;
/// Most MiB in memory, idle, with one small plugin.
const IDLE: f64 = 30.0;
/// Most milliseconds from the start to the first answer, with the plugin in the cache.
const START: f64 = 100.0;

/// Starts, of which the median counts.
const STARTS: usize = 9;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (whole, without) = match arguments {
        [] => (bench::build("dist")?, Some(bench::build_with("dist", &["--no-default-features"], &[])?)),
        ["--binary", binary] => (PathBuf::from(binary), None),
        other => anyhow::bail!("`{}` is not understood; there is only --binary FILE", other.join(" ")),
    };
    let folder = tempfile::tempdir()?;
    let mut exceeded = Vec::new();
    let mut check = |what: &'static str, figure: f64, limit: f64, unit: &str| {
        println!("{what:<52} {figure:>7.1} {unit} of {limit}");
        if figure > limit {
            exceeded.push(what);
        }
    };
    check("the program, stripped", stripped(&whole, folder.path())?, WHOLE, "MiB");
    if let Some(without) = without {
        check("the program without plugins, stripped", stripped(&without, folder.path())?, WITHOUT_PLUGINS, "MiB");
    }
    let site = Site::new(&whole, folder.path())?;
    site.start()?; // fills the cache
    let mut starts = (0..STARTS).map(|_| Ok(site.start()?.1.as_secs_f64() * 1e3)).collect::<Result<Vec<_>>>()?;
    starts.sort_by(f64::total_cmp);
    let (running, _) = site.start()?;
    pause(Duration::from_secs(3));
    check("resident, idle, with a plugin", resident(running.0.id(), "Rss:")? / 1024.0, IDLE, "MiB");
    check("from the start to the first answer", starts[STARTS / 2], START, "ms");
    ensure!(exceeded.is_empty(), "exceeded: {}", exceeded.join(", "));
    Ok(())
}

/// Size of the file without symbols, in MiB.
fn stripped(program: &Path, folder: &Path) -> Result<f64> {
    let copy = folder.join("stripped");
    let status =
        Command::new("strip").arg("-o").arg(&copy).arg(program).status().context("running strip (binutils)")?;
    ensure!(status.success(), "strip failed");
    Ok(fs::metadata(copy)?.len() as f64 / MIB)
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program with a configuration: one route by the example router.
struct Site<'a> {
    program: PathBuf,
    folder: &'a Path,
    configuration: PathBuf,
    port: u16,
}

impl<'a> Site<'a> {
    fn new(program: &Path, folder: &'a Path) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
        let component = root.join("plugins/prebuilt/geo-router.wasm");
        let port = free_port()?;
        let configuration = folder.join("equipoise.toml");
        let text = format!(
            "[admin]\nbind = \"127.0.0.1:0\"\n[listener.web]\nbind = \"127.0.0.1:{port}\"\n\
             default = {{ plugin = \"geo\", respond = {{ status = 200, body = \"here\" }} }}\n\
             [plugin.geo]\ncomponent = \"{}\"\nworld = \"router\"\n",
            component.display()
        );
        fs::write(&configuration, text)?;
        Ok(Self { program: program.canonicalize()?, folder, configuration, port })
    }

    /// Starts the program, and gives how long its first answer took.
    fn start(&self) -> Result<(Running, Duration)> {
        let log = fs::File::create(self.folder.join("log"))?;
        let began = Instant::now();
        let child = Command::new(&self.program)
            .args(["run", "-c"])
            .arg(&self.configuration)
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the program")?;
        let mut running = Running(child);
        while self.ask().is_none() {
            let said = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            ensure!(running.0.try_wait()?.is_none(), "the program ended early: {}", said());
            ensure!(began.elapsed() < Duration::from_secs(30), "the program does not answer: {}", said());
            pause(Duration::from_millis(1));
        }
        Ok((running, began.elapsed()))
    }

    fn ask(&self) -> Option<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    }
}
