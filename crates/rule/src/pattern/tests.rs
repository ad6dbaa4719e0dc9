use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(pattern: &str, matching: &[&str], other: &[&str]) {
    let pattern = Pattern::compile(pattern, Case::Sensitive).unwrap();
    for value in matching {
        assert!(pattern.matches(value.as_bytes()), "{pattern} should match {value:?}");
    }
    for value in other {
        assert!(!pattern.matches(value.as_bytes()), "{pattern} should not match {value:?}");
    }
}

#[test]
fn plain_text_matches_itself_only() {
    check("/health", &["/health"], &["/health/", "/Health", "", "x/health"]);
    check("", &[""], &["x"]);
    check("a.b+c?(d)", &["a.b+c?(d)"], &["axbbc"]);
}

#[test]
fn a_star_stands_for_anything_even_nothing() {
    check("/api/*", &["/api/", "/api/x", "/api/x/y"], &["/api", "/apix", "x/api/"]);
    check("*.js", &[".js", "a.js", "a/b.js.js"], &["a.jsx", "js"]);
    check("*", &["", "x"], &[]);
    check("**", &["", "x"], &[]);
    check("a*a", &["aa", "aba", "aaa"], &["a", ""]);
    check("ab*ba", &["abba", "abxba"], &["aba", "ab", "ba"]);
    check("*b*", &["b", "abc"], &["", "ac"]);
    check("a*b*c*d", &["abcd", "axbxcxd", "abcbcd"], &["acbd", "abcd ", "abd"]);
    check("*aab*", &["aaab"], &["abab"]);
}

#[test]
fn a_tilde_starts_a_regular_expression() {
    check("~^/v[0-9]+/", &["/v1/", "/v22/x"], &["/v/", "x/v1/"]);
    check("~beta", &["beta", "a beta b"], &["bet"]);
    check("~^a.c$", &["abc", "a\u{7f}c"], &["ab", "abcd", "a\nc"]);
    check("~", &["", "x"], &[]);
    check(r"~\bcanary\b", &["a canary!", "canary"], &["canary2"]);
    check("~(?i)^gzip$", &["GZip"], &["gzip "]);
}

#[test]
fn a_regular_expression_works_on_bytes_that_are_no_text() {
    let pattern = Pattern::compile("~^a.b$", Case::Sensitive).unwrap();
    assert!(pattern.matches(b"a\xffb"));
    assert!(!pattern.matches(b"a\xff\xffb"));
}

#[test]
fn lower_case_patterns_take_upper_case_letters() {
    for pattern in ["WWW.Example.ORG", "*.EXAMPLE.org", "~^WWW[.]"] {
        assert!(Pattern::compile(pattern, Case::Lower).unwrap().matches(b"www.example.org"), "{pattern}");
    }
}

#[test]
fn what_cannot_be_a_pattern_is_said_in_one_line() {
    let said = |text: &str| Pattern::compile(text, Case::Sensitive).unwrap_err().to_string();
    assert_eq!(said("~("), "`(` is not a regular expression: unclosed group");
    assert_eq!(
        said("~a{2,1}"),
        "`a{2,1}` is not a regular expression: invalid repetition count range, the start must be <= the end"
    );
    assert_eq!(
        said("~(?=x)"),
        "`(?=x)` is not a regular expression: look-around, including look-ahead and look-behind, is not supported"
    );
    assert_eq!(said(&"x".repeat(5000)), "this pattern has 5000 bytes; at most 4096 are taken");
    for large in ["~(a|b)*a(a|b){30}", "~((a{100}){100}){100}", r"~(?u)\w{1000}"] {
        assert!(said(large).contains("grows too large"), "{large}: {}", said(large));
    }
}

#[test]
fn expressions_of_everyday_size_are_taken() {
    for text in [
        r"~^/api/v[0-9]+/(users|orders|items)/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        r"~\.(?:jpe?g|png|gif|webp|avif|svg|ico|css|js|mjs|woff2?|ttf|eot|map)$",
        "~(?i)(googlebot|bingbot|yandex|baiduspider|duckduckbot|slurp|facebookexternalhit|twitterbot|applebot|semrush)",
        r"~^(?:[a-z0-9-]+\.){1,10}example\.(?:org|com|net)$",
        r"~^/[^/]{1,64}/[^/]{1,64}$",
        r"~^Bearer [A-Za-z0-9_.=-]{20,200}$",
    ] {
        for case in [Case::Sensitive, Case::Lower] {
            assert!(Pattern::compile(text, case).is_ok(), "{text}: {}", Pattern::compile(text, case).unwrap_err());
        }
    }
}

/// The obvious way, which is exponential.
fn plainly(pattern: &[u8], value: &[u8]) -> bool {
    match pattern {
        [] => value.is_empty(),
        [b'*', rest @ ..] => (0..=value.len()).any(|skipped| plainly(rest, &value[skipped..])),
        [byte, rest @ ..] => value.first() == Some(byte) && plainly(rest, &value[1..]),
    }
}

proptest! {
    #[test]
    fn wildcards_match_what_the_obvious_way_matches(pattern in "[ab*]{0,8}", value in "[ab]{0,10}") {
        let compiled = Pattern::compile(&pattern, Case::Sensitive).unwrap();
        prop_assert_eq!(compiled.matches(value.as_bytes()), plainly(pattern.as_bytes(), value.as_bytes()));
    }

    #[test]
    fn no_pattern_and_no_value_panics(pattern in "\\PC{0,40}", value in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [pattern.clone(), format!("~{pattern}")] {
            if let Ok(pattern) = Pattern::compile(&text, Case::Sensitive) {
                let _ = pattern.matches(&value);
            }
        }
    }
}

#[test]
fn no_pattern_takes_long_for_64_kib_of_any_text() {
    let texts = ["a", "ab", "aaab", "/a/", "a=a&", "\u{e9}"].map(|part| part.repeat((64 << 10) / part.len()));
    for pattern in [
        "*a*a*a*a*a*a*a*c",
        "*ab*ab*ab*ab*ab*abc*",
        "*aaaaaaaaaaaaaaac*",
        "~(a*)*c",
        "~(a|aa)+$c",
        "~(a|b|ab)*bc",
        "~^(([a-z])+.)+[A-Z]([a-z])+$",
        "~(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^a]c",
        "~(?i)(x+x+)+y|(a+)+b+c|[a-c]{1,12}d",
    ] {
        let pattern = Pattern::compile(pattern, Case::Sensitive).unwrap();
        for text in &texts {
            let cost = crate::testing::cost(|| _ = pattern.matches(text.as_bytes()));
            assert!(cost <= crate::testing::LONGEST, "{pattern} takes {cost:?} for {}…", &text[..8]);
        }
    }
}
