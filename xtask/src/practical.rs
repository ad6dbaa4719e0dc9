//! The practical: an application behind a balancer grows from one to four instances as load grows, and shrinks again.
//!
//! Real processes, real time, scaled: `--scale 10` makes minutes of the original six seconds, and a hundredth of its users
//! is what two processors bear. What happened is written as CSV and drawn as SVG; what must hold is checked.

mod admin;
mod chart;
mod csv;
mod follow;
mod http;
mod load;
mod scenario;
mod site;
mod svg;
mod verify;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use self::follow::{Record, Sample};
use self::load::Load;
use self::scenario::{Scenario, Variant};
use self::site::Site;
use crate::bench;

/// How often the balancer is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// For what does not scale: programs that start, connections that end.
const SLACK: Duration = Duration::from_secs(60);

/// What `cargo xtask practical` was asked for.
#[derive(Debug)]
struct Options {
    scenario: Scenario,
    /// A program that is there already.
    binary: Option<PathBuf>,
    folder: PathBuf,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let Options { scenario, binary, folder } = Options::read(arguments)?;
    let binary = binary.map_or_else(|| bench::build("release"), Ok)?;
    println!("{}", scenario.told());
    let site = Site::start(&binary, &scenario)?;
    let outcome = play(&scenario, &site);
    let addresses = outcome.as_ref().map(Record::addresses).unwrap_or_default();
    let said = site.stop()?;
    let record = outcome.with_context(|| format!("the balancer said:\n{said}"))?;
    std::fs::create_dir_all(&folder)?;
    csv::write(&record, &folder)?;
    std::fs::write(folder.join("practical.svg"), chart::draw(&record, &scenario))?;
    println!("\n{}", record.told());
    println!("written: practical.csv, activities.csv and practical.svg in {}", folder.display());
    let mut complaints = verify::complaints(&record, &scenario);
    complaints.extend(
        addresses
            .iter()
            .filter(|address| http::is_open(address))
            .map(|address| format!("an instance still listens on {address} after the balancer ended")),
    );
    for complaint in &complaints {
        println!("broken: {complaint}");
    }
    ensure!(complaints.is_empty(), "{} promises were broken", complaints.len());
    println!("kept: capacity 1 → {} → 1, every cause, every cooldown, and every request", scenario::MAX);
    Ok(())
}

impl Options {
    fn read(arguments: &[&str]) -> Result<Self> {
        let (mut scale, mut variant) = (10.0, Variant::Simple);
        let (mut binary, mut folder) = (None, None);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match *word {
                "--scale" => scale = value()?.parse()?,
                "--minutes" => scale = scenario::MINUTES / value()?.parse::<f64>()?,
                "--variant" => variant = Variant::named(value()?)?,
                "--binary" => binary = Some(PathBuf::from(value()?)),
                "--out" => folder = Some(PathBuf::from(value()?)),
                other => bail!("`{other}` is not understood"),
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
        let folder = folder.unwrap_or_else(|| root.join("target/practical"));
        Ok(Self { scenario: Scenario::new(scale, variant)?, binary, folder })
    }
}

/// Load, quiet, and a refresh at the end.
fn play(scenario: &Scenario, site: &Site) -> Result<Record> {
    let mut record = Record::new(site.admin, follow::fine(scenario.period()));
    record.watch(SLACK, "one instance takes requests", None, |now| now.in_service == scenario::MIN)?;
    let load = Load::start(site.port, scenario.stages());
    record.begin();
    let up = scenario.load_length();
    let most = |now: &Sample| now.in_service == scenario::MAX;
    record.watch(up + SLACK, "there is as much capacity as there may be", Some(&load), most)?;
    // What is left of the stages; the load then falls to the quiet one by itself.
    let rest = (load.begun() + up).saturating_duration_since(Instant::now());
    record.stay(rest, &load)?;
    let down = scenario.longest_scale_in() + SLACK;
    let least = |now: &Sample| now.instances == scenario::MIN && now.desired == scenario::MIN;
    record.watch(down, "one instance is left", Some(&load), least)?;
    record.refresh()?;
    let replaced = |now: &Sample| !now.refreshing && now.instances == scenario::MIN;
    record.watch(SLACK, "the instance is replaced", Some(&load), replaced)?;
    record.end(load)?;
    Ok(record)
}
