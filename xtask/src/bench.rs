//! Measures the program beside its peers, on the same machine in the same minutes, and compares with the gates.
//!
//! The proxy has the last processor to itself and one worker; load and targets have the others. What counts is processor
//! time of the proxy for each request, which a noisy machine disturbs least. Rounds of the proxies alternate.

mod idle;
mod load;
mod peer;
mod process;
mod rate;
mod report;
mod responder;
mod scenario;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use self::peer::{Peer, Site};
use self::process::Pinned;
use self::report::{Row, Sample};
use self::scenario::{Kind, SCENARIOS, Scenario};

pub(crate) use self::process::{free_port, is_installed, pause, resident};
pub(crate) use self::responder::respond;

/// What `cargo xtask bench` was asked for.
#[derive(Debug)]
struct Options {
    rounds: usize,
    length: Duration,
    /// A program that is there already.
    binary: Option<PathBuf>,
    scenarios: Vec<&'static Scenario>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::read(arguments)?;
    let binary = options.binary.clone().map_or_else(|| build("dist"), Ok)?;
    let peers = Peer::installed();
    let site = Site::new(&binary)?;
    let _targets = responder::start(&site)?;
    let mut failed = Vec::new();
    let mut rows = Vec::new();
    for scenario in &options.scenarios {
        if let Err(missing) = scenario.needs() {
            println!("{}: skipped: {missing:#}", scenario.name);
            continue;
        }
        match measure(scenario, &peers, &site, &options) {
            Ok(row) => {
                println!("{}", row.details());
                failed.extend(row.misses_gate().then_some(scenario.name));
                rows.push(row);
            }
            Err(error) => {
                println!("{}: {error:#}", scenario.name);
                failed.push(scenario.name);
            }
        }
    }
    println!("\n{}", report::table(&rows));
    ensure!(failed.is_empty(), "missed: {}", failed.join(", "));
    Ok(())
}

impl Options {
    fn read(arguments: &[&str]) -> Result<Self> {
        let mut options =
            Self { rounds: 5, length: Duration::from_secs(3), binary: None, scenarios: SCENARIOS.iter().collect() };
        let mut named = Vec::new();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match *word {
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--seconds" => options.length = Duration::from_secs(value()?.parse::<u64>()?.max(1)),
                "--binary" => options.binary = Some(PathBuf::from(value()?)),
                name => {
                    let all = || SCENARIOS.each_ref().map(|scenario| scenario.name).join(", ");
                    let known = SCENARIOS.iter().find(|scenario| scenario.name == name);
                    named.push(known.with_context(|| format!("there is no scenario `{name}`; there are {}", all()))?);
                }
            }
        }
        if !named.is_empty() {
            options.scenarios = named;
        }
        Ok(options)
    }
}

/// Builds the program with `profile`, and gives where it is.
pub(crate) fn build(profile: &str) -> Result<PathBuf> {
    println!("building the program with the profile `{profile}`");
    build_with(profile, &[], &[])
}

/// The same with more arguments for cargo, and variables in its environment.
pub(crate) fn build_with(profile: &str, arguments: &[&str], environment: &[(&str, String)]) -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--package",
            "equipoise-cli",
            "--profile",
            profile,
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("running cargo")?;
    ensure!(output.status.success(), "the program could not be built");
    let messages = String::from_utf8(output.stdout)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.reduce(|_, last| last).context("cargo did not say where the program is")
}

/// Sends every kind of load to the program at `binary`, so that it learns what is common.
pub(crate) fn train(binary: &Path, seconds: u64) -> Result<()> {
    let site = Site::new(binary)?;
    let _targets = responder::start(&site)?;
    for scenario in SCENARIOS.iter().filter(|scenario| matches!(scenario.kind, Kind::Wrk { .. } | Kind::H2load)) {
        if let Err(missing) = scenario.needs() {
            println!("{}: skipped: {missing:#}", scenario.name);
            continue;
        }
        for setting in scenario.settings() {
            let proxy = Peer::Ours.start(&site, setting)?;
            take(scenario, &proxy, Duration::from_secs(seconds))
                .with_context(|| format!("training by {}", scenario.name))?;
        }
    }
    Ok(())
}

/// Every proxy in turn, `rounds` times, after one round that does not count.
fn measure(scenario: &Scenario, peers: &[Peer], site: &Site, options: &Options) -> Result<Row> {
    let mut running = Vec::new();
    for peer in peers.iter().filter(|peer| scenario.is_for(**peer)) {
        for setting in scenario.settings() {
            match peer.start(site, setting) {
                Ok(proxy) => running.push((*peer, setting, proxy)),
                Err(error) if *peer != Peer::Ours => println!("{}: {peer}: skipped: {error:#}", scenario.name),
                Err(error) => return Err(error),
            }
        }
    }
    let mut row = Row::new(scenario);
    for round in 0..=scenario.rounds(options.rounds) {
        for (peer, setting, proxy) in &running {
            let length = if round == 0 { Duration::from_secs(1) } else { options.length };
            let sample = take(scenario, proxy, length).with_context(|| format!("{peer} in `{}`", scenario.name))?;
            if round > 0 || scenario.rounds(options.rounds) == 0 {
                row.add(*peer, **setting, sample);
            }
        }
    }
    Ok(row)
}

fn take(scenario: &Scenario, proxy: &Pinned, length: Duration) -> Result<Sample> {
    let before = proxy.cpu()?;
    let load = match scenario.kind {
        Kind::Wrk { path, fields, scheme, connections } => {
            load::wrk(&format!("{scheme}://localhost:{}{path}", proxy.port), fields, connections, length)?
        }
        Kind::H2load => load::h2load(&format!("https://localhost:{}/s", proxy.port), length)?,
        Kind::Rate { each_second } => rate::run(proxy.port, each_second, length)?,
        Kind::Idle { connections } => return idle::measure(proxy, connections),
    };
    let after = proxy.cpu()?;
    if load.requests == 0 {
        bail!("not one request was answered");
    }
    let micros = |from: Duration, to: Duration| (to - from).as_secs_f64() * 1e6 / load.requests as f64;
    Ok(Sample {
        user: micros(before.user, after.user),
        system: micros(before.system, after.system),
        rate: load.rate,
        p50: load.p50,
        p99: load.p99,
        kib: 0.0,
        complaint: load.complaint,
    })
}
