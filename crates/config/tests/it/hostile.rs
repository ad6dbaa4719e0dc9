//! Whatever the bytes: an answer, and no panic.

use std::fmt::Write as _;
use std::path::Path;

use equipoise_config::{MAX_BYTES, MAX_PROBLEMS, load};
use proptest::prelude::*;

use super::survives::survives;
use super::{accepted, outline, refused, unset};

/// A text that uses most of the language, to be broken.
const WHOLE: &str = include_str!("../whole.toml");

fn tokens() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "#",
        "\r\n",
        " ",
        "${",
        "$${",
        "}",
        ":-",
        "listener",
        "target-group",
        "plugin",
        "web",
        "rule",
        "then",
        "when",
        "forward",
        "targets",
        "balance",
        "health-check",
        "http",
        "tcp",
        "consistent-hash",
        "key",
        "bind",
        "\"10.0.0.1:80\"",
        "1",
        "-1",
        "1.5",
        "nan",
        "true",
        "1979-05-27",
        "99999999999999999999",
        "é",
        "\u{feff}",
        "\\u0000",
        "~(",
        "*",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "\\PC*") {
        survives(&text);
    }

    #[test]
    fn anything_that_looks_like_toml_is_survived(text in tokens()) {
        survives(&text);
    }

    #[test]
    fn a_configuration_with_a_piece_cut_out_or_put_in_is_survived(at in 0..WHOLE.len(), length in 0usize..40, piece in tokens()) {
        let start = WHOLE.floor_char_boundary(at);
        let end = WHOLE.floor_char_boundary((at + length).min(WHOLE.len())).max(start);
        survives(&format!("{}{}", &WHOLE[..start], &WHOLE[end..]));
        survives(&format!("{}{piece}{}", &WHOLE[..start], &WHOLE[end..]));
    }

    #[test]
    fn any_bytes_in_a_file_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, bytes).unwrap();
        if let Err(report) = load(&path, &unset) {
            prop_assert!(report.has_errors());
        }
    }
}

#[test]
fn a_line_twice_or_a_line_less_is_survived() {
    for at in 0..WHOLE.lines().count() {
        let mut lines: Vec<_> = WHOLE.lines().collect();
        let line = lines.remove(at);
        survives(&lines.join("\n"));
        lines.splice(at..at, [line, line]);
        survives(&lines.join("\n"));
    }
}

#[test]
fn the_whole_text_is_a_configuration_to_begin_with() {
    let loaded = super::loaded(WHOLE);
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, "#".repeat(MAX_BYTES + 1)).unwrap();
    assert_eq!(outline(&load(&path, &unset).unwrap_err()), ["too-much "]);
    std::fs::write(&path, "#".repeat(MAX_BYTES)).unwrap();
    assert!(load(&path, &unset).is_ok());
}

#[test]
fn ten_times_too_many_of_anything_is_refused() {
    let many = |count: usize, line: fn(&mut String, usize)| {
        let mut text = String::new();
        (0..count).for_each(|number| line(&mut text, number));
        text
    };
    let check = |text: &str| assert_eq!(refused(text).diagnostics()[0].code.as_str(), "too-much");
    check(&many(10_000, |text, n| write!(text, "[listener.l{n}]\nbind = \"127.0.0.1:{}\"\n", n + 1).unwrap()));
    check(&many(10_000, |text, n| writeln!(text, "[plugin.p{n}]").unwrap()));
    check(&many(100_000, |text, n| writeln!(text, "[target-group.g{n}]").unwrap()));
    let targets = many(100_000, |text, n| write!(text, "\"10.{}.{}.{}:80\",", n >> 16, n >> 8 & 255, n & 255).unwrap());
    check(&format!("[target-group.g]\ntargets = [{targets}]\n"));
    let table = "consistent-hash = { key = \"path\", table-size = 5000011 }";
    let groups: String = (0..11).map(|n| format!("[target-group.g{n}]\nbalance = {{ {table} }}\n")).collect();
    check(&groups);
    check(&many(10_000, |text, n| writeln!(text, "[scaling-group.s{n}]").unwrap()));
    check(&many(100_000, |text, n| writeln!(text, "[alarm.a{n}]").unwrap()));
    let group =
        "[scaling-group.s]\ntarget-group = \"g\"\nmax = 1\nlaunch-template.docker = { image = \"i\", port = 80 }\n";
    let policies = many(1000, |text, n| {
        writeln!(text, "policy.p{n}.simple = {{ alarm = \"a\", adjustment = \"exact-capacity\", by = 1 }}").unwrap();
    });
    check(&format!("{group}{policies}"));
    let hooks =
        many(1000, |text, n| writeln!(text, "hook.h{n} = {{ on = \"launching\", command = [\"h\"] }}").unwrap());
    check(&format!("{group}{hooks}"));
    let rules = many(100_000, |text, n| write!(text, "{{priority={n},then={{}}}},").unwrap());
    check(&format!("[listener.l]\nrule = [{rules}]\n"));
}

#[test]
fn a_full_configuration_is_accepted() {
    let mut text = String::from("[target-group.g]\ntargets = [");
    (0..10_000).for_each(|n| write!(text, "\"10.0.{}.{}:80\",", n >> 8, n & 255).unwrap());
    text.push_str("]\n");
    assert_eq!(accepted(&text).target_groups[0].targets.len(), 10_000);
}

#[test]
fn a_full_set_of_scaling_groups_that_all_clash_is_answered_in_time() {
    let mut text = String::from("[target-group.g]\nhealth-check = { http = {} }\ntargets = [");
    (0..10_000).for_each(|n| write!(text, "\"10.0.{}.{}:6500\",", n >> 8, n & 255).unwrap());
    text.push_str("]\n[listener.l]\nbind = \"0.0.0.0:8080\"\ndefault = { forward = \"g\" }\n");
    for n in 0..1000 {
        write!(text, "[scaling-group.s{n}]\ntarget-group = \"g\"\nmax = 1\n").unwrap();
        text.push_str("launch-template.process = { command = [\"./a\"], ports = \"6000-7000\" }\n");
        text.push_str("policy.p.simple = { alarm = \"a\", adjustment = \"exact-capacity\", by = 1 }\n");
    }
    text.push_str("[alarm.a]\nmetric = \"latency\"\ntarget-group = \"g\"\ncomparison = \"less-than\"\nthreshold = 1\n");
    let loaded = super::loaded(&text);
    assert_eq!(loaded.config.scaling_groups.len(), 1000);
    assert!(loaded.warnings.omitted() > 500, "{}", loaded.warnings.omitted());
}

#[test]
fn a_thousand_mistakes_end_in_time_and_in_a_readable_report() {
    let mut text = String::from("[target-group.g]\n");
    (0..20_000).for_each(|n| writeln!(text, "key{n} = 1").unwrap());
    (0..500).for_each(|n| writeln!(text, "[listener.l{n}]\nbnd = 1\n").unwrap());
    let report = refused(&text);
    assert_eq!(report.diagnostics().len(), MAX_PROBLEMS);
    let end = report.to_string().lines().last().unwrap().to_owned();
    assert!(end.contains("more"), "{end}");
}

#[test]
fn ten_thousand_mistakes_of_the_same_kind_end_in_time() {
    let mut names = String::from("[listener.l]\nbind = \"127.0.0.1:1\"\n");
    (0..10_000).for_each(|n| {
        let forward = format!("then = {{ forward = \"h{n}\" }}");
        write!(names, "[[listener.l.rule]]\npriority = {}\n{forward}\n", n / 2).unwrap();
    });
    (0..5_000).for_each(|n| writeln!(names, "[target-group.g{n}]\ntargets = [\"10.0.0.1\", \"10.0.0.1\"]").unwrap());
    let report = refused(&names);
    assert_eq!(report.diagnostics().len(), MAX_PROBLEMS);
    assert!(report.omitted() > 20_000, "{}", report.omitted());
}

#[test]
fn whatever_the_fuzzer_found_is_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    for file in std::fs::read_dir(folder).unwrap() {
        survives(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
    }
}
