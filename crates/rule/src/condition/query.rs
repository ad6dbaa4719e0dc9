//! Which query parameters does the request carry?

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::pattern::Pattern;
use crate::percent::{decoded_eq, with_decoded};
use crate::request::Request;
use crate::table::Table;
use crate::text::text;

/// Patterns for the values of query parameters. Every named parameter has to be there with a value that matches; of a
/// repeated one, one occurrence is enough.
///
/// The query is read as browsers write forms: `&` separates parameters, a parameter without `=` has an empty value, and
/// names and values are decoded before they are compared (`%XX` is a byte, `+` a space; a `%` without two hexadecimal
/// digits stands for itself).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Query(pub Table<Parameter, Alternatives<Pattern>>);

/// Name of a query parameter, as it reads after decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter(Box<str>);

/// A query parameter has an empty name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a query parameter is empty")]
pub struct ParameterError;

impl FromStr for Parameter {
    type Err = ParameterError;

    fn from_str(text: &str) -> Result<Self, ParameterError> {
        if text.is_empty() { Err(ParameterError) } else { Ok(Self(text.into())) }
    }
}

text!(Parameter, "the name of a query parameter", |it| &it.0);

impl Condition for Query {
    fn holds(&self, request: &Request<'_>) -> bool {
        let query = request.head.uri.query().unwrap_or_default().as_bytes();
        self.0.iter().all(|(name, patterns)| {
            parameters(query)
                .filter(|(key, _)| decoded_eq(key, name.0.as_bytes()))
                .any(|(_, value)| with_decoded(value, |value| patterns.any(|pattern| pattern.matches(value))))
        })
    }
}

/// The parameters of a query, still encoded.
fn parameters(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &[][..]),
        }
    })
}
