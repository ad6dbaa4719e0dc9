//! Reading the metrics page, as a scraper does.

use std::collections::BTreeSet;

/// Sum of all series whose name is `name` (as it stands on the page) and that carry all of `labels`, each written as
/// `key="value"`; 0 when there is none.
#[must_use]
pub fn metric(page: &str, name: &str, labels: &[&str]) -> f64 {
    let series = page.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{'])) && labels.iter().all(|label| line.contains(label))
    });
    series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Names of all families, as their `# TYPE` lines give them.
#[must_use]
pub fn families(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split_once(' ')).map(|(name, _)| name.to_owned()).collect()
}
