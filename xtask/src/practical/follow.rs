//! What happens, look by look.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::LOOK;
use super::admin::{Activity, Admin};
use super::load::{Load, Tally};
use crate::bench::pause;

/// One look.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// Seconds since the first look.
    pub(super) at: f64,
    pub(super) users: f64,
    pub(super) desired: u64,
    pub(super) in_service: u64,
    pub(super) instances: u64,
    pub(super) refreshing: bool,
    /// The group's average in percent.
    pub(super) processor: Option<f64>,
    /// States by name.
    pub(super) alarms: BTreeMap<String, String>,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Record {
    admin: Admin,
    begun: Instant,
    /// Seconds of a period of the processor's line.
    period: u64,
    pub(super) samples: Vec<Sample>,
    pub(super) activities: Vec<Activity>,
    pub(super) tally: Tally,
    /// Seconds from the first look to the load, and to the refresh.
    pub(super) load_at: f64,
    pub(super) refresh_at: f64,
    /// Wherever an instance listened.
    addresses: BTreeSet<String>,
}

impl Record {
    pub(super) fn new(admin: u16, period: u64) -> Self {
        Self {
            admin: Admin::new(admin),
            begun: Instant::now(),
            period,
            samples: Vec::new(),
            activities: Vec::new(),
            tally: Tally::default(),
            load_at: 0.0,
            refresh_at: f64::INFINITY,
            addresses: BTreeSet::new(),
        }
    }

    fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Looks until `goal` is reached.
    pub(super) fn watch(
        &mut self,
        limit: Duration,
        what: &str,
        load: Option<&Load>,
        goal: impl Fn(&Sample) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            let sample = self.look(load)?;
            if goal(&sample) {
                println!("{:>7.1} s  {what}", sample.at);
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "not within {limit:.0?}: {what}; {} desired, {} in service, {} instances, cpu {:?}, {:?}; {}",
                sample.desired,
                sample.in_service,
                sample.instances,
                sample.processor,
                sample.alarms,
                self.latest(),
            );
            pause(LOOK);
        }
    }

    /// Looks for some time.
    pub(super) fn stay(&mut self, time: Duration, load: &Load) -> Result<()> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            self.look(Some(load))?;
            pause(LOOK);
        }
        Ok(())
    }

    fn look(&mut self, load: Option<&Load>) -> Result<Sample> {
        let group = self.admin.group()?;
        self.addresses.extend(group.addresses);
        let sample = Sample {
            at: self.now(),
            users: load.map_or(0.0, Load::users),
            desired: group.desired,
            in_service: group.in_service,
            instances: group.instances,
            refreshing: group.refreshing,
            processor: self.admin.processor(self.period)?,
            alarms: self.admin.alarms()?,
        };
        if self.samples.last().is_some_and(|last| last.desired != sample.desired) {
            println!("{:>7.1} s  {} instances are desired", sample.at, sample.desired);
        }
        self.samples.push(sample.clone());
        Ok(sample)
    }

    /// The load begins now.
    pub(super) fn begin(&mut self) {
        self.load_at = self.now();
    }

    pub(super) fn refresh(&mut self) -> Result<()> {
        self.refresh_at = self.now();
        self.admin.refresh()
    }

    /// Reads what the balancer remembers, and ends the load.
    pub(super) fn end(&mut self, load: Load) -> Result<()> {
        self.tally = load.stop()?;
        self.activities = self.admin.activities()?;
        Ok(())
    }

    /// Where instances listened.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.addresses.iter().cloned().collect()
    }

    /// The last activities, for whoever asks why nothing happened.
    fn latest(&mut self) -> String {
        let activities = self.admin.activities().unwrap_or_default();
        let told = activities.iter().rev().take(5).map(|activity| {
            let Activity { start, status, description, cause, message, .. } = activity;
            format!("\n  {start} {description}: {status}. {cause} {message}")
        });
        told.collect()
    }

    /// The activities, and what came of the requests.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        for activity in &self.activities {
            let Activity { start, end, status, description, cause, .. } = activity;
            // Writing to memory cannot fail.
            let _ = writeln!(text, "{start} to {end}  {description}: {status}\n    {cause}");
        }
        let mut times: Vec<f64> = self.tally.seconds.values().flat_map(|second| second.times.iter().copied()).collect();
        times.sort_by(f64::total_cmp);
        let part = |share: f64| times.get((times.len().saturating_sub(1) as f64 * share) as usize).copied();
        let (answered, failed) = (self.tally.answered(), self.tally.failed());
        let _ = write!(text, "{answered} requests answered with 200, {failed} not");
        if let (Some(half), Some(most)) = (part(0.5), part(0.99)) {
            let _ = write!(text, "; half of them within {half:.0} ms, 99 % within {most:.0} ms");
        }
        text
    }
}

/// The period of the processor's line: finer than an alarm's, so that there is something to see.
pub(super) fn fine(period: Duration) -> u64 {
    (period.as_secs() / 4).max(1)
}
