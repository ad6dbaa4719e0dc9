use http::{HeaderValue, Uri};
use proptest::prelude::*;

use super::*;
use crate::testing::head;

#[track_caller]
fn check(template: &str, request: &str, location: &str) {
    let template: Template = template.parse().unwrap();
    let rendered = template.render(&head(request), false).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(rendered.as_deref().unwrap_or("none"), location);
}

#[test]
fn placeholders_stand_for_parts_of_the_request() {
    let request = "GET /a/b?c=d&e\nhost: Example.org:8080";
    check("https://{host}{path_and_query}", request, "https://Example.org/a/b?c=d&e");
    check("{scheme}://{host}:{port}{path}?{query}#top", request, "http://Example.org:8080/a/b?c=d&e#top");
    check("/new{path}", request, "/new/a/b");
    check("{path}", request, "/a/b");
    check("https://new.example/{query}", request, "https://new.example/c=d&e");
    check("https://{host}:8443{path_and_query}", "GET /\nhost: [::1]:80", "https://[::1]:8443/");
}

#[test]
fn parts_that_a_request_lacks_have_a_neutral_form() {
    check("https://{host}:{port}{path_and_query}", "GET /a\nhost: x", "https://x:80/a");
    check("https://{host}{path}?{query}", "OPTIONS *\nhost: x", "https://x/?");
    check("/x", "GET /a", "/x");
}

#[test]
fn the_scheme_is_the_connections_whatever_the_request_says() {
    let template: Template = "{scheme}://{host}:{port}{path}".parse().unwrap();
    for request in ["GET https://x/a", "GET http://x/a", "GET /a\nhost: x"] {
        assert_eq!(template.render(&head(request), true).unwrap(), "https://x:443/a");
        assert_eq!(template.render(&head(request), false).unwrap(), "http://x:80/a");
    }
}

#[test]
fn a_host_that_is_none_gives_no_redirect() {
    for host in ["", "a/b", "a b", "a@b/c", "a\\b", "a?b", "[::1", "[a.b]", "b\u{fc}cher", "a:b", "a:99999", "a,b"] {
        check("https://{host}:{port}/", &format!("GET /\nhost: {host}"), "none");
    }
    check("https://{host}/", "GET /", "none");
}

#[test]
fn a_path_cannot_lead_to_another_site() {
    check("{path}", "GET //evil.example/x", "/evil.example/x");
    check("{path_and_query}", "GET ///evil.example", "/evil.example");
    check("{path}", "GET /\\evil.example", "/%5Cevil.example");
    check("/{path}", "GET /evil.example", "/evil.example");
    check("https://good.example{path}", "GET //evil.example", "https://good.example//evil.example");
}

#[test]
fn what_cannot_be_a_template_is_explained() {
    #[track_caller]
    fn check(template: &str, message: &str) {
        assert_eq!(template.parse::<Template>().unwrap_err().to_string(), message);
    }
    let start = "a redirect goes to a path (`/…`, `{path}`) or to a URL (`http://…`, `https://…`, `{scheme}://…`)";
    for text in [
        "",
        "x",
        "//evil.example/",
        "ftp://x/",
        "{host}/x",
        "{query}",
        "https://",
        "https:///x",
        "https://{path}",
        "javascript:x",
    ] {
        check(text, start);
    }
    check("/{", "`/{` has a brace without its partner");
    check("/}", "`/}` has a brace without its partner");
    check("/{a{path}", "there is no `{a{path}`: use {scheme}, {host}, {port}, {path}, {query} or {path_and_query}");
    check("/{url}", "there is no `{url}`: use {scheme}, {host}, {port}, {path}, {query} or {path_and_query}");
    check("/a b", "a redirect cannot hold ' ': write it as `%XX`");
    check("/a\r\nset-cookie: x", "a redirect cannot hold '\\r': write it as `%XX`");
    check("/\u{fc}", "a redirect cannot hold 'ü': write it as `%XX`");
    check(
        "https://example.org{query}",
        "`{query}` cannot stand before the path: a client could choose the site that it is sent to",
    );
    check(
        "https://{scheme}/",
        "`{scheme}` cannot stand before the path: a client could choose the site that it is sent to",
    );
}

proptest! {
    #[test]
    fn whatever_a_client_sends_the_site_stays(target in "/[ -~]{0,60}", host in prop::collection::vec(any::<u8>(), 0..20)) {
        let mut head = head("GET /");
        if let Ok(uri) = target.parse::<Uri>() {
            head.uri = uri;
        }
        if let Ok(host) = HeaderValue::from_bytes(&host) {
            head.headers.insert("host", host);
        }
        for template in ["{path}", "{path_and_query}", "/x{path}?{query}", "https://good.example{path_and_query}", "https://{host}{path_and_query}"] {
            let Some(location) = template.parse::<Template>().unwrap().render(&head, false) else { continue };
            let location = location.to_str().unwrap();
            prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
            prop_assert!(!location.starts_with("//"), "{location}");
            let site = location.parse::<Uri>().unwrap().host().map(str::to_owned);
            let expected = match template {
                _ if template.starts_with("https://good") => Some("good.example"),
                _ if template.starts_with("https://{host}") => site.as_deref(),
                _ => None,
            };
            prop_assert_eq!(site.as_deref(), expected);
        }
    }

    #[test]
    fn no_template_panics(text in "[a-z{}/:?#_]{0,30}|\\PC{0,20}") {
        if let Ok(template) = text.parse::<Template>() {
            template.render(&head("GET /a?b\nhost: c"), false);
        }
    }
}
