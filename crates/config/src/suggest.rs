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
