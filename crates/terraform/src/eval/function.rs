//! Terraform's functions, as far as load balancers and launch templates need them. Whatever is missing is unknown, by name.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hcl_edit::expr::FuncCall;
use hcl_edit::template::Template;

use super::{Evaluator, Scope, exhausted, undone};
use crate::source::{inside, read_text};
use crate::value::{Value, number_text};

/// `range`, `format` and their like make no more than this.
const LONGEST: usize = 10_000;

impl Evaluator<'_> {
    pub(super) fn call(&self, call: &FuncCall, scope: &Scope) -> Value {
        let name = call.name.name.as_str();
        let mut arguments: Vec<_> = call.args.iter().map(|argument| self.value(argument, scope)).collect();
        if call.args.expand_final()
            && let Some(Value::List(last)) = arguments.pop()
        {
            arguments.extend(last);
        }
        let a = arguments.as_slice();
        let weight: usize = a.iter().map(Value::weight).sum();
        if !self.spend(weight) {
            return exhausted();
        }
        let done = match (name, a) {
            // The first that can be told: what cannot is what these are for.
            ("try", a) => a.iter().find(|value| !matches!(value, Value::Unknown(_))).cloned(),
            ("can", [value]) => Some(Value::Bool(!matches!(value, Value::Unknown(_)))),
            ("sensitive" | "nonsensitive" | "tomap" | "tolist", [value]) => Some(value.clone()),
            ("file" | "templatefile" | "filebase64" | "fileexists", [path, ..]) => {
                self.file(name, path, a.get(1), scope)
            }
            ("jsonencode", [value]) => Some(json_text(value)),
            _ => text_function(name, a).or_else(|| collection(name, a)).or_else(|| number_function(name, a)),
        };
        done.unwrap_or_else(|| {
            let refs: Vec<_> = a.iter().collect();
            match undone(&refs) {
                Value::Unknown(why) if refs.iter().all(|value| value.why_unknown().is_none()) => {
                    Value::unknown(format!("{name}(): {why}, or the function is not known here"))
                }
                unknown => unknown,
            }
        })
    }

    /// A file of the folder that is imported, and of no other.
    fn file(&self, name: &str, path: &Value, names: Option<&Value>, scope: &Scope) -> Option<Value> {
        let told = path.as_text()?;
        let module = self.program.modules.get(scope.module)?;
        let below = |path: &Path| inside(&self.program.root, path);
        // `path.module` is a path from here already.
        let found = below(Path::new(&told)).or_else(|| below(&module.folder.join(&told)));
        if name == "fileexists" {
            return Some(Value::Bool(found.is_some()));
        }
        let Some(text) = found.and_then(|path| read_text(&path).ok()).filter(|text| self.spend(text.len())) else {
            return Some(Value::unknown(format!("{told} cannot be read, or lies outside of the folder")));
        };
        Some(match (name, names.map(Value::resolved)) {
            ("filebase64", _) => Value::Text(STANDARD.encode(text)),
            ("templatefile", Some(Value::Map(names))) => match text.parse::<Template>() {
                Ok(template) => self.template(template.iter(), &scope.with(names.clone())),
                Err(error) => Value::unknown(format!("{told}:{}: {}", error.location().line(), error.message())),
            },
            _ => Value::Text(text),
        })
    }
}

/// Text, and whether all of it is known; `None` for what is no text at all.
fn part(value: &Value) -> Option<(String, bool)> {
    match value.resolved() {
        Value::List(_) | Value::Map(_) | Value::Null => None,
        Value::Unknown(_) => None,
        _ => Some(value.in_template()),
    }
}

fn made(text: String, whole: bool) -> Value {
    if whole { Value::Text(text) } else { Value::Partial(text) }
}

fn text_function(name: &str, a: &[Value]) -> Option<Value> {
    let of = |change: &dyn Fn(&str) -> String| part(a.first()?).map(|(text, whole)| made(change(&text), whole));
    let second = || a.get(1).and_then(Value::as_text);
    match (name, a.len()) {
        ("lower", 1) => of(&|text| text.to_lowercase()),
        ("upper", 1) => of(&|text| text.to_uppercase()),
        ("trimspace", 1) => of(&|text| text.trim().to_owned()),
        ("chomp", 1) => of(&|text| text.trim_end_matches(['\n', '\r']).to_owned()),
        ("tostring", 1) => of(&str::to_owned),
        ("base64encode", 1) => of(&|text| STANDARD.encode(text)),
        ("base64decode", 1) => of(&|text| base64_text(text).unwrap_or_else(|| text.to_owned())),
        ("trimprefix", 2) => second().and_then(|end| of(&|text| text.strip_prefix(&end).unwrap_or(text).to_owned())),
        ("trimsuffix", 2) => second().and_then(|end| of(&|text| text.strip_suffix(&end).unwrap_or(text).to_owned())),
        ("trim", 2) => second().and_then(|set| of(&|text| text.trim_matches(|c| set.contains(c)).to_owned())),
        ("replace", 3) => {
            let (from, to) = (second()?, a[2].as_text()?);
            // Between slashes it would be a regular expression.
            let regex = from.len() > 1 && from.starts_with('/') && from.ends_with('/');
            let plain = !regex && !from.is_empty();
            plain.then(|| of(&|text| text.replace(&from, &to))).flatten()
        }
        ("substr", 3) => {
            let (from, length) = (a[1].as_number()? as usize, a[2].as_number()?);
            let length = if length < 0.0 { usize::MAX } else { length as usize };
            of(&|text| text.chars().skip(from).take(length).collect())
        }
        ("split", 2) => {
            let (by, text) = (a[0].as_text()?, a[1].as_text()?);
            Some(Value::List(text.split(by.as_str()).take(LONGEST).map(Value::text).collect()))
        }
        ("join", 2) => {
            let Value::List(items) = a[1].resolved() else { return None };
            let parts: Vec<_> = items.iter().map(Value::in_template).collect();
            let texts: Vec<_> = parts.iter().map(|(text, _)| text.as_str()).collect();
            Some(made(texts.join(&a[0].as_text()?), parts.iter().all(|(_, whole)| *whole)))
        }
        ("format", 1..) => format(&a[0].as_text()?, &a[1..]),
        ("jsondecode", 1) => serde_json::from_str(&a[0].as_text()?).ok().map(|value| from_json(&value)),
        _ => None,
    }
}

/// `%s`, `%d`, `%v` and `%q`, with widths for numbers that are filled with zeros: `%02d`.
fn format(pattern: &str, arguments: &[Value]) -> Option<Value> {
    let (mut text, mut whole, mut next) = (String::new(), true, arguments.iter());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let rest = chars.as_str();
        let verb = rest.find(|c: char| !c.is_ascii_digit())?;
        let width = rest[..verb].trim_start_matches('0').parse::<usize>().unwrap_or(0);
        let kind = rest[verb..].chars().next()?;
        chars = rest[verb + kind.len_utf8()..].chars();
        if kind == '%' {
            text.push('%');
            continue;
        }
        let (part, known) = next.next()?.in_template();
        whole &= known;
        match kind {
            's' | 'v' => text.push_str(&part),
            'q' => text.push_str(&Value::text(part).json()),
            'd' if width <= 64 => text.push_str(&format!("{part:0>width$}")),
            _ => return None,
        }
    }
    Some(made(text, whole))
}

fn collection(name: &str, a: &[Value]) -> Option<Value> {
    let list = |index: usize| match a.get(index)?.resolved() {
        Value::List(items) => Some(items.clone()),
        _ => None,
    };
    let map = |index: usize| match a.get(index)?.resolved() {
        Value::Map(entries) => Some(entries.clone()),
        _ => None,
    };
    match name {
        "concat" => Some(Value::List((0..a.len()).map(list).collect::<Option<Vec<_>>>()?.concat())),
        "merge" => Some(Value::Map((0..a.len()).map(map).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())),
        "toset" | "distinct" | "compact" | "sort" => {
            let mut items: Vec<Value> = Vec::new();
            for item in list(0)? {
                let empty = name == "compact" && item.as_text().is_none_or(|text| text.is_empty());
                if !empty && (name == "sort" || !items.contains(&item)) {
                    items.push(item);
                }
            }
            if name == "sort" {
                items.sort_by_key(Value::as_text);
            }
            Some(Value::List(items))
        }
        "flatten" => Some(Value::List(flatten(list(0)?))),
        "reverse" => Some(Value::List(list(0)?.into_iter().rev().collect())),
        "coalesce" => a.iter().find(|it| **it != Value::Null && it.as_text().as_deref() != Some("")).cloned(),
        "contains" => Some(Value::Bool(
            list(0)?.iter().any(|item| item.resolved() == a.get(1).map_or(&Value::Null, Value::resolved)),
        )),
        "keys" => Some(Value::List(map(0)?.into_keys().map(Value::Text).collect())),
        "values" => Some(Value::List(map(0)?.into_values().collect())),
        "one" => Some(list(0)?.into_iter().next().unwrap_or(Value::Null)),
        "element" => {
            let (items, index) = (list(0)?, a.get(1)?.as_number()? as usize);
            items.get(index.checked_rem(items.len())?).cloned()
        }
        "lookup" => map(0)?.remove(&a.get(1)?.as_text()?).or_else(|| a.get(2).cloned()),
        "slice" => {
            let (from, to) = (a.get(1)?.as_number()? as usize, a.get(2)?.as_number()? as usize);
            list(0)?.get(from..to).map(|items| Value::List(items.to_vec()))
        }
        "zipmap" => {
            let keys = list(0)?.iter().map(Value::as_text).collect::<Option<Vec<_>>>()?;
            Some(Value::Map(keys.into_iter().zip(list(1)?).collect::<BTreeMap<_, _>>()))
        }
        "length" => Some(Value::Number(match a.first()?.resolved() {
            Value::List(items) => items.len(),
            Value::Map(entries) => entries.len(),
            Value::Text(text) => text.chars().count(),
            _ => return None,
        } as f64)),
        _ => None,
    }
}

fn flatten(items: Vec<Value>) -> Vec<Value> {
    let mut flat = Vec::new();
    for item in items {
        match item {
            Value::List(inner) => flat.extend(flatten(inner)),
            item => flat.push(item),
        }
    }
    flat
}

fn number_function(name: &str, a: &[Value]) -> Option<Value> {
    let numbers: Vec<f64> = a.iter().map(Value::as_number).collect::<Option<_>>()?;
    let number = match (name, numbers.as_slice()) {
        ("tobool", _) => return None,
        ("tonumber", [number]) => *number,
        ("abs", [number]) => number.abs(),
        ("ceil", [number]) => number.ceil(),
        ("floor", [number]) => number.floor(),
        ("max", [_, ..]) => numbers.iter().copied().fold(f64::MIN, f64::max),
        ("min", [_, ..]) => numbers.iter().copied().fold(f64::MAX, f64::min),
        ("range", [end]) if *end <= LONGEST as f64 => {
            return Some(Value::List((0..end.max(0.0) as usize).map(|number| Value::Number(number as f64)).collect()));
        }
        ("range", [start, end]) if end - start <= LONGEST as f64 => {
            let count = (end - start).max(0.0) as usize;
            return Some(Value::List((0..count).map(|number| Value::Number(start + number as f64)).collect()));
        }
        _ => return None,
    };
    Some(Value::Number(number))
}

/// What a text in Base64 says, if it is text.
pub(crate) fn base64_text(text: &str) -> Option<String> {
    let packed: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

fn json_text(value: &Value) -> Value {
    made(value.json(), value.why_unknown().is_none())
}

pub(crate) fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => number.as_f64().map_or(Value::Null, Value::Number),
        serde_json::Value::String(text) => Value::text(text.as_str()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), from_json(value))).collect())
        }
    }
}

impl Value {
    /// As JSON; what is not known stands in it as a text, `"${…}"`.
    fn json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self.resolved() {
            Self::Null => "null".to_owned(),
            Self::Bool(flag) => flag.to_string(),
            Self::Number(number) => number_text(*number),
            Self::Text(text) | Self::Partial(text) => quoted(text),
            Self::List(items) => format!("[{}]", items.iter().map(Self::json).collect::<Vec<_>>().join(",")),
            Self::Map(entries) => {
                let entry = |(key, value): (&String, &Self)| format!("{}:{}", quoted(key), value.json());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
            }
            value => quoted(&value.in_template().0),
        }
    }
}
