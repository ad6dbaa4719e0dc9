use super::*;
use crate::testing::{listener, refusal};

#[track_caller]
fn check(text: &str, expected: &[Problem]) {
    let listener = listener(text);
    assert_eq!(problems(&listener.rule, &listener.default), expected);
}

#[test]
fn sound_rules_have_no_problem() {
    check(
        r#"
        default = { forward = "a" }
        rule = [
            { priority = 2, then = { forward = "a" } },
            { priority = 1, when = { path = "/x" }, then = { forward = "a" } },
            { priority = 0, then = { request-headers = { remove = ["x"] } } },
        ]"#,
        &[],
    );
}

#[test]
fn every_repeated_priority_is_told_with_both_places() {
    check(
        r#"
        default = { forward = "a" }
        rule = [
            { priority = 1, when = { path = "/a" }, then = { forward = "a" } },
            { priority = 2, when = { path = "/b" }, then = { forward = "a" } },
            { priority = 1, when = { path = "/c" }, then = { forward = "a" } },
            { priority = 1, when = { path = "/d" }, then = { forward = "a" } },
        ]"#,
        &[
            Problem::DuplicatePriority { priority: 1, first: 0, second: 2 },
            Problem::DuplicatePriority { priority: 1, first: 0, second: 3 },
        ],
    );
}

#[test]
fn rules_that_do_nothing_or_are_never_reached_are_worth_a_warning() {
    let text = r#"
        default = { plugin = "p" }
        rule = [
            { priority = 30, when = { path = "/x" }, then = { forward = "a" } },
            { priority = 20, then = { forward = "a" } },
            { priority = 10, when = { path = "/y" }, then = {} },
        ]"#;
    let expected = [
        Problem::DefaultWithoutEnd,
        Problem::Idle { priority: 10, position: 2 },
        Problem::Unreachable { priority: 30, position: 0, by_priority: 20, by: 1 },
    ];
    check(text, &expected);
    assert_eq!(expected.map(|problem| problem.is_error()), [true, false, false]);
}

#[test]
fn rules_have_a_priority_and_an_action_and_nothing_unknown() {
    for (rule, message) in [
        (r#"{ then = {} }"#, "missing field `priority`"),
        (r#"{ priority = 1 }"#, "missing field `then`"),
        (
            r#"{ priority = 1, then = {}, name = "x" }"#,
            "unknown field `name`, expected one of `priority`, `when`, `then`",
        ),
        (r#"{ priority = -1, then = {} }"#, "invalid value: integer `-1`, expected u32"),
    ] {
        assert_eq!(refusal::<Rule>(rule).0, message);
    }
}
