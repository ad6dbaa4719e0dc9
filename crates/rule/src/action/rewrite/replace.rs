//! What a regular expression finds in the path gives way to something else.

use std::cell::RefCell;
use std::fmt;

use regex_automata::meta;
use regex_automata::util::interpolate;
use regex_automata::util::primitives::PatternID;
use serde::{Deserialize, Serialize};

use super::{LONGEST, RewriteError};
use crate::pattern::captures;

/// What a regular expression finds first in the path, and what takes its place.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "ReplaceDocument", into = "ReplaceDocument")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replace {
    pattern: Box<str>,
    with: Box<str>,
    expression: meta::Regex,
}

impl PartialEq for Replace {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.with) == (&other.pattern, &other.with)
    }
}

impl fmt::Debug for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replace").field("pattern", &self.pattern).field("with", &self.with).finish_non_exhaustive()
    }
}

impl Replace {
    /// Puts `with` in the place of what `pattern` finds first; `$1` or `${name}` stand for what its groups found, `$$` for
    /// `$`.
    ///
    /// # Errors
    /// [`RewriteError`] when the pattern is not a regular expression or needs too much memory, or when `with` cannot stand
    /// in a path or asks for a group that is not there.
    pub fn new(pattern: &str, with: &str) -> Result<Self, RewriteError> {
        let expression = captures(pattern)?;
        if with.len() > LONGEST || !with.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#')) {
            return Err(RewriteError::With { with: with.to_owned() });
        }
        if let Some(group) = missing_group(&expression, with) {
            return Err(RewriteError::NoGroup { pattern: pattern.to_owned(), group });
        }
        Ok(Self { pattern: pattern.into(), with: with.into(), expression })
    }

    /// The path after the change; `None` when the expression finds nothing in it.
    pub(super) fn apply(&self, path: &str) -> Option<String> {
        let mut groups = self.expression.create_captures();
        self.expression.captures(path, &mut groups);
        let found = groups.get_match()?;
        let mut changed = path.get(..found.start())?.to_owned();
        let group = |index, place: &mut String| {
            // What is already too long is refused later; until then it shall not grow any more.
            if place.len() <= LONGEST {
                place.push_str(groups.get_group(index).and_then(|span| path.get(span.range())).unwrap_or_default());
            }
        };
        let index_of = |name: &str| groups.group_info().to_index(groups.pattern()?, name);
        interpolate::string(&self.with, group, index_of, &mut changed);
        changed.push_str(path.get(found.end()..)?);
        Some(changed)
    }
}

/// The first group that `with` asks for and the expression does not have: the interpolation itself would quietly put
/// nothing in its place.
fn missing_group(expression: &meta::Regex, with: &str) -> Option<String> {
    let groups = expression.create_captures();
    let groups = groups.group_info();
    let missing = RefCell::new(None);
    let by_index = |index: usize, _: &mut String| {
        if index >= groups.group_len(PatternID::ZERO) {
            missing.borrow_mut().get_or_insert_with(|| index.to_string());
        }
    };
    let by_name = |name: &str| {
        let index = groups.to_index(PatternID::ZERO, name);
        if index.is_none() {
            missing.borrow_mut().get_or_insert_with(|| name.to_owned());
        }
        index
    };
    interpolate::string(with, by_index, by_name, &mut String::new());
    missing.into_inner()
}

/// What a regular expression finds first in the path, and what takes its place.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Replace"))]
struct ReplaceDocument {
    /// Regular expression, without a leading `~`: `"^/users/([0-9]+)$"`.
    pattern: String,
    /// What takes its place: `"/u/$1"`. `$1` or `${name}` stand for what the groups found, `$$` for `$`.
    with: String,
}

impl TryFrom<ReplaceDocument> for Replace {
    type Error = RewriteError;
    fn try_from(document: ReplaceDocument) -> Result<Self, RewriteError> {
        Self::new(&document.pattern, &document.with)
    }
}

impl From<Replace> for ReplaceDocument {
    fn from(replace: Replace) -> Self {
        Self { pattern: replace.pattern.into(), with: replace.with.into() }
    }
}

#[cfg(test)]
mod cost {
    use super::*;
    use crate::testing;

    #[test]
    fn no_replacement_takes_long_for_the_longest_path() {
        let paths = ["/a", "/ab", "/aaaaab"].map(|part| part.repeat(LONGEST / part.len()));
        for pattern in [
            "(a*)*c",
            "(/[ab]+)+/c$",
            "(a|b|/|ab)*(b|/)(a|/)*c",
            "^(/(a|b)+)*(/(a|ab)+)*$",
            "([a-c/]{1,20}){1,10}d",
            "(/a|/ab|/a+b)*$",
        ] {
            let replace = match Replace::new(pattern, "/$1") {
                Ok(replace) => replace,
                Err(error) => panic!("{pattern}: {error}"),
            };
            for path in &paths {
                let cost = testing::cost(|| drop(replace.apply(path)));
                assert!(cost <= testing::LONGEST, "{pattern} takes {cost:?} for {}…", &path[..8]);
            }
        }
    }
}
