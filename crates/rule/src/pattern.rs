//! The pattern language of conditions: plain text is compared, `*` stands for anything, `~` starts a regular expression.

mod expression;
mod wildcard;

use std::fmt;
use std::str::FromStr;

use self::expression::Expression;
use self::wildcard::Wildcard;
use crate::text::text;

pub(crate) use self::expression::captures;

/// Longest pattern in bytes: it bounds the work of matching and of building.
const LONGEST: usize = 4096;

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text is longer than a pattern may be.
    #[error("this pattern has {length} bytes; at most {LONGEST} are taken")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// What follows `~` is not a regular expression.
    #[error("`{expression}` is not a regular expression: {reason}")]
    Expression {
        /// The text after `~`.
        expression: String,
        /// What the parser says.
        reason: String,
    },
    /// The regular expression needs more memory than one rule may take.
    #[error("the regular expression `{expression}` grows too large: shorten its repetitions or anchor it with `^`")]
    ExpressionTooLarge {
        /// The text after `~`.
        expression: String,
    },
    /// The pattern can never match what it is compared with.
    #[error("`{pattern}` {why}")]
    Pointless {
        /// The pattern as written.
        pattern: String,
        /// Why it is pointless, and what to write instead.
        why: &'static str,
    },
}

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    /// The compared value comes in lower case already.
    Lower,
}

/// A pattern for one value, compared byte by byte and with regard to case.
///
/// * `plain` matches exactly this value.
/// * `pre*post`: each `*` stands for any run of bytes, also none and also across `/`.
/// * `~expression`: a regular expression that has to occur somewhere in the value; anchor it with `^` and `$`. It works on
///   bytes (`.` is any byte but a line feed, `\w` and `\d` are ASCII), needs time linear in the value, and is refused
///   when its automaton grows too large.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    matcher: Matcher,
}

/// What the values that a pattern matches have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Literal<'a> {
    /// It is only this one.
    Whole(&'a [u8]),
    /// They begin and end like this; both may be empty.
    Ends {
        /// Their beginning.
        prefix: &'a [u8],
        /// Their end.
        suffix: &'a [u8],
    },
    /// Nothing that could be said.
    Unknown,
}

#[derive(Debug, Clone)]
enum Matcher {
    Exact(Box<[u8]>),
    Wildcard(Wildcard),
    Expression(Expression),
}

impl Pattern {
    pub(crate) fn compile(text: &str, case: Case) -> Result<Self, PatternError> {
        if text.len() > LONGEST {
            return Err(PatternError::TooLong { length: text.len() });
        }
        let matcher = match text.strip_prefix('~') {
            Some(expression) => Matcher::Expression(Expression::compile(expression, case)?),
            None => {
                let literal = match case {
                    Case::Sensitive => text.to_owned(),
                    Case::Lower => text.to_ascii_lowercase(),
                };
                match Wildcard::compile(&literal) {
                    Some(wildcard) => Matcher::Wildcard(wildcard),
                    None => Matcher::Exact(literal.into_bytes().into()),
                }
            }
        };
        Ok(Self { text: text.into(), matcher })
    }

    /// Whether the value matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        match &self.matcher {
            Matcher::Exact(exact) => **exact == *value,
            Matcher::Wildcard(wildcard) => wildcard.matches(value),
            Matcher::Expression(expression) => expression.matches(value),
        }
    }

    /// What all matching values have in common.
    pub(crate) fn literal(&self) -> Literal<'_> {
        match &self.matcher {
            Matcher::Exact(exact) => Literal::Whole(exact),
            Matcher::Wildcard(wildcard) => Literal::Ends { prefix: wildcard.prefix(), suffix: wildcard.suffix() },
            Matcher::Expression(_) => Literal::Unknown,
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::compile(text, Case::Sensitive)
    }
}

text!(Pattern, "a pattern: plain text, text with `*`, or `~` and a regular expression", |it| &it.text);

#[cfg(test)]
mod tests;
