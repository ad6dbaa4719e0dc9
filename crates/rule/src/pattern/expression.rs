//! Regular expressions: as automata that cost a bounded step for each byte, whatever the value.

use std::error::Error;
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use super::{Case, PatternError};

/// Memory of one expression's automaton in bytes, and of the work to build it; what people write takes 1 to 30 KiB.
/// Refused beyond, so that rules stay within a known size and building takes milliseconds.
const AUTOMATON_LIMIT: usize = 512 << 10;
/// Memory of the intermediate form in bytes.
const NFA_LIMIT: usize = 1 << 18;
/// The same where captures are needed: there each byte may cost a step for each state, so there may be few.
const CAPTURES_NFA_LIMIT: usize = 1 << 15;

/// A deterministic automaton. It is complete before the first request, so matching needs neither a cache nor a lock and
/// no value can make it slow; the price is that expressions with large counted repetitions are refused.
#[derive(Debug, Clone)]
pub(super) struct Expression(Arc<dense::DFA<Vec<u32>>>);

impl Expression {
    pub(super) fn compile(expression: &str, case: Case) -> Result<Self, PatternError> {
        dense::Builder::new()
            .syntax(syntax_of(case))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA_LIMIT)))
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .dfa_size_limit(Some(AUTOMATON_LIMIT))
                    .determinize_size_limit(Some(AUTOMATON_LIMIT)),
            )
            .build(expression)
            .map(|automaton| Self(Arc::new(automaton)))
            .map_err(|error| refused(expression, &error, error.is_size_limit_exceeded() || nfa_is_too_large(&error)))
    }

    pub(super) fn matches(&self, value: &[u8]) -> bool {
        // An error would need quit bytes or an anchored search; neither is configured. No match is the safe reading.
        matches!(self.0.try_search_fwd(&Input::new(value).earliest(true)), Ok(Some(_)))
    }
}

/// The expression in a form that also says where its groups are.
pub(crate) fn captures(expression: &str) -> Result<meta::Regex, PatternError> {
    meta::Builder::new()
        .syntax(syntax_of(Case::Sensitive))
        .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(CAPTURES_NFA_LIMIT)))
        .build(expression)
        .map_err(|error| refused(expression, &error, error.size_limit().is_some()))
}

fn syntax_of(case: Case) -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).case_insensitive(case == Case::Lower)
}

/// The automaton's own error does not count its first stage.
fn nfa_is_too_large(error: &dense::BuildError) -> bool {
    let nfa = error.source().and_then(|cause| cause.downcast_ref::<thompson::BuildError>());
    nfa.is_some_and(|nfa| nfa.size_limit().is_some())
}

fn refused(expression: &str, error: &dyn Error, too_large: bool) -> PatternError {
    let expression = expression.to_owned();
    if too_large {
        PatternError::ExpressionTooLarge { expression }
    } else {
        PatternError::Expression { expression, reason: reason(error) }
    }
}

/// The innermost cause, without the drawing that the parser puts above it: configuration has carets of its own.
fn reason(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    text.rsplit("error: ").next().unwrap_or(&text).trim().to_owned()
}
