//! Which method?

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::request::Request;
use crate::text::text;

/// Methods, compared exactly: `GET` does not take `HEAD` along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Method(pub Alternatives<MethodName>);

/// One method. Any that HTTP allows, not only the well-known ones.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodName(http::Method);

/// Why a text is not a method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// Methods are tokens.
    #[error("`{text}` is not a method: write one such as `GET`, or several in a list")]
    NotAToken {
        /// The refused text.
        text: String,
    },
    /// Methods are compared with regard to case, and all well-known ones are in upper case.
    #[error("methods are compared with regard to case: write `{upper}`, not `{text}`")]
    LowerCase {
        /// The refused text.
        text: String,
        /// What was probably meant.
        upper: String,
    },
}

impl FromStr for MethodName {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, MethodError> {
        if text.contains('*') {
            // A legal character of a method, but here it was surely meant as a wildcard.
            return Err(MethodError::NotAToken { text: text.to_owned() });
        }
        let upper = text.to_ascii_uppercase();
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "QUERY"];
        if upper != text && known.contains(&upper.as_str()) {
            return Err(MethodError::LowerCase { text: text.to_owned(), upper });
        }
        let method = http::Method::from_bytes(text.as_bytes());
        method.map(Self).map_err(|_| MethodError::NotAToken { text: text.to_owned() })
    }
}

text!(MethodName, "a method such as `GET`", |it| it.0.as_str());

impl From<http::Method> for MethodName {
    fn from(method: http::Method) -> Self {
        Self(method)
    }
}

impl Condition for Method {
    fn holds(&self, request: &Request<'_>) -> bool {
        self.0.any(|method| method.0 == request.head.method)
    }
}
