//! How a command ends badly: what people read, and what scripts see.

use std::fmt;
use std::process::ExitCode;

use equipoise_admin::client::ClientError;

use crate::output::{Style, to_stderr};

/// Exit codes that scripts and service managers rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// What was asked for did not work, or `check` found errors.
    Failed = 1,
    /// The arguments make no sense (clap uses the same).
    Usage = 2,
    /// The admin address does not answer (`EX_UNAVAILABLE`).
    Unreachable = 69,
    /// `run` refuses the configuration (`EX_CONFIG`): restarting would not help.
    Refused = 78,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    /// `None` when the command has said everything already.
    error: Option<anyhow::Error>,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: Some(error.into()), hint: None }
    }

    /// For a command that already wrote what is wrong.
    pub(crate) fn told(code: Code) -> Self {
        Self { code, error: None, hint: None }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Writes the failure to standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let text = self.text(Style::of_stderr());
        if !text.is_empty() {
            to_stderr(&text);
        }
        ExitCode::from(self.code as u8)
    }

    fn text(&self, style: Style) -> String {
        let error = self.error.as_ref().map(|error| format!("{} {error:#}\n", style.error("error:")));
        let hint = self.hint.as_ref().map(|hint| format!("{} {hint}\n", style.strong("help:")));
        [error, hint].into_iter().flatten().collect()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Style::plain()))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Code::Failed, error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        if let ClientError::Refused(problem) = &error
            && !problem.rendered.is_empty()
        {
            to_stderr(&problem.rendered);
        }
        if error.is_unreachable() {
            let hint =
                "is `equipoise run` up, and is this its `[admin] bind`? Name another with --admin or EQUIPOISE_ADMIN";
            return Self::new(Code::Unreachable, error).hint(hint);
        }
        Self::new(Code::Failed, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_every_level_and_what_to_do() {
        let error = anyhow::anyhow!("no such file").context("reading x.toml");
        let failure = Failure::new(Code::Failed, error).hint("name a file");
        assert_eq!(failure.code(), Code::Failed);
        let text = failure.to_string();
        assert!(text.contains("reading x.toml: no such file") && text.contains("name a file"), "{text}");
    }
}
