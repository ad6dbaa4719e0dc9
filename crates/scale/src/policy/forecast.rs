//! What to expect of a load that repeats: of each step of the season to come, a quantile of what the same step and its two
//! neighbours were in earlier seasons. No model beyond that: it is right after the first season, and nobody has to fit it.

use std::time::Duration;

use equipoise_metrics::series::Statistic;
use equipoise_target::PolicyName;

use super::asked::Asked;
use super::book::{Forecast, ForecastPoint};
use super::predictive::Predictive;
use super::target_tracking::instances;
use crate::alarm::watch::last_end;
use crate::{Metric, Moment, SeriesKey, Subject};

/// Of how many earlier seasons a forecast is made at most.
const SEASONS: usize = 7;

/// A season counts when this part of its steps has data: nine tenths.
const WHOLE: f64 = 0.9;

/// How a season is cut into steps, and how many earlier ones can be read. It follows what metrics keep: seconds for a
/// quarter of an hour, minutes for a day, five minutes for two weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) step: Duration,
    /// Steps in a season.
    pub(super) steps: usize,
    /// How many seasons are read.
    pub(super) seasons: usize,
}

impl Plan {
    /// `None` when the season is no whole number of steps, or has none.
    pub(super) fn new(season: Duration) -> Option<Self> {
        const KEPT: [(u64, u64); 3] = [(1, 15 * 60), (60, 24 * 60 * 60), (300, 14 * 24 * 60 * 60)];
        let length = season.as_secs();
        let fits = |(_, kept): &&(u64, u64)| length * SEASONS as u64 <= *kept;
        let (step, kept) = KEPT.iter().find(fits).unwrap_or(&KEPT[2]);
        let seasons = usize::try_from(kept / length.max(1)).unwrap_or(SEASONS).min(SEASONS);
        let whole = length > 0 && length.is_multiple_of(*step) && season.subsec_nanos() == 0 && seasons > 0;
        let steps = usize::try_from(length / step).ok()?;
        whole.then_some(Self { step: Duration::from_secs(*step), steps, seasons })
    }

    /// When the step around `now` began.
    pub(super) fn begin(self, now: Moment) -> Moment {
        last_end(now, self.step)
    }
}

impl Metric {
    /// Whether it is a number of the whole group, and not one of each instance.
    pub(super) fn is_of_group(&self) -> bool {
        matches!(self, Self::RequestCount | Self::QueueLength)
    }
}

/// Makes a forecast of the season to come.
pub(super) fn make(settings: &Predictive, policy: &PolicyName, asked: &Asked<'_>, plan: Plan) -> Forecast {
    let now = plan.begin(asked.now);
    let loads = loads(settings, asked, plan, now);
    let seasons: Vec<&[Option<f64>]> = loads.chunks(plan.steps).filter(|season| is_whole(season)).collect();
    let points = (0..plan.steps).map(|step| {
        let value = expected(&seasons, step, settings.quantile);
        let wait = plan.step.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX));
        let capacity = value.map(|value| instances(value, settings.target));
        ForecastPoint { at: now.after(wait), value, capacity }
    });
    Forecast {
        policy: policy.clone(),
        only: settings.forecast_only,
        made: now,
        seasons: u32::try_from(seasons.len()).unwrap_or(u32::MAX),
        points: points.collect(),
    }
}

/// The load of the whole group in earlier steps, the oldest first.
fn loads(settings: &Predictive, asked: &Asked<'_>, plan: Plan, now: Moment) -> Vec<Option<f64>> {
    let read = |metric: Metric| {
        let key = SeriesKey { subject: Subject::ScalingGroup(asked.facts.name.clone()), metric };
        let count = plan.steps * plan.seasons;
        let mut values = asked.readings.points(&key, Statistic::Average, plan.step, count, now);
        values.resize(count, None);
        values
    };
    let of_metric = read(settings.metric.clone());
    if settings.metric.is_of_group() {
        return of_metric;
    }
    let running = read(Metric::InService);
    of_metric.into_iter().zip(running).map(|(value, running)| Some(value? * running?)).collect()
}

fn is_whole(season: &[Option<f64>]) -> bool {
    let known = season.iter().flatten().count();
    known as f64 >= WHOLE * season.len() as f64
}

/// The quantile of a step and its neighbours over all seasons, by nearest rank.
fn expected(seasons: &[&[Option<f64>]], step: usize, quantile: u8) -> Option<f64> {
    let around = |season: &&[Option<f64>]| {
        let last = season.len();
        [(step + last - 1) % last, step, (step + 1) % last].map(|place| season[place])
    };
    let mut values: Vec<f64> = seasons.iter().flat_map(around).flatten().filter(|value| !value.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * usize::from(quantile)).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(season: u64, expected: Option<(u64, usize, usize)>) {
        let plan = Plan::new(Duration::from_secs(season));
        assert_eq!(plan.map(|plan| (plan.step.as_secs(), plan.steps, plan.seasons)), expected);
    }

    #[test]
    fn a_season_is_cut_as_finely_as_metrics_are_kept() {
        check(60, Some((1, 60, 7)));
        check(3600, Some((60, 60, 7)));
        check(24 * 3600, Some((300, 288, 7)));
        check(7 * 24 * 3600, Some((300, 2016, 2)));
        check(130, None);
        check(4 * 3600 + 60, None);
        check(0, None);
    }

    #[test]
    fn the_quantile_is_of_a_step_and_its_neighbours_in_every_season() {
        let numbers =
            |from: u32| -> Vec<Option<f64>> { (from..from + 10).map(|number| Some(f64::from(number))).collect() };
        let (first, second) = (numbers(0), numbers(100));
        let seasons = [first.as_slice(), second.as_slice()];
        assert_eq!(expected(&seasons, 5, 50), Some(6.0));
        assert_eq!(expected(&seasons, 5, 90), Some(106.0));
        assert_eq!(expected(&seasons, 0, 99), Some(109.0), "the season's end is beside its beginning");
        assert_eq!(expected(&[], 5, 90), None);
    }

    #[test]
    fn a_season_with_a_tenth_of_its_steps_missing_still_counts() {
        let season =
            |missing: usize| -> Vec<Option<f64>> { (0..100).map(|at| (at >= missing).then_some(1.0)).collect() };
        assert!(is_whole(&season(10)));
        assert!(!is_whole(&season(11)));
    }
}
