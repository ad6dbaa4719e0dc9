//! Form decoding (`%XX` and `+`) without allocation for what is short.

/// Values up to this length are decoded on the stack.
const ON_STACK: usize = 256;

/// Bytes of an encoded text, decoded one by one.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.0 {
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), rest)
            }
            [b'+', rest @ ..] => (b' ', rest),
            [byte, rest @ ..] => (*byte, rest),
            [] => return None,
        };
        self.0 = rest;
        Some(byte)
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Whether the encoded text reads `plain` once decoded.
pub(crate) fn decoded_eq(encoded: &[u8], plain: &[u8]) -> bool {
    Decoded(encoded).eq(plain.iter().copied())
}

/// Calls `read` with the decoded text.
pub(crate) fn with_decoded<R>(encoded: &[u8], read: impl FnOnce(&[u8]) -> R) -> R {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return read(encoded);
    }
    if encoded.len() > ON_STACK {
        return read(&Decoded(encoded).collect::<Vec<_>>());
    }
    let mut place = [0; ON_STACK];
    let mut length = 0;
    for (slot, byte) in place.iter_mut().zip(Decoded(encoded)) {
        *slot = byte;
        length += 1;
    }
    read(&place[..length])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percent_and_plus_are_decoded_and_nothing_else() {
        for (encoded, plain) in [
            ("", ""),
            ("abc", "abc"),
            ("a+b%20c", "a b c"),
            ("%41%4a%4A", "AJJ"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%4g", "%zz%4g"),
            ("%%41", "%A"),
            ("%2541", "%41"),
        ] {
            assert!(decoded_eq(encoded.as_bytes(), plain.as_bytes()), "{encoded}");
            with_decoded(encoded.as_bytes(), |decoded| assert_eq!(decoded, plain.as_bytes(), "{encoded}"));
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(plain in prop::collection::vec(any::<u8>(), 0..200)) {
            let encoded: String = plain.iter().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert!(decoded_eq(encoded.as_bytes(), &plain));
            with_decoded(encoded.as_bytes(), |decoded| assert_eq!(decoded, plain));
        }
    }
}
