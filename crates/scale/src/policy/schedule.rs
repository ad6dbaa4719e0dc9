//! A cron expression on somebody's clock. The one place that knows croner; all else counts in [`Moment`]s.
//!
//! When clocks go forward, a fixed time that is skipped falls due at the end of the gap; when they go back, a fixed time that comes twice
//! falls due the first time. What repeats (a `*` or a step in minutes or hours) follows the clock that hangs on the wall:
//! skipped times are skipped, repeated ones repeat.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::Moment;

/// A cron expression on somebody's clock.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Why there is no such schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScheduleError {
    #[error("`{cron}` is no cron expression: {reason}")]
    Cron { cron: String, reason: String },
    #[error("`{cron}` never falls due")]
    Never { cron: String },
    #[error("there is no time zone `{zone}`")]
    Zone { zone: String },
}

impl Schedule {
    /// Five fields, or six with seconds first.
    pub(super) fn new(cron: &str, zone: &str) -> Result<Self, ScheduleError> {
        let refuse = |reason: String| ScheduleError::Cron { cron: cron.to_owned(), reason };
        // Longer than any expression that means something; the parser's work grows with the length.
        if cron.len() > 200 {
            return Err(refuse("it is longer than 200 characters".to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let parsed = parser.parse(cron).map_err(|error| refuse(error.to_string().trim_end_matches('.').to_owned()))?;
        let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone { zone: zone.to_owned() })?;
        let schedule = Self { cron: parsed, zone };
        // Any year will do: an expression that names no day of the calendar finds none from anywhere.
        if schedule.next(Moment::from_millis(1_700_000_000_000)).is_none() {
            return Err(ScheduleError::Never { cron: cron.to_owned() });
        }
        Ok(schedule)
    }

    /// The first time after `now`.
    pub(super) fn next(&self, now: Moment) -> Option<Moment> {
        let found = self.cron.find_next_occurrence(&self.local(now)?, false).ok()?;
        found.moment().filter(|found| *found > now)
    }

    /// The last time up to `now`.
    pub(super) fn last(&self, now: Moment) -> Option<Moment> {
        let found = self.cron.find_previous_occurrence(&self.local(now)?, true).ok()?;
        found.moment().filter(|found| *found <= now)
    }

    fn local(&self, at: Moment) -> Option<Local> {
        let stamp = Timestamp::from_second(i64::try_from(at.seconds()).ok()?).ok()?;
        Some(Local(stamp.to_zoned_datetime(self.zone.clone())))
    }
}

/// A time on a wall, for croner: it knows jiff itself, but an older one.
#[derive(Debug, Clone)]
struct Local(ZonedDateTime);

impl Local {
    fn moment(&self) -> Option<Moment> {
        u64::try_from(self.0.timestamp().as_millisecond()).ok().map(Moment::from_millis)
    }
}

fn small(number: u32) -> Result<i8, CronError> {
    i8::try_from(number).map_err(|_| CronError::InvalidDate)
}

fn large(number: i8) -> u32 {
    // Invariant: parts of a date are never negative.
    u32::from(number.unsigned_abs())
}

impl CronDateTime for Local {
    fn to_civil(&self) -> CivilDateTime {
        let at = &self.0;
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::from(at.year()), large(at.month()), large(at.day())),
            CivilTime::from_parts_unchecked(large(at.hour()), large(at.minute()), large(at.second())),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(large(self.0.weekday().to_sunday_zero_offset()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (month, day) = (small(civil.month())?, small(civil.day())?);
        let (hour, minute, second) = (small(civil.hour())?, small(civil.minute())?, small(civil.second())?);
        let time = DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| CronError::InvalidDate)?;
        let zoned = self.0.time_zone().to_ambiguous_zoned_datetime(time);
        let of = |zoned: Result<ZonedDateTime, jiff::Error>| zoned.map(Self).map_err(|_| CronError::InvalidTime);
        Ok(match zoned.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(of(zoned.unambiguous())?),
            AmbiguousOffset::Fold { .. } => Resolution::Ambiguous(of(zoned.clone().earlier())?, of(zoned.later())?),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

#[cfg(test)]
mod tests;
