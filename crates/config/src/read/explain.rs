//! What serde and the parser say, as a finding.

use std::borrow::Cow;

use equipoise_scale::Metric;
use toml::Spanned;
use toml::de::DeValue;

use super::trouble::Trouble;
use super::words::{expectation, finding_of, is_number, shown, shown_to, type_help};
use crate::code::Code;
use crate::describe::describe;
use crate::finding::{At, Finding};
use crate::path::{KeyPath, Step};
use crate::suggest::{guess, list};

/// Names of metrics that people bring along, where ours have other letters.
const METRICS_OF_AWS: [(&str, &str); 6] = [
    ("TargetResponseTime", "latency"),
    ("HTTPCode_Target_5XX_Count", "error-rate"),
    ("HealthyHostCount", "healthy-count"),
    ("NetworkIn", "network-received"),
    ("NetworkOut", "network-sent"),
    ("GroupInServiceInstances", "in-service"),
];

/// The finding for an error about the key or value at `path`.
pub(super) fn explain(
    trouble: &Trouble<'_>,
    message: &str,
    path: &KeyPath,
    node: Option<&Spanned<DeValue<'_>>>,
) -> Finding {
    let finding = translate(trouble, message, path, node);
    let help = finding.help.or_else(|| describe(path));
    Finding { help, ..finding }
}

fn translate(trouble: &Trouble<'_>, message: &str, path: &KeyPath, node: Option<&Spanned<DeValue<'_>>>) -> Finding {
    let value = At::Value(path.clone());
    match trouble {
        Trouble::UnknownField { field, known } => unknown_field(field, known, path),
        Trouble::UnknownVariant { variant, known } => unknown_variant(variant, known, key_or_value(path, variant)),
        Trouble::MissingField(field) => {
            Finding::error(Code::MissingKey, key_of_table(path, node), format!("`{field}` is missing"))
                .help(format!("add `{field} = …`"))
        }
        Trouble::WrongType { found: "unit variant", .. } => {
            let word = shown(node.and_then(|node| node.get_ref().as_str()).unwrap_or_default());
            Finding::error(Code::WrongType, value, format!("`{word}` is a table"))
                .help(format!("write `{} = {{ {word} = {{}} }}`", path.last_key()))
        }
        Trouble::WrongType { found, expected } => {
            let message = format!("expected {}, found {}", expectation(expected), finding_of(found));
            with(Finding::error(Code::WrongType, value, message), type_help(found, expected, node))
        }
        Trouble::InvalidValue { found, expected } if is_number(expected) => {
            let message = format!("{} is out of range", finding_of(found));
            Finding::error(Code::OutOfRange, value, message)
        }
        Trouble::InvalidValue { found, expected } => {
            let message = format!("{} is not {}", finding_of(found), expectation(expected));
            with(Finding::error(Code::InvalidValue, value, message), type_help(found, expected, node))
        }
        Trouble::KindCount => kind_count(path, node),
        Trouble::Length => Finding::error(Code::InvalidValue, value, shown(message).into_owned()),
        Trouble::Other => other(message, value),
    }
}

/// A table that chooses a kind by its one key has none or several.
fn kind_count(path: &KeyPath, node: Option<&Spanned<DeValue<'_>>>) -> Finding {
    let table = node.and_then(|node| node.get_ref().as_table());
    let found = list(table.into_iter().flat_map(|table| table.keys()).map(|key| key.get_ref().as_ref()));
    let message = format!("`{}` takes exactly one kind; found {found}", path.last_key());
    let finding = Finding::error(Code::Conflict, At::Key(path.clone()), message);
    if table.is_some_and(|table| table.len() > 1) { finding.help("keep one of them") } else { finding }
}

/// A key that has no meaning where it stands, beside those that have.
pub(super) fn unknown_field(field: &str, known: &[&str], path: &KeyPath) -> Finding {
    let at = At::Key(path.clone());
    let field = shown(field);
    if let Some(feature) = later(&field) {
        let message = format!("`{field}`: {feature} not supported by this version");
        return Finding::error(Code::Unsupported, at, message).help("remove it");
    }
    let finding = Finding::error(Code::UnknownKey, at, format!("unknown key `{field}`"));
    match guess(&field, known.iter().copied()) {
        Some(near) => finding.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
        None if known.is_empty() => finding.help("this table has no keys"),
        None => finding.help(format!("the keys here are {}", list(known.iter().copied()))),
    }
}

fn unknown_variant(variant: &str, known: &[&str], at: At) -> Finding {
    let variant = shown(variant);
    if let Some(feature) = later(&variant) {
        return Finding::error(Code::Unsupported, at, format!("`{variant}`: {feature} not supported by this version"))
            .help(format!("this version knows {}", list(known.iter().copied())));
    }
    let finding = Finding::error(Code::UnknownValue, at, format!("`{variant}` is not known here"));
    match guess(&variant, known.iter().copied()) {
        Some(near) => finding.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
        None => finding.help(format!("known are {}", list(known.iter().copied()))),
    }
}

/// Words of what is planned, so that whoever read about it is told the truth instead of "unknown".
fn later(word: &str) -> Option<&'static str> {
    Some(match word {
        "outlier-ejection" | "outlier-detection" | "passive-health-check" => "outlier ejection is",
        "discovery" | "dns" | "docker" | "kubernetes" => "discovery is",
        "zone" => "zones are",
        "grpc" => "gRPC is spoken over \"h2c\" or \"h2\", and a protocol of its own is",
        "request-filter" => "request filters are",
        "scaling-policy" => "scaling policies are",
        "random" | "power-of-two-choices" | "p2c" | "peak-ewma" | "prequal" | "rendezvous" | "ketama" | "ring" => {
            "the algorithm is"
        }
        _ => return None,
    })
}

/// A name that is none of a metric.
fn unknown_metric(name: &str, at: At) -> Finding {
    let known = Metric::BUILT_IN.map(|metric| metric.name());
    let words = || known.iter().map(AsRef::as_ref);
    let finding = Finding::error(Code::UnknownValue, at, format!("there is no metric `{}`", shown(name)));
    let elsewhere = || METRICS_OF_AWS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
    match elsewhere().or_else(|| guess(name, words())) {
        Some(near) => finding.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
        None => finding.help(format!(
            "metrics are {}, and what is pushed or scraped is `custom.NAME`",
            words().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Errors that our own types, or those of the other crates, put into words.
fn other(message: &str, at: At) -> Finding {
    if let Some(name) = message.strip_prefix("there is no metric `") {
        return unknown_metric(name.trim_end_matches(['`', '\n']), at);
    }
    let help = [
        ("names are resolved by discovery", "write the address itself, such as \"127.0.0.1:8080\""),
        ("lacks a port", "add one: \"127.0.0.1:8080\", \"[::1]:8080\""),
        ("lacks an address", "for every address of the machine write \"0.0.0.0:8080\" or \"[::]:8080\""),
        ("is not an address", "write \"127.0.0.1:8080\" or \"[::1]:8080\""),
        ("given twice: in `address`", "remove one of them"),
        ("is not supported by this version", "this version speaks \"http\", \"https\", \"tcp\", \"tls\" and \"udp\""),
    ];
    let help = help.iter().find(|(part, _)| message.contains(part)).map(|(_, help)| *help);
    let unsupported =
        message.contains("this version does not have") || message.contains("not supported by this version");
    let code = if unsupported { Code::Unsupported } else { Code::InvalidValue };
    with(Finding::error(code, at, shown_to(message, 400).into_owned()), help.map(Cow::Borrowed))
}

fn with(finding: Finding, help: Option<Cow<'_, str>>) -> Finding {
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// A word that is not known stands in a key (`balance.maglef`) or in a value (`format = "jsn"`).
fn key_or_value(path: &KeyPath, word: &str) -> At {
    if path.last_key() == word { At::Key(path.clone()) } else { At::Value(path.clone()) }
}

/// What lacks a key: the header of a named table is its key, an inline table is its value.
fn key_of_table(path: &KeyPath, node: Option<&Spanned<DeValue<'_>>>) -> At {
    match (node, path.steps().last()) {
        (Some(_), Some(Step::Key(_))) if path.steps().len() <= 2 => At::Key(path.clone()),
        _ => At::Value(path.clone()),
    }
}
