//! Names that a user writes in the configuration and reads again in logs, metrics and status.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name accepted, in bytes: names become metric labels and log fields, which must stay bounded.
const LONGEST: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: use 1 to 63 letters, digits, `-`, `_` or `.`, starting with a letter or digit")]
pub struct NameError {
    /// The refused text, cut to a length that is safe to print.
    pub text: String,
}

fn check(text: &str) -> Result<Arc<str>, NameError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if starts_well && text.len() <= LONGEST && text.bytes().all(legal) {
        Ok(text.into())
    } else {
        Err(NameError { text: text.chars().take(LONGEST).collect() })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks and keeps a name.
            ///
            /// # Errors
            /// [`NameError`] when the text is empty, longer than 63 bytes, or holds anything but ASCII letters,
            /// digits, `-`, `_` and `.`, or does not start with a letter or digit.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text).map(Self)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$" })
            }
        }
    };
}

name! {
    /// Name of a target group.
    GroupName
}
name! {
    /// Name of a listener.
    ListenerName
}
name! {
    /// Name of a plugin.
    PluginName
}
name! {
    /// Name of a scaling group.
    ScalingGroupName
}
name! {
    /// Name of an alarm.
    AlarmName
}
name! {
    /// Name of a scaling policy, within its scaling group.
    PolicyName
}
name! {
    /// Name of a life-cycle hook, within its scaling group.
    HookName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_printable() {
        for good in ["todo", "a", "Canary-2", "v1.2_x", &"x".repeat(63)] {
            assert!(GroupName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", ".x", "a b", "a/b", "ü", "a\n", &"x".repeat(64)] {
            assert!(GroupName::new(bad).is_err(), "{bad:?}");
        }
    }
}
