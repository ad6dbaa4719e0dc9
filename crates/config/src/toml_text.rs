//! How a key is written in TOML.

use std::borrow::Cow;

/// A key as it is written: quoted where it must be.
pub(crate) fn key(key: &str) -> Cow<'_, str> {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) { Cow::Borrowed(key) } else { Cow::Owned(format!("{key:?}")) }
}
