//! The way from the root of a configuration to one of its values.

use std::fmt;

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A way such as `listener.web.rule[0].priority`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct KeyPath(Vec<Step>);

impl KeyPath {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    #[must_use]
    pub(crate) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// A step as a text: `[0]` is a position in a list, all else a key. No name begins with a bracket.
    #[must_use]
    pub(crate) fn step(&self, step: &str) -> Self {
        let position = step.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match position.and_then(|position| position.parse().ok()) {
            Some(position) => self.index(position),
            None => self.key(step),
        }
    }

    #[must_use]
    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    #[must_use]
    pub(crate) fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The way to what holds this, and the last step; `None` for the root.
    pub(crate) fn split(&self) -> Option<(Self, &Step)> {
        let (last, rest) = self.0.split_last()?;
        Some((Self(rest.to_vec()), last))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last key on the way.
    pub(crate) fn last_key(&self) -> &str {
        self.0
            .iter()
            .rev()
            .find_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None })
            .unwrap_or("")
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{}", crate::toml_text::key(key))?;
                }
            }
        }
        Ok(())
    }
}
