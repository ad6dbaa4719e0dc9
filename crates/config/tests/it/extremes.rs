//! Every value of a scaling group and of an alarm, replaced by whatever a value can be: an answer, never a panic, and what
//! is accepted can be written out and read again.

use std::ops::Range;

use equipoise_config::{Sources, effective};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::unset;

const WHOLE: &str = include_str!("../whole.toml");

/// What stands in for a value: every type, and of each the smallest, the largest and the strangest.
const VALUES: [&str; 40] = [
    "0",
    "-1",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967295",
    "4294967296",
    "65536",
    "99999999999999999999",
    "0.0",
    "-0.0",
    "1e308",
    "-1e308",
    "5e-324",
    "nan",
    "inf",
    "-inf",
    "true",
    "\"\"",
    "\"0s\"",
    "\"1ns\"",
    "\"584942417355y\"",
    "\"99999999999999999999s\"",
    "\"-1s\"",
    "\"0-0\"",
    "\"1-65535\"",
    "\"65535\"",
    "\"9-1\"",
    "\"* * * * *\"",
    "\"60 24 32 13 8\"",
    "\"\\u0000\"",
    "\"\\u202e{port}{\"",
    "\"../../..\"",
    "\"18446744073709551615B\"",
    "\"custom.x\"",
    "[]",
    "{}",
    "[[]]",
    "[\"\"]",
    "1979-05-27",
];

/// Where the values of a table stand, nested ones too.
fn values(table: &DeTable<'_>, found: &mut Vec<Range<usize>>) {
    table.values().for_each(|inner| value(inner, found));
}

fn value(inner: &Spanned<DeValue<'_>>, found: &mut Vec<Range<usize>>) {
    let written = &WHOLE[inner.span()];
    match inner.get_ref() {
        DeValue::Table(table) => values(table, found),
        DeValue::Array(array) => array.iter().for_each(|value| self::value(value, found)),
        _ => {}
    }
    // A table under a header has no text of its own.
    if !written.starts_with('[') || inner.get_ref().is_array() {
        found.push(inner.span());
    }
}

fn places() -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let root = DeTable::parse(WHOLE).unwrap();
    for section in ["scaling", "scaling-group", "alarm"] {
        value(&root.get_ref()[section], &mut found);
    }
    found
}

/// Target groups for what is tried.
const GROUPS: &str = "[target-group.todo]\nhealth-check = { http = {} }\n[target-group.canary]\nhealth-check = { http = {} }\n\
                      [target-group.database]\nprotocol = \"tcp\"\nhealth-check = { tcp = {} }\n";

/// The text with only those of its parts that the place needs: each is read in a fraction of the time.
fn around(place: &Range<usize>, with: &str) -> String {
    let mut text = GROUPS.to_owned();
    let start = WHOLE.find("\n[scaling]\n").unwrap() + 1;
    let headers = WHOLE[start..].match_indices("\n[").map(|(at, _)| start + at + 1);
    let starts: Vec<_> = std::iter::once(start).chain(headers).collect();
    let ends = starts[1..].iter().copied().chain([WHOLE.len()]);
    let parts: Vec<_> = starts.iter().copied().zip(ends).collect();
    let own = parts.iter().find(|(from, to)| (*from..*to).contains(&place.start)).unwrap();
    let group = WHOLE[own.0..].strip_prefix("[scaling-group.").and_then(|rest| rest.split(['.', ']']).next());
    let group = format!("[scaling-group.{}", group.unwrap_or("todo"));
    for (from, to) in parts.iter().copied() {
        let part = &WHOLE[from..to];
        let needed = ["]", ".launch-template"].iter().any(|rest| part.starts_with(&format!("{group}{rest}")));
        if (from, to) == *own {
            text += &format!("{}{with}{}", &WHOLE[from..place.start], &WHOLE[place.end..to]);
        } else if needed || part.starts_with("[alarm.busy]") || part.starts_with("[alarm.slow]") {
            text += part;
        }
    }
    // Alarms are about it.
    let aside = "[scaling-group.todo]\ntarget-group = \"todo\"\nmax = 1\nlaunch-template.docker = { image = \"i\", port = 1 }\n";
    text + if group.ends_with(".todo") { "" } else { aside }
}

#[test]
fn whatever_stands_in_for_a_value_is_answered_and_what_is_accepted_survives() {
    let (places, mut accepted) = (places(), 0);
    assert!(places.len() > 150, "{}", places.len());
    for place in places {
        for with in VALUES {
            let text = around(&place, with);
            match Sources::from_text("x.toml", text.as_str()).check(&unset, &[]) {
                Ok(loaded) => {
                    accepted += 1;
                    let full = effective(&loaded.config);
                    let again = Sources::from_text("y.toml", full.as_str()).check(&unset, &[]);
                    let again = again.unwrap_or_else(|report| panic!("{text}\n{full}\n{report}"));
                    assert_eq!(again.config, loaded.config, "{text}");
                }
                Err(report) => {
                    assert!(report.has_errors(), "{text}");
                    drop(report.render(false));
                }
            }
        }
    }
    assert!(accepted > 300, "{accepted}");
}

#[test]
fn two_values_wrong_at_once_are_answered() {
    // A fixed walk over pairs: what two removed values do to a third is what single ones cannot show.
    let places = places();
    let mut step = 7;
    for round in 0..400 {
        step = (step * 31 + 17) % 10_007;
        let (one, other) = (&places[step % places.len()], &places[(step * 13 + round) % places.len()]);
        let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
        if first.end > second.start {
            continue;
        }
        let (a, b) = (VALUES[step % VALUES.len()], VALUES[(step + round) % VALUES.len()]);
        let text = [&WHOLE[..first.start], a, &WHOLE[first.end..second.start], b, &WHOLE[second.end..]].concat();
        super::survives::survives(&text[text.find("\n[scaling]\n").unwrap()..]);
    }
}
