//! Did you mean?

/// Most candidates that are compared: with ten thousand names a guess is not worth the time.
const MOST_COMPARED: usize = 500;

/// The candidate (ASCII, as all our words and names are) that `word` is most likely a slip of; `None` when none is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of a megabyte is no slip, and comparing takes time in the product of both lengths.
    if word.len() > 64 {
        return None;
    }
    let folded = word.to_lowercase().replace('_', "-");
    let length = folded.chars().count();
    let slips = 1 + length / 4;
    let distance = |candidate: &str| strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(length) <= slips)
        .take(MOST_COMPARED)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= slips && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// What was most likely meant: a slip, or a word of another program.
pub(crate) fn guess<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    nearest(word, candidates.clone()).or_else(|| akin(word, candidates))
}

/// The candidate that has the letters of `word`, or whose letters `word` has: the longest, for words of other programs
/// such as `GreaterThanThreshold` and `TargetTrackingScaling`, and for beginnings such as `cpu`.
fn akin<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |word: &str| -> String {
        word.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let own = Some(word).filter(|word| (3..=64).contains(&word.len())).map(letters).filter(|own| own.len() > 2)?;
    let fits = |candidate: &&str| {
        let candidate = letters(candidate);
        let begins = candidate.len() > 2 && own.starts_with(&candidate);
        begins || (candidate.len() > 3 && own.contains(&candidate)) || candidate.starts_with(&own)
    };
    candidates.into_iter().take(MOST_COMPARED).filter(fits).max_by_key(|candidate| {
        // Of those that go on after the word the shortest, of those that are in it the longest.
        let length = letters(candidate).len();
        (length <= own.len(), if length <= own.len() { length } else { usize::MAX - length })
    })
}

/// A list for people: "`a`, `b` and `c`"; the first twelve when there are more.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        many if many.len() > 12 => format!("{} and {} more", many[..12].join(", "), many.len() - 12),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, ["timeout", "targets", "bind", "drain-timeout", "path"]), expected, "{word}");
    }

    #[test]
    fn words_of_other_programs_are_recognised() {
        #[track_caller]
        fn check(word: &str, expected: Option<&str>) {
            let words = ["greater-than", "greater-than-or-equal", "cpu-utilization", "step", "target-tracking"];
            assert_eq!(akin(word, words), expected, "{word}");
        }
        check("GreaterThanOrEqualToThreshold", Some("greater-than-or-equal"));
        check("GreaterThanThreshold", Some("greater-than"));
        check("cpu", Some("cpu-utilization"));
        check("ECSServiceAverageCPUUtilization", Some("cpu-utilization"));
        check("TargetTrackingScaling", Some("target-tracking"));
        check("greater", Some("greater-than"));
        check("--", None);
        check("rain", None);
        check(&"step".repeat(1000), None);
    }

    #[test]
    fn slips_of_the_finger_are_found_and_other_words_are_not() {
        check("timout", Some("timeout"));
        check("Bind", Some("bind"));
        check("drain_timeout", Some("drain-timeout"));
        check("pahts", Some("path"));
        check("phase", None);
        check("pahs", Some("path"));
        check("certificate", None);
        check("", None);
        check(&"x".repeat(100_000), None);
    }
}
