//! Why a call into a guest gave no usable answer.

use std::time::Duration;

use wasmtime::Trap;

use crate::state::State;
use crate::text;

/// Longest trap text that is kept: the message and some twenty frames.
const LONGEST_TRAP: usize = 2000;

/// Why a plugin gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It was still running at the end of its time.
    #[error("it took longer than its limit of {limit:?}")]
    Time {
        /// The limit.
        limit: Duration,
    },
    /// It was refused memory, and failed then.
    #[error("it reached its memory limit of {limit} bytes: {message}")]
    Memory {
        /// The limit.
        limit: u64,
        /// How it failed.
        message: String,
    },
    /// It recursed too deeply.
    #[error("its stack is exhausted: {message}")]
    Stack {
        /// Where, as far as the component has names.
        message: String,
    },
    /// It trapped: a panic, an access out of bounds, a host function that it may not call.
    #[error("it trapped: {message}")]
    Trap {
        /// The trap, the guest's last words on standard error, and where, as far as the component has names.
        message: String,
    },
    /// It returned something that cannot be used.
    #[error("its answer cannot be used: {reason}")]
    Answer {
        /// What is wrong.
        reason: String,
    },
    /// Its `configure` refused the configuration.
    #[error("it refuses its configuration: {message}")]
    Configuration {
        /// What the guest says.
        message: String,
    },
}

impl Failure {
    /// A short name for metrics; there are as many as variants.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        KINDS[self.index()]
    }

    pub(crate) fn index(&self) -> usize {
        match self {
            Self::Time { .. } => 0,
            Self::Memory { .. } => 1,
            Self::Stack { .. } => 2,
            Self::Trap { .. } => 3,
            Self::Answer { .. } => 4,
            Self::Configuration { .. } => 5,
        }
    }

    pub(crate) fn answer(reason: impl std::fmt::Display) -> Self {
        Self::Answer { reason: text::one_line(&reason.to_string(), 300) }
    }

    pub(crate) fn configuration(message: &str) -> Self {
        Self::Configuration { message: text::one_line(message, 600) }
    }

    /// Tells apart why wasmtime stopped a guest.
    pub(crate) fn of(error: &wasmtime::Error, state: &mut State, limit: Duration) -> Self {
        let message = message(error, state);
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::Time { limit },
            Some(Trap::StackOverflow) => Self::Stack { message },
            _ if state.limiter.refused() => Self::Memory { limit: state.plugin.limits.memory, message },
            _ => Self::Trap { message },
        }
    }
}

/// Names of all kinds, in the order of [`Failure::index`].
pub(crate) const KINDS: [&str; 6] = ["time", "memory", "stack", "trap", "answer", "configuration"];

/// The trap, then what the guest wrote to standard error (a panic's message), then the backtrace.
fn message(error: &wasmtime::Error, state: &mut State) -> String {
    let root = error.root_cause().to_string();
    let mut message = text::one_line(&root, 300);
    let last_words = state.output.take_error_text();
    if !last_words.trim().is_empty() {
        message.push_str("; it wrote: ");
        message.push_str(&text::one_line(&last_words, 400));
    }
    let trace = error.to_string();
    if trace != root {
        message.push('\n');
        message.push_str(&trace);
    }
    text::lines(&message, LONGEST_TRAP)
}
