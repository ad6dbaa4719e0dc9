//! Rules of listeners: conditions and an action.

use std::collections::BTreeMap;

use toml::Value as Toml;

use super::{Context, route};
use crate::NoteKind;
use crate::toml_text::{inline, one_or_many, text, texts};
use crate::view::View;
use crate::world::Resource;

const RULE: &str = "aws_lb_listener_rule";

/// A rule, ready to be written.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) origin: String,
    pub(super) priority: u32,
    pub(super) when: Option<Toml>,
    pub(super) then: Toml,
}

/// Why a condition cannot be said here.
type Refusal = &'static str;

/// The rules of a listener, by priority; those without one come last, as at AWS.
pub(super) fn of_listener(context: &Context<'_>, listener: &Resource) -> Vec<Rule> {
    let belongs = |rule: &&Resource| {
        let of = context.peek(rule, "listener_arn").and_then(|arn| context.world.find(&arn, &[super::LISTENER]));
        of.is_some_and(|found| std::ptr::eq(found, listener))
    };
    let mut rules: Vec<(Option<u32>, Rule)> =
        context.world.of_kind(RULE).filter(belongs).filter_map(|rule| read(context, rule)).collect();
    let mut last = rules.iter().filter_map(|(priority, _)| *priority).max().unwrap_or(0);
    for (priority, rule) in &mut rules {
        rule.priority = priority.unwrap_or_else(|| {
            last += 1;
            last
        });
    }
    rules.sort_by_key(|(_, rule)| rule.priority);
    rules.into_iter().map(|(_, rule)| rule).collect()
}

fn read(context: &Context<'_>, resource: &Resource) -> Option<(Option<u32>, Rule)> {
    let view = context.world.view(resource);
    view.saw(&["listener_arn"]);
    let priority = view.count("priority");
    let then = route::action(context, &view.blocks("action"), true)?;
    match conditions(&view.blocks("condition")) {
        Ok(when) => Some((priority, Rule { origin: context.origin(resource), priority: 0, when, then })),
        Err(why) => {
            // Without one of its conditions it would take more than it should.
            view.note_whole(NoteKind::Left, format!("the whole rule: {why}"));
            None
        }
    }
}

fn conditions(views: &[View<'_>]) -> Result<Option<Toml>, Refusal> {
    let mut when: BTreeMap<String, Toml> = BTreeMap::new();
    let mut named: BTreeMap<(&str, String), Vec<Toml>> = BTreeMap::new();
    for view in views {
        for (block, key, fold) in
            [("host_header", "host", false), ("path_pattern", "path", false), ("http_request_method", "method", false)]
        {
            if let Some(block) = view.block(block) {
                insert(&mut when, key, patterns(&block, fold)?)?;
            }
        }
        if let Some(block) = view.block("source_ip") {
            let networks = block.texts("values").iter().map(|network| text(network)).collect();
            insert(&mut when, "source", networks)?;
        }
        if let Some(block) = view.block("http_header") {
            let name = block.text("http_header_name").ok_or("a header's name is not known")?;
            if named.insert(("header", name.to_lowercase()), patterns(&block, true)?).is_some() {
                return Err("one header field has to match twice");
            }
        }
        if let Some((name, values)) = query(view)?
            && named.insert(("query", name), values).is_some()
        {
            return Err("one query parameter has to match twice");
        }
    }
    for kind in ["header", "query"] {
        let of_kind = named.iter().filter(|((of, _), _)| *of == kind);
        let entries: Vec<_> = of_kind.map(|((_, name), values)| (name.clone(), one_or_many(values.clone()))).collect();
        if !entries.is_empty() {
            when.insert(kind.to_owned(), inline(entries));
        }
    }
    Ok((!when.is_empty()).then(|| inline(when)))
}

fn insert(when: &mut BTreeMap<String, Toml>, key: &str, values: Vec<Toml>) -> Result<(), Refusal> {
    if values.is_empty() {
        return Err("a condition's values are not known");
    }
    let twice = when.insert(key.to_owned(), one_or_many(values)).is_some();
    if twice { Err("two conditions of one kind") } else { Ok(()) }
}

fn patterns(block: &View<'_>, fold: bool) -> Result<Vec<Toml>, Refusal> {
    let mut patterns: Vec<_> = block.texts("values").iter().map(|value| pattern(value, fold)).collect();
    patterns.extend(block.texts("regex_values").into_iter().map(|regex| format!("~{regex}")));
    if patterns.is_empty() {
        return Err("a condition's values are not known");
    }
    Ok(match texts(patterns) {
        Toml::Array(patterns) => patterns,
        one => vec![one],
    })
}

/// Parameters with their values. Alternatives of several parameters cannot be said in one rule.
fn query(view: &View<'_>) -> Result<Option<(String, Vec<Toml>)>, Refusal> {
    let blocks = view.blocks("query_string");
    let mut found: Option<(String, Vec<Toml>)> = None;
    // Blocks of their own, or one with blocks in it: the provider knew both.
    for block in blocks {
        let inner = block.blocks("values");
        let pairs = if inner.is_empty() { vec![block] } else { inner };
        for pair in pairs {
            let name = pair.text("key").ok_or("a query's value with any key")?;
            let value = pair.text("value").ok_or("a query's value is not known")?;
            if name.contains(['*', '?']) {
                return Err("a pattern for a query's key");
            }
            let value = text(&pattern(&value, true));
            match &mut found {
                None => found = Some((name, vec![value])),
                Some((same, values)) if *same == name => values.push(value),
                Some(_) => return Err("one query parameter or another"),
            }
        }
    }
    Ok(found)
}

/// A pattern of AWS as one of ours: `*` is the same; `?`, a backslash, and a comparison without regard to case need a
/// regular expression.
fn pattern(value: &str, fold: bool) -> String {
    let letters = fold && value.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !letters && !value.contains(['?', '\\']) && !value.starts_with('~') {
        return value.to_owned();
    }
    let mut regex = if letters { "~(?i)^".to_owned() } else { "~^".to_owned() };
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '\\' => escape(chars.next().unwrap_or('\\'), &mut regex),
            c => escape(c, &mut regex),
        }
    }
    regex + "$"
}

fn escape(c: char, into: &mut String) {
    if r"\.+*?()|[]{}^$#&-~".contains(c) {
        into.push('\\');
    }
    into.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_keep_their_meaning() {
        for (value, fold, ours) in [
            ("/api/*", false, "/api/*"),
            ("/v?/*", false, "~^/v./.*$"),
            ("~x", false, r"~^\~x$"),
            ("Chrome*", true, "~(?i)^Chrome.*$"),
            ("1.2", true, "1.2"),
            (r"what\?", true, r"~(?i)^what\?$"),
        ] {
            assert_eq!(pattern(value, fold), ours);
        }
    }
}
