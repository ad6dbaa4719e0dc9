//! A serde error message taken apart.

/// An error message taken apart. Everything that is not recognised is passed on as it is, so that another version of
/// serde costs polish and nothing else.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble<'e> {
    UnknownField {
        field: &'e str,
        known: Vec<&'e str>,
    },
    UnknownVariant {
        variant: &'e str,
        known: Vec<&'e str>,
    },
    MissingField(&'e str),
    WrongType {
        found: &'e str,
        expected: &'e str,
    },
    InvalidValue {
        found: &'e str,
        expected: &'e str,
    },
    /// A table that chooses a kind by its one key has none or several.
    KindCount,
    /// A list or table is too short.
    Length,
    Other,
}

impl<'e> Trouble<'e> {
    pub(super) fn of(message: &'e str) -> Self {
        let pair = |rest: &'e str| rest.rsplit_once(", expected ");
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let (field, known) = named(rest);
            return Self::UnknownField { field, known };
        }
        if let Some(rest) = message.strip_prefix("unknown variant ") {
            let (variant, known) = named(rest);
            return Self::UnknownVariant { variant, known };
        }
        if let Some(field) = message.strip_prefix("missing field `") {
            return Self::MissingField(field.trim_end_matches('`'));
        }
        if let Some((found, expected)) = message.strip_prefix("invalid type: ").and_then(pair) {
            return Self::WrongType { found, expected };
        }
        if let Some((found, expected)) = message.strip_prefix("invalid value: ").and_then(pair) {
            return Self::InvalidValue { found, expected };
        }
        if message.starts_with("wanted exactly 1 element") || message.starts_with("expected table with exactly 1") {
            return Self::KindCount;
        }
        if message.starts_with("invalid length") { Self::Length } else { Self::Other }
    }
}

/// "`word`, expected one of `a`, `b`" taken apart.
fn named(rest: &str) -> (&str, Vec<&str>) {
    // The word is the user's and may hold anything; what serde adds comes last.
    let split = rest.rfind("`, expected ").or_else(|| rest.rfind("`, there are no "));
    let (word, known) = split.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
    (word.strip_prefix('`').unwrap_or(word), known.split('`').skip(1).step_by(2).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_messages_are_taken_apart() {
        let unknown = |field, known| Trouble::UnknownField { field, known };
        assert_eq!(Trouble::of("unknown field `a`, expected `b`"), unknown("a", vec!["b"]));
        assert_eq!(Trouble::of("unknown field `a`, expected one of `b`, `c`, `d`"), unknown("a", vec!["b", "c", "d"]));
        assert_eq!(Trouble::of("unknown field `a`, there are no fields"), unknown("a", vec![]));
        assert_eq!(Trouble::of("unknown field ``, expected ``, expected `b`"), unknown("`, expected `", vec!["b"]));
        assert_eq!(Trouble::of("missing field `port`"), Trouble::MissingField("port"));
        let message = "invalid type: string \"a, expected b\", expected u16";
        assert_eq!(Trouble::of(message), Trouble::WrongType { found: "string \"a, expected b\"", expected: "u16" });
    }
}
