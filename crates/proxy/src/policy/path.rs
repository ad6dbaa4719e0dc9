//! One spelling for each path (RFC 3986 section 6.2.2).

use std::borrow::Cow;

use http::Uri;
use http::request::Parts;

use super::request::Refusal;

/// Which spelling of a path rules, plugins and targets see. All of them see the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathForm {
    /// Without `.` and `..`, with `//` made one slash, and with one spelling for each encoded character. A path that
    /// leads above the root or is encoded wrongly is refused.
    #[default]
    Normal,
    /// The same, but slashes stay as many as they are.
    KeepSlashes,
    /// As the client wrote it.
    AsSent,
}

/// Brings the path into its form. The query stays as it is.
pub(crate) fn normalize(head: &mut Parts, form: PathForm) -> Result<(), Refusal> {
    let path = head.uri.path();
    if form == PathForm::AsSent || !path.starts_with('/') || is_normal(path.as_bytes(), form) {
        return Ok(());
    }
    let mut text = resolve(&decode(path.as_bytes())?, form)?;
    if let Some(query) = head.uri.query() {
        text.push(b'?');
        text.extend_from_slice(query.as_bytes());
    }
    // Its characters are those of a path; only that it grew can make it one that cannot be sent.
    head.uri = Uri::from_maybe_shared(bytes::Bytes::from(text)).map_err(|_| Refusal::TargetTooLong)?;
    Ok(())
}

/// Whether nothing is to be done, told from one look at each byte.
fn is_normal(path: &[u8], form: PathForm) -> bool {
    let mut before = 0;
    for &byte in path {
        match (before, byte) {
            (_, b'%' | 128..) | (b'/', b'.') => return false,
            (b'/', b'/') if form == PathForm::Normal => return false,
            _ => before = byte,
        }
    }
    true
}

/// Decodes what need not be encoded, and encodes the rest in capitals: whether `%2f` is a slash is for the target to say,
/// and it says it of `%2F`.
fn decode(path: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if !path.iter().any(|byte| matches!(byte, b'%' | 128..)) {
        return Ok(Cow::Borrowed(path));
    }
    let mut text = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        let encoded = match byte {
            b'%' => {
                let (digits, after) = after.split_first_chunk::<2>().ok_or(Refusal::Path)?;
                rest = after;
                hex(digits[0]).zip(hex(digits[1])).map(|(high, low)| high << 4 | low).ok_or(Refusal::Path)?
            }
            128.. => *byte,
            _ => {
                text.push(*byte);
                continue;
            }
        };
        if encoded.is_ascii_alphanumeric() || b"-._~".contains(&encoded) {
            text.push(encoded);
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            text.extend([b'%', DIGITS[usize::from(encoded >> 4)], DIGITS[usize::from(encoded & 15)]]);
        }
    }
    Ok(Cow::Owned(text))
}

fn hex(digit: u8) -> Option<u8> {
    // Below 16.
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// Takes the dots out (RFC 3986 section 5.2.4). Above the root there is nothing: whoever asks for it is up to something.
fn resolve(path: &[u8], form: PathForm) -> Result<Vec<u8>, Refusal> {
    let mut text = Vec::with_capacity(path.len());
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." if is_last => text.push(b'/'),
            b"." => {}
            b".." => {
                let parent = text.iter().rposition(|byte| *byte == b'/').ok_or(Refusal::Path)?;
                text.truncate(parent + usize::from(is_last));
            }
            b"" if !is_last && form == PathForm::Normal => {}
            // Some targets take parameters off a segment before they take it for dots.
            [b'.', b';', ..] | [b'.', b'.', b';', ..] => return Err(Refusal::Path),
            _ => {
                text.push(b'/');
                text.extend_from_slice(segment);
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn normal(target: &str, form: PathForm) -> Option<String> {
        let mut head = Request::get(target).body(()).unwrap().into_parts().0;
        normalize(&mut head, form).ok().map(|()| head.uri.to_string())
    }

    #[track_caller]
    fn check(target: &str, want: Option<&str>) {
        assert_eq!(normal(target, PathForm::Normal).as_deref(), want, "{target}");
    }

    #[test]
    fn dots_are_followed_in_whatever_spelling() {
        for (target, want) in [
            ("/", "/"),
            ("/.", "/"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.%2e/b?x=/../y", "/b?x=/../y"),
            ("/...", "/..."),
            ("/.a/b.", "/.a/b."),
            ("/a/..b", "/a/..b"),
            ("/.well-known/x", "/.well-known/x"),
        ] {
            check(target, Some(want));
        }
        for above in ["/..", "/../a", "/a/../../b", "/%2e%2e/a", "/./..", "/..;/a", "/a/.;x/b", "/a/..%3B/b/%2e%2e;"] {
            check(above, None);
        }
    }

    #[test]
    fn slashes_are_made_one_unless_they_are_to_stay() {
        for (target, normal_form, kept) in [
            ("//", "/", "//"),
            ("//a//b//", "/a/b/", "//a//b//"),
            ("/a//../b", "/b", "/a/b"),
            ("/a/..//b", "/b", "//b"),
            ("/a//.", "/a/", "/a//"),
        ] {
            check(target, Some(normal_form));
            assert_eq!(normal(target, PathForm::KeepSlashes).as_deref(), Some(kept), "{target}");
            assert_eq!(normal(target, PathForm::AsSent).as_deref(), Some(target));
        }
    }

    #[test]
    fn each_character_has_one_spelling() {
        for (target, want) in [
            ("/%61%2d%7E%5f", "/a-~_"),
            ("/a%2fb%2Fc", "/a%2Fb%2Fc"),
            ("/%c3%a9", "/%C3%A9"),
            ("/\u{e9}", "/%C3%A9"),
            ("/%2561", "/%2561"),
            ("/a%20b?c=%61", "/a%20b?c=%61"),
        ] {
            check(target, Some(want));
        }
        for bad in ["/%", "/%4", "/a%zz", "/%4g/", "/%%41"] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn a_form_stays_what_it_is_and_holds_no_dots(target in "/([a-c./;~-]|%2[eEfF5]|%6[1a]|\u{e9}){0,20}") {
            for form in [PathForm::Normal, PathForm::KeepSlashes] {
                if let Some(once) = normal(&target, form) {
                    prop_assert_eq!(normal(&once, form), Some(once.clone()), "{}", target);
                    prop_assert!(once.starts_with('/'));
                    prop_assert!(once.split('/').all(|segment| segment != "." && segment != ".."), "{}", once);
                    prop_assert!(form == PathForm::KeepSlashes || !once.contains("//"), "{}", once);
                }
            }
        }
    }
}
