//! Reads metrics from the text that a program shows of itself, in the format of Prometheus or OpenMetrics.
//!
//! What is read came from somebody else's program. It is refused as a whole where it is not what it should be, so that a
//! page that broke off, or an error page, never looks like a number that fell.

use std::collections::BTreeMap;

/// Why a text is no page of metrics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not in the text format of Prometheus")]
pub struct PageError {
    /// The line's number, from 1.
    pub line: usize,
}

/// The present values of the metrics of which `wanted` says the names. Series of one name are added up; those that say NaN
/// do not count. A name that the page lacks is not in the answer.
///
/// Names in quotes, as Prometheus 3 may write them, are passed over.
///
/// # Errors
/// [`PageError`] names the first line that is malformed.
pub fn read(text: &str, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<&str, f64>, PageError> {
    let mut sums = BTreeMap::new();
    for (position, line) in text.lines().enumerate() {
        let line = line.trim_matches([' ', '\t']);
        if line == "# EOF" {
            break;
        }
        // A comment, or a type, a unit or a help text.
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = sample(line).ok_or(PageError { line: position + 1 })?;
        if !name.is_empty() && wanted(name) && !value.is_nan() {
            *sums.entry(name).or_default() += value;
        }
    }
    Ok(sums)
}

/// `name{label="value",…} value timestamp # exemplar`, of which labels, timestamp and exemplar may be missing. The name is
/// empty where it stands in quotes between the braces.
fn sample(line: &str) -> Option<(&str, f64)> {
    let end = line.find(|letter: char| !is_of_name(letter)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() && !rest.starts_with("{\"") || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let rest = match rest.strip_prefix('{') {
        Some(labels) => after_labels(labels)?,
        None => rest.strip_prefix([' ', '\t'])?,
    };
    // What follows ` # ` belongs to one observation, not to the series.
    let rest = rest.split_once(" # ").map_or(rest, |(rest, _)| rest);
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next()?)?;
    let timestamp = words.next().is_none_or(|word| number(word).is_some());
    (timestamp && words.next().is_none()).then_some((name, value))
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

/// What comes after the brace that ends the labels. One in a label's value, which is in quotes, does not.
fn after_labels(labels: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    for (position, letter) in labels.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return labels.get(position + 1..),
            _ => {}
        }
    }
    None
}

/// A number as Go writes it, which is what the format refers to, less its hexadecimal ones.
fn number(word: &str) -> Option<f64> {
    let starts = word.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter));
    let named = ["nan", "inf", "infinity"].iter().any(|name| word.eq_ignore_ascii_case(name));
    word.parse().ok().filter(|_| starts || named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &[(&str, f64)]) {
        let all = read(text, |_| true).unwrap();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), wanted);
    }

    #[track_caller]
    fn refused(text: &str, line: usize) {
        assert_eq!(read(text, |_| true), Err(PageError { line }));
    }

    #[test]
    fn series_of_one_name_are_added_up() {
        check("jobs{queue=\"a\"} 2\njobs{queue=\"b\"} 3.5\nother 1\n", &[("jobs", 5.5), ("other", 1.0)]);
        assert_eq!(read("a 1\nb 2\n", |name| name == "b").unwrap().into_iter().collect::<Vec<_>>(), [("b", 2.0)]);
    }

    #[test]
    fn comments_timestamps_exemplars_and_the_end_are_understood() {
        check(
            "# HELP up Whether it is.\n# TYPE up gauge\n\nup 1 1395066363000\r\n  spaced\t2\n",
            &[("spaced", 2.0), ("up", 1.0)],
        );
        check(
            "hits_total 17 1520879607.789 # {trace=\"x y\"} 0.67 1\n# EOF\nnonsense beyond the end }",
            &[("hits_total", 17.0)],
        );
    }

    #[test]
    fn labels_may_hold_anything_in_quotes() {
        check(r#"m{path="C:\\}\" {",e=""} 4"#, &[("m", 4.0)]);
        check("m{} 4", &[("m", 4.0)]);
        check("{\"a quoted name\"} 3\nm 1", &[("m", 1.0)]);
    }

    #[test]
    fn numbers_are_those_of_the_format() {
        check(
            "a +Inf\nb -1e3\nc 0.5\nd NaN\ne 1\ne NaN\nf .5",
            &[("a", f64::INFINITY), ("b", -1000.0), ("c", 0.5), ("e", 1.0), ("f", 0.5)],
        );
        for word in ["", "1,5", "0x10", "one", "1_000", "--1", "infinit"] {
            refused(&format!("m {word}"), 1);
        }
    }

    #[test]
    fn what_is_no_page_is_refused_as_a_whole() {
        refused("up 1\n<html><body>no such page</body></html>", 2);
        refused("up 1\nbroken{label=\"va", 2);
        refused("{\"todos\": [{\"id\": 1}]}", 1);
        refused("{}", 1);
        refused("up", 1);
        refused("up 1 2 3", 1);
        refused("1up 1", 1);
        refused("up-time 1", 1);
        refused("up 1 soon", 1);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[a-z0-9 {}\"\\\\#=,\n.+-]{0,200}|.{0,80}") {
            let _ = read(&text, |_| true);
        }
    }
}
