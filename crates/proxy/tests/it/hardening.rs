//! `docs/hardening.md` promises by naming tests.

use std::path::Path;

#[test]
fn each_row_names_a_test_that_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(here.join("../../docs/hardening.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains("::"));
    let named = |row: &str| row.split('`').filter(|part| part.contains("::")).map(str::to_owned).collect::<Vec<_>>();
    let tests: Vec<String> = rows.flat_map(named).collect();
    assert!(tests.len() > 30, "{tests:?}");
    for test in tests {
        let (file, name) = test.split_once("::").unwrap();
        let places = [format!("tests/it/{file}.rs"), format!("tests/{file}.rs")];
        let source: String = places.iter().filter_map(|place| std::fs::read_to_string(here.join(place)).ok()).collect();
        assert!(source.contains(&format!("fn {name}(")), "no test {test}");
    }
}
