//! Values against their ranges.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Checker;
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::path::KeyPath;
use crate::size::Size;

pub(super) const MILLI: Duration = Duration::from_millis(1);
pub(super) const TENTH: Duration = Duration::from_millis(100);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Checker<'_> {
    pub(super) fn duration(&mut self, table: &KeyPath, key: &str, value: Duration, range: RangeInclusive<Duration>) {
        let text = |duration: &Duration| format!("\"{}\"", humantime::format_duration(*duration));
        self.within(table, key, &value, &range, text);
    }

    pub(super) fn size(&mut self, table: &KeyPath, key: &str, value: Size, range: RangeInclusive<Size>) {
        self.within(table, key, &value, &range, |size| format!("\"{size}\""));
    }

    pub(super) fn number<N: PartialOrd + Display + Copy>(
        &mut self,
        table: &KeyPath,
        key: &str,
        value: N,
        range: RangeInclusive<N>,
    ) {
        self.within(table, key, &value, &range, N::to_string);
    }

    fn within<V: PartialOrd>(
        &mut self,
        table: &KeyPath,
        key: &str,
        value: &V,
        range: &RangeInclusive<V>,
        text: impl Fn(&V) -> String,
    ) {
        if !range.contains(value) {
            let message = format!("`{key}` of {} is out of range", text(value));
            let help = format!("use {} to {}", text(range.start()), text(range.end()));
            self.say(Finding::error(Code::OutOfRange, At::Value(table.key(key)), message).help(help));
        }
    }
}
