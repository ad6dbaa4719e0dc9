use proptest::prelude::*;

use super::*;
use crate::testing::{fields, head, read, refusal};

#[track_caller]
fn check(rewrite: &str, request: &str, target: &str) {
    let rewrite: Rewrite = read(rewrite).unwrap_or_else(|error| panic!("{error}"));
    let mut head = head(request);
    rewrite.apply(&mut head).unwrap();
    assert_eq!(head.uri.to_string(), target);
}

#[test]
fn a_path_is_replaced_and_the_query_stays() {
    check(r#"{ path = "/x" }"#, "GET /a/b?c=d", "/x?c=d");
    check(r#"{ path = "/x" }"#, "GET /a", "/x");
    check(r#"{ path = "/x" }"#, "GET /a?", "/x?");
    check(r#"{ path = "/x" }"#, "GET http://h/a", "http://h/x");
}

#[test]
fn prefixes_are_taken_away_in_whole_segments() {
    for (prefix, path, left) in [
        ("/api", "/api/x", "/x"),
        ("/api", "/api", "/"),
        ("/api", "/apix", "/apix"),
        ("/api", "/x/api", "/x/api"),
        ("/api", "/api//x", "//x"),
        ("/api/", "/api/x", "/x"),
        ("/api/", "/api", "/api"),
        ("/", "/x", "/x"),
    ] {
        check(&format!("{{ strip-prefix = \"{prefix}\" }}"), &format!("GET {path}"), left);
    }
}

#[test]
fn prefixes_are_put_before_what_is_left() {
    check(r#"{ add-prefix = "/v2" }"#, "GET /x?y", "/v2/x?y");
    check(r#"{ add-prefix = "/v2/" }"#, "GET /", "/v2/");
    check(r#"{ add-prefix = "/v2", strip-prefix = "/v1" }"#, "GET /v1/x", "/v2/x");
    check(r#"{ add-prefix = "/" }"#, "GET /x", "/x");
}

#[test]
fn what_an_expression_finds_gives_way() {
    check(
        r#"{ replace = { pattern = "^/users/([0-9]+)/(?<what>.*)$", with = "/u/${what}/$1" } }"#,
        "GET /users/12/posts?x",
        "/u/posts/12?x",
    );
    check(r#"{ replace = { pattern = "a", with = "b" } }"#, "GET /aa", "/ba");
    check(r#"{ replace = { pattern = "nothing", with = "b" } }"#, "GET /aa", "/aa");
    check(r#"{ replace = { pattern = "^/+", with = "" } }"#, "GET //x", "/x");
    check(r#"{ replace = { pattern = "[.]php$", with = "$$" } }"#, "GET /x.php", "/x$");
}

#[test]
fn the_host_changes_wherever_it_stands() {
    let rewrite: Rewrite = read(r#"{ host = "todo.internal:8080" }"#).unwrap();
    let mut origin_form = head("GET /a\nhost: x");
    rewrite.apply(&mut origin_form).unwrap();
    assert_eq!(
        (origin_form.uri.to_string().as_str(), fields(&origin_form).as_str()),
        ("/a", "host: todo.internal:8080")
    );
    let mut absolute_form = head("GET http://x/a?b");
    rewrite.apply(&mut absolute_form).unwrap();
    assert_eq!(absolute_form.uri.to_string(), "http://todo.internal:8080/a?b");
}

#[test]
fn a_path_that_grows_too_long_is_not_sent() {
    let rewrite: Rewrite = read(r#"{ add-prefix = "/v2" }"#).unwrap();
    let mut fits = head(&format!("GET /{}", "x".repeat(LONGEST - 4)));
    assert_eq!(rewrite.apply(&mut fits), Ok(()));
    let before = format!("/{}", "x".repeat(LONGEST - 3));
    let mut long = head(&format!("GET {before}"));
    assert_eq!(rewrite.apply(&mut long), Err(Unsendable));
    assert_eq!(long.uri.path(), before);
    let doubling: Rewrite =
        read(&format!(r#"{{ replace = {{ pattern = ".*", with = "{}" }} }}"#, "$0".repeat(500))).unwrap();
    assert_eq!(doubling.apply(&mut long), Err(Unsendable));
}

#[test]
fn a_path_that_is_too_long_to_be_searched_is_not_sent() {
    let rewrite: Rewrite = read(r#"{ replace = { pattern = "nothing", with = "" } }"#).unwrap();
    let mut long = head(&format!("GET /{}", "x".repeat(LONGEST)));
    assert_eq!(rewrite.apply(&mut long), Err(Unsendable));
}

#[test]
fn what_cannot_be_rewritten_to_is_refused() {
    #[track_caller]
    fn check(rewrite: &str, message: &str) {
        assert_eq!(refusal::<Rewrite>(rewrite).0, message);
    }
    for path in ["x", "", "/a b", "/a?b", "/a#b", "/\u{fc}", "http://x/"] {
        check(
            &format!("{{ path = \"{path}\" }}"),
            &format!("`{path}` is not a path: it starts with `/` and holds neither query, fragment nor spaces"),
        );
    }
    for host in ["", "a b", "a/b", "a@b", "a:x", ":80", "a:99999"] {
        check(&format!("{{ host = \"{host}\" }}"), &format!("`{host}` is not a host: write `name` or `name:port`"));
    }
    let replace = |pattern: &str, with: &str, message: &str| {
        check(&format!("{{ replace = {{ pattern = '{pattern}', with = '{with}' }} }}"), message);
    };
    replace("(", "", "`(` is not a regular expression: unclosed group");
    replace(
        "(?:a{100}){100}",
        "",
        "the regular expression `(?:a{100}){100}` grows too large: shorten its repetitions or anchor it with `^`",
    );
    replace("(a)", "$2", "`(a)` has no group `2`: write `${1}x` when a letter follows, and `$$` for `$`");
    replace("(a)", "$1x", "`(a)` has no group `1x`: write `${1}x` when a letter follows, and `$$` for `$`");
    replace("(a)", "/ $1", "`/ $1` cannot stand in a path: it holds neither query, fragment nor spaces");
}

proptest! {
    #[test]
    fn whatever_path_comes_what_leaves_is_one(path in "/[!-~]{0,80}") {
        let Ok(uri) = path.parse::<Uri>() else { return Ok(()) };
        for rewrite in [
            r#"{ strip-prefix = "/a", add-prefix = "/b" }"#,
            r#"{ replace = { pattern = "([^/]*)/(.*)", with = "$2$1" } }"#,
            r#"{ replace = { pattern = ".", with = "" } }"#,
        ] {
            let mut head = head("GET /");
            head.uri = uri.clone();
            let rewrite: Rewrite = read(rewrite).unwrap();
            if rewrite.apply(&mut head).is_ok() {
                prop_assert!(head.uri.path().starts_with('/'));
                prop_assert_eq!(head.uri.query(), uri.query());
            }
        }
    }
}
