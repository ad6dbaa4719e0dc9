//! Which header fields does the request carry?

use std::str::FromStr;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::pattern::Pattern;
use crate::request::Request;
use crate::table::Table;
use crate::text::text;

/// Patterns for the values of header fields. Every named field has to be there with a value that matches; of a repeated
/// field one line is enough. Lists inside one line are not taken apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Header(pub Table<FieldName, Alternatives<Pattern>>);

/// Name of a header field, regardless of case.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldName(HeaderName);

/// A text is not the name of a header field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the name of a header field: use letters, digits and `-`")]
pub struct FieldNameError {
    /// The refused text.
    pub text: String,
}

impl FromStr for FieldName {
    type Err = FieldNameError;

    fn from_str(text: &str) -> Result<Self, FieldNameError> {
        let name = HeaderName::from_bytes(text.as_bytes());
        name.map(Self).map_err(|_| FieldNameError { text: text.to_owned() })
    }
}

text!(FieldName, "the name of a header field", |it| it.0.as_str());

impl From<HeaderName> for FieldName {
    fn from(name: HeaderName) -> Self {
        Self(name)
    }
}

impl Condition for Header {
    fn holds(&self, request: &Request<'_>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let mut values = request.head.headers.get_all(&name.0).iter();
            values.any(|value| patterns.any(|pattern| pattern.matches(value.as_bytes())))
        })
    }
}
