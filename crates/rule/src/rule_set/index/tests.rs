use http::request::Parts;
use proptest::prelude::*;

use super::*;
use crate::rule_set::RuleSet;
use crate::testing::{CLIENT, Listener, Routers, head, listener};

/// The same rules, indexed and walked.
fn both(text: &str) -> [RuleSet; 2] {
    let Listener { default, rule } = listener(text);
    let [indexed, mut walked] = [0; 2].map(|_| RuleSet::build(&rule, &default, &Routers::default()).unwrap());
    walked.index = Index::Walk { rules: rule.len() };
    assert!(matches!(indexed.index, Index::Table(_)));
    [indexed, walked]
}

fn outcome(rules: &RuleSet, mut head: Parts) -> String {
    let rule = rules.route(&mut head, CLIENT, 0).rule.to_owned();
    format!("{rule} {} {:?}", head.uri, head.headers)
}

/// How many rules are asked for this request.
fn asked(rules: &RuleSet, request: &str) -> usize {
    let host = std::cell::OnceCell::new();
    rules.index.candidates(&Request::new(&head(request), CLIENT, &host), 0).count()
}

#[test]
fn a_request_is_compared_only_with_rules_of_its_host_and_path() {
    let rule = |number: usize| {
        let (host, path) = (number % 32, number / 32);
        format!(
            "[[rule]]\npriority = {number}\nwhen = {{ host = \"h{host}.example\", path = \"/{path}/*\" }}\nthen = {{ forward = \"g\" }}\n"
        )
    };
    let text: String = (0..1024).map(rule).collect();
    let [rules, _] = both(&format!("default = {{ respond = {{}} }}\n{text}"));
    assert_eq!(asked(&rules, "GET /7/x\nhost: h3.example"), 1);
    assert_eq!(asked(&rules, "GET /77/x\nhost: h3.example"), 0);
    assert_eq!(asked(&rules, "GET /7/x\nhost: h33.example"), 0);
}

#[test]
fn rules_of_one_host_are_told_apart_by_their_paths_and_the_other_way_round() {
    let of = |when: fn(usize) -> String| {
        let rule = |number| {
            format!("[[rule]]\npriority = {number}\nwhen = {{ {} }}\nthen = {{ forward = \"g\" }}\n", when(number))
        };
        let text: String = (0..1000).map(rule).collect();
        both(&format!("default = {{ respond = {{}} }}\n{text}")).into_iter().next().unwrap()
    };
    let paths = of(|number| format!("host = \"a.example\", path = \"/{number}\""));
    assert_eq!(asked(&paths, "GET /500\nhost: a.example"), 1);
    let hosts = of(|number| format!("host = \"*.h{number}.example\", path = \"/*\""));
    assert_eq!(asked(&hosts, "GET /500\nhost: www.h5.example"), 1);
}

/// Few letters, so that patterns and requests meet often.
fn conditions() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        "/[ab/]{0,3}",
        "/[ab/]{0,3}[*]",
        "[*][ab]{0,2}",
        "/[ab]{0,2}[*][ab]{0,2}",
        Just("~[ab]/".to_owned())
    ];
    let host =
        prop_oneof!["[ab.]{1,3}", "[*][.][ab.]{1,3}", "[ab]{1,2}[*]", Just("~^a".to_owned()), "[ab]{1,2}[*][.]b"];
    let list = |texts: Vec<String>| format!("{texts:?}").replace(r"\\", r"\");
    let several = |one: BoxedStrategy<String>| prop::collection::vec(one, 1..4);
    let key = move |name: &'static str, one: BoxedStrategy<String>| {
        prop::option::of(several(one)).prop_map(move |texts| texts.map(|texts| format!("{name} = {}", list(texts))))
    };
    (key("host", host.boxed()), key("path", path.boxed()))
        .prop_map(|(host, path)| host.into_iter().chain(path).collect::<Vec<_>>().join(", "))
}

fn action() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("forward = \"g\""),
        1 => Just("rewrite = { add-prefix = \"/a\" }"),
        1 => Just("rewrite = { host = \"b.a\" }, request-headers = { add = { x = \"1\" } }"),
    ]
}

proptest! {
    #[test]
    fn the_index_decides_as_trying_every_rule_would(
        rules in prop::collection::vec((conditions(), action()), FEW + 1..30),
        requests in prop::collection::vec(("/[ab/]{0,6}", "[ab.]{0,5}"), 12),
    ) {
        let rule = |(priority, (when, then)): (usize, &(String, &str))| {
            format!("[[rule]]\npriority = {priority}\nwhen = {{ {when} }}\nthen = {{ {then} }}\n")
        };
        let text: String = rules.iter().enumerate().map(rule).collect();
        let [indexed, walked] = both(&format!("default = {{ respond = {{}} }}\n{text}"));
        for (path, host) in requests {
            let request = head(&format!("GET {path}\nhost: {host}"));
            prop_assert_eq!(outcome(&indexed, request.clone()), outcome(&walked, request), "{}", text);
        }
    }
}
