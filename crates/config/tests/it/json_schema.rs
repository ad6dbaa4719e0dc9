//! The JSON Schema says yes to what is accepted, and no to what an editor should underline.
//!
//! The validator here knows the part of draft-07 that the schema uses, and fails on anything else.

use serde_json::{Map, Value, json};

use super::unset;

fn schema() -> Value {
    serde_json::from_str(&equipoise_config::schema()).unwrap()
}

/// What `schema` says against `value`; empty when it is valid.
fn complaints(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let Some(schema) = schema.as_object() else { return accept_or_refuse(schema, at) };
    let mut found = Vec::new();
    for (keyword, rule) in schema {
        let complaint = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "format" | "definitions" => vec![],
            // Of the patterns only the one for variables matters here.
            "pattern" if rule == r"\$\{" && value.as_str().is_some_and(|text| !text.contains("${")) => {
                vec![format!("{at}: no variable")]
            }
            "pattern" | "required" | "additionalProperties" | "patternProperties" => vec![],
            "$ref" => complaints(root, root.pointer(&rule.as_str().unwrap()[1..]).unwrap(), value, at),
            "type" => {
                if is_type(rule, value) {
                    vec![]
                } else {
                    vec![format!("{at}: not {rule}")]
                }
            }
            "const" => {
                if rule == value {
                    vec![]
                } else {
                    vec![format!("{at}: not {rule}")]
                }
            }
            "enum" => {
                if rule.as_array().unwrap().contains(value) {
                    vec![]
                } else {
                    vec![format!("{at}: none of {rule}")]
                }
            }
            "minimum" => bound(value, at, |number| number >= rule.as_f64().unwrap()),
            "maximum" => bound(value, at, |number| number <= rule.as_f64().unwrap()),
            "minItems" | "minProperties" => {
                let length = value.as_array().map(Vec::len).or(value.as_object().map(Map::len));
                if length.is_some_and(|length| (length as u64) < rule.as_u64().unwrap()) {
                    vec![format!("{at}: too short")]
                } else {
                    vec![]
                }
            }
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .flat_map(|(index, item)| complaints(root, rule, item, &format!("{at}[{index}]")))
                .collect(),
            "properties" => vec![],
            "allOf" => rule.as_array().unwrap().iter().flat_map(|choice| complaints(root, choice, value, at)).collect(),
            "anyOf" | "oneOf" => choices(root, rule, value, at, keyword == "oneOf"),
            other => panic!("the validator does not know `{other}`"),
        };
        found.extend(complaint);
    }
    if let Some(object) = value.as_object() {
        found.extend(members(root, schema, object, at));
    }
    found
}

fn accept_or_refuse(schema: &Value, at: &str) -> Vec<String> {
    if schema == &json!(false) { vec![format!("{at}: not allowed")] } else { vec![] }
}

fn members(root: &Value, schema: &Map<String, Value>, object: &Map<String, Value>, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (key, member) in object {
        let named = schema.get("properties").and_then(|properties| properties.get(key));
        let patterned = || schema.get("patternProperties")?.as_object()?.values().next();
        let rule = named.or_else(patterned).or_else(|| schema.get("additionalProperties"));
        found.extend(rule.into_iter().flat_map(|rule| complaints(root, rule, member, &format!("{at}.{key}"))));
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter(|key| !object.contains_key(key.as_str().unwrap()));
    found.extend(missing.map(|key| format!("{at}: lacks {key}")));
    found
}

fn choices(root: &Value, rule: &Value, value: &Value, at: &str, one: bool) -> Vec<String> {
    let outcomes: Vec<_> = rule.as_array().unwrap().iter().map(|choice| complaints(root, choice, value, at)).collect();
    let fitting = outcomes.iter().filter(|outcome| outcome.is_empty()).count();
    match fitting {
        0 => outcomes.into_iter().flatten().collect(),
        1 => vec![],
        _ if one => vec![format!("{at}: fits {fitting} choices")],
        _ => vec![],
    }
}

fn is_type(rule: &Value, value: &Value) -> bool {
    match rule.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("TOML has no {other}"),
    }
}

fn bound(value: &Value, at: &str, holds: impl Fn(f64) -> bool) -> Vec<String> {
    if value.as_f64().is_none_or(holds) { vec![] } else { vec![format!("{at}: {value} is out of range")] }
}

/// TOML as JSON, dates as texts.
fn json_of(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(convert).collect(),
            toml::Value::Table(table) => {
                Value::Object(table.into_iter().map(|(key, value)| (key, convert(value))).collect())
            }
            other => serde_json::to_value(other).unwrap(),
        }
    }
    convert(toml::Value::Table(text.parse().unwrap()))
}

#[track_caller]
pub(crate) fn fits(text: &str) {
    let schema = schema();
    assert_eq!(complaints(&schema, &schema, &json_of(text), ""), Vec::<String>::new());
}

#[track_caller]
fn misfits(text: &str, part: &str) {
    let schema = schema();
    let found = complaints(&schema, &schema, &json_of(text), "");
    assert!(found.iter().any(|complaint| complaint.contains(part)), "{found:?}");
}

#[test]
fn what_is_accepted_fits_the_schema() {
    fits(include_str!("../whole.toml"));
    let loaded = equipoise_config::parse(include_str!("../whole.toml"), &unset).unwrap();
    fits(&equipoise_config::effective(&loaded.config));
    fits("workers = \"${WORKERS}\"\n[target-group.a]\nfail-open = \"${OPEN}\"\nport = \"${PORT}\"\n");
}

#[test]
fn what_an_editor_should_underline_does_not_fit() {
    misfits("workrs = 1", "workrs: not allowed");
    misfits("workers = 0", "0 is out of range");
    misfits("workers = \"two\"", "no variable");
    misfits("[listener.a]\n", "lacks \"bind\"");
    misfits("[listener.a]\nbind = 80", "bind: not \"string\"");
    misfits("[listener.a]\nbind = \"x\"\nprotocol = \"http3\"", "none of");
    misfits("[plugin.a]\ncomponent = \"x\"\nworld = \"routr\"", "world: not \"router\"");
    misfits("[target-group.a]\nbalance = { maglev = {} }", "maglev: not allowed");
    misfits("[target-group.a]\ntargets = [{ weight = 1 }]", "lacks \"address\"");
    misfits("[scaling]\nhistory = 0", "0 is out of range");
    misfits("[scaling-group.a]\nmax = 4", "lacks \"launch-template\"");
    misfits("[scaling-group.a]\nlaunch-template = { proces = {} }", "proces: not allowed");
    misfits("[scaling-group.a]\ntermination = \"youngest\"", "not \"newest\"");
    misfits("[scaling-group.a.policy.b]\nsimple = { alarm = \"c\", by = 1 }", "lacks \"adjustment\"");
    misfits("[scaling-group.a]\nmin = 1001", "1001 is out of range");
    misfits("[scaling-group.a]\nwarm-pool = { size = 0 }", "0 is out of range");
    misfits("[alarm.a]\nevaluation-periods = 1441", "1441 is out of range");
    misfits("[alarm.a]\ncomparison = \"above\"", "not \"greater-than\"");
    misfits("[alarm.a]\nstatistic = \"median\"", "not \"p99\"");
}

#[test]
fn the_schema_is_draft_07_with_words_for_every_key() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(!schema.to_string().contains("\"null\""), "TOML has no null");
    let silent = |(name, definition): (&String, &Value)| {
        let keys = definition["properties"].as_object().cloned().unwrap_or_default();
        let silent = keys.into_iter().filter(|(_, key)| key["description"].is_null() && key["$ref"].is_null());
        silent.map(|(key, _)| format!("{name}.{key}")).collect::<Vec<_>>()
    };
    let silent: Vec<_> = schema["definitions"].as_object().unwrap().iter().flat_map(silent).collect();
    assert_eq!(silent, Vec::<String>::new());
}
