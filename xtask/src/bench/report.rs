//! What was measured, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::peer::{Peer, Setting};
use super::scenario::{Figure, Scenario};

/// One round of one proxy.
#[derive(Debug, Default, Clone)]
pub(super) struct Sample {
    /// Microseconds of the proxy's processor time for each request.
    pub(super) user: f64,
    pub(super) system: f64,
    pub(super) rate: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// KiB for each connection.
    pub(super) kib: f64,
    pub(super) complaint: Option<String>,
}

/// All rounds of one scenario.
#[derive(Debug)]
pub(super) struct Row {
    scenario: &'static str,
    title: &'static str,
    figure: Figure,
    gate: Option<f64>,
    goal: f64,
    samples: BTreeMap<(Peer, Setting), Vec<Sample>>,
}

impl Row {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let Scenario { name, title, figure, gate, goal, .. } = *scenario;
        Self { scenario: name, title, figure, gate, goal, samples: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, peer: Peer, setting: Setting, sample: Sample) {
        self.samples.entry((peer, setting)).or_default().push(sample);
    }

    /// Each proxy with its medians.
    pub(super) fn details(&self) -> String {
        let mut text = format!("{} ({})", self.scenario, self.title);
        for ((peer, setting), samples) in &self.samples {
            let of = |value: fn(&Sample) -> f64| median(samples, value);
            let what = match setting {
                Setting { plugin: true, .. } => " + plugin",
                Setting { workers: 2, .. } => ", 2 workers",
                _ => "",
            };
            let line = if self.figure == Figure::Memory {
                format!("{:.2} KiB", of(|sample| sample.kib))
            } else {
                let [low, high] = [f64::min, f64::max].map(|pick| samples.iter().map(time).reduce(pick).unwrap_or(0.0));
                format!(
                    "{:6.2} µs [{low:.2}–{high:.2}] (user {:.1}, system {:.1}), {:.0} requests/s, p50 {:.0} µs, p99 {:.0} µs",
                    of(time),
                    of(|sample| sample.user),
                    of(|sample| sample.system),
                    of(|sample| sample.rate),
                    of(|sample| sample.p50),
                    of(|sample| sample.p99),
                )
            };
            let complaints = samples.iter().filter_map(|sample| sample.complaint.as_deref()).next().unwrap_or_default();
            let _ = write!(text, "\n  {:<10}{what:<10} {line} {complaints}", peer.name()); // a String takes everything
        }
        text
    }

    /// What is compared with the gate, and what with the goal.
    fn figures(&self) -> (Option<f64>, Option<f64>) {
        let value = |peer, setting: Option<Setting>, of: fn(&Sample) -> f64| {
            let mut found = self
                .samples
                .iter()
                .filter(|((who, how), _)| *who == peer && setting.is_none_or(|setting| setting == *how));
            found.next().map(|(_, samples)| median(samples, of))
        };
        let ratio = |peer, of| Some(value(Peer::Ours, None, of)? / value(peer, None, of)?);
        let ours = |setting, of| value(Peer::Ours, Some(setting), of);
        match self.figure {
            Figure::Time { goal_against } => {
                let worst = goal_against.iter().map(|peer| ratio(*peer, time)).collect::<Option<Vec<_>>>();
                (ratio(Peer::Nginx, time), worst.and_then(|ratios| ratios.into_iter().reduce(f64::max)))
            }
            Figure::Median => twice(ratio(Peer::Nginx, |sample| sample.p50)),
            Figure::Memory => twice(value(Peer::Ours, None, |sample| sample.kib)),
            Figure::Plugin => {
                twice(ours(Setting::PLUGIN, time).zip(ours(Setting::PLAIN, time)).map(|(with, without)| with - without))
            }
            Figure::Workers => {
                let rate: fn(&Sample) -> f64 = |sample| sample.rate;
                twice(ours(Setting::TWO_WORKERS, rate).zip(ours(Setting::PLAIN, rate)).map(|(two, one)| two / one))
            }
        }
    }

    fn holds(&self, figure: f64, bound: f64) -> bool {
        // To two digits, as it is printed.
        let figure = (figure * 100.0).round() / 100.0;
        if self.figure == Figure::Workers { figure >= bound } else { figure <= bound }
    }

    pub(super) fn misses_gate(&self) -> bool {
        self.gate.zip(self.figures().0).is_some_and(|(gate, figure)| !self.holds(figure, gate))
    }
}

fn twice(figure: Option<f64>) -> (Option<f64>, Option<f64>) {
    (figure, figure)
}

fn time(sample: &Sample) -> f64 {
    sample.user + sample.system
}

fn median(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<_> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Every scenario beside its gate and its goal.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<38} {:>9} {:>8} {:<6} {:>9} {:>8} {}",
        "scenario (ratios to nginx)", "measured", "gate", "", "measured", "goal", ""
    );
    for row in rows {
        let (for_gate, for_goal) = row.figures();
        let number = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.2}"));
        let verdict = |figure: Option<f64>, bound: Option<f64>, good, bad| match figure.zip(bound) {
            Some((figure, bound)) if row.holds(figure, bound) => good,
            Some(_) => bad,
            None => "",
        };
        let line = format!(
            "\n{:<38} {:>9} {:>8} {:<6} {:>9} {:>8} {}",
            row.title,
            number(for_gate),
            number(row.gate),
            verdict(for_gate, row.gate, "pass", "FAIL"),
            number(for_goal),
            number(Some(row.goal)),
            verdict(for_goal, Some(row.goal), "met", "not met"),
        );
        text.push_str(&line);
    }
    text.push_str("\n\nThe goals of h1 and h2 are against HAProxy as well; h1 takes the worse of both.");
    text
}
