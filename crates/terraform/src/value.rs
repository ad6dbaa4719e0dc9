//! What an expression comes to, as far as that can be told without asking AWS.

use std::collections::BTreeMap;
use std::fmt;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// Text of which some parts are only known to AWS; they stand in it as `${…}`.
    Partial(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Reference(Reference),
    /// Why it cannot be told.
    Unknown(String),
}

/// A resource, or one of its attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    /// Index of the module that it belongs to.
    pub(crate) module: usize,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Which of several, for `count` and `for_each`.
    pub(crate) key: Option<String>,
    /// Empty for the resource itself.
    pub(crate) attribute: String,
    /// The attribute's value, when it is written down.
    pub(crate) known: Option<Box<Value>>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)?;
        if let Some(key) = &self.key {
            write!(f, "[{key}]")?;
        }
        if self.attribute.is_empty() { Ok(()) } else { write!(f, ".{}", self.attribute) }
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// A reference whose value is written down is that value.
    pub(crate) fn resolved(&self) -> &Self {
        match self {
            Self::Reference(Reference { known: Some(value), .. }) => value.resolved(),
            value => value,
        }
    }

    pub(crate) fn as_text(&self) -> Option<String> {
        match self.resolved() {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number_text(*number)),
            Self::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.resolved() {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    pub(crate) fn as_flag(&self) -> Option<bool> {
        match self.resolved() {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What stands in a template: the text, and whether all of it is known.
    pub(crate) fn in_template(&self) -> (String, bool) {
        match self.resolved() {
            Self::Partial(text) => (text.clone(), false),
            Self::Reference(reference) => (format!("${{{reference}}}"), false),
            value => value.as_text().map_or_else(|| ("${…}".to_owned(), false), |text| (text, true)),
        }
    }

    /// Why it is not known, or `None` when it is, all of it.
    pub(crate) fn why_unknown(&self) -> Option<String> {
        match self.resolved() {
            Self::Unknown(why) => Some(why.clone()),
            Self::Reference(reference) => Some(format!("{reference} is only known to AWS")),
            Self::Partial(text) => Some(format!("parts of `{}` are only known to AWS", shorten(text))),
            Self::List(items) => items.iter().find_map(Self::why_unknown),
            Self::Map(entries) => entries.values().find_map(Self::why_unknown),
            _ => None,
        }
    }

    /// What it costs to keep, roughly in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 1,
            Self::Text(text) | Self::Partial(text) | Self::Unknown(text) => 1 + text.len(),
            Self::List(items) => 1 + items.iter().map(Self::weight).sum::<usize>(),
            Self::Map(entries) => 1 + entries.iter().map(|(key, value)| key.len() + value.weight()).sum::<usize>(),
            Self::Reference(reference) => 1 + reference.known.as_ref().map_or(0, |known| known.weight()),
        }
    }
}

/// A text that fits into a sentence.
pub(crate) fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(61).collect();
    if line.chars().count() > 60 { line.chars().take(59).collect::<String>() + "…" } else { line }
}

/// As Terraform writes numbers: whole ones without a point.
pub(crate) fn number_text(number: f64) -> String {
    number.to_string()
}
