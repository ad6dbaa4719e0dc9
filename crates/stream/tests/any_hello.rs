//! Whatever a client says first: an answer in bounded time, the same however it is cut into parts, and no panic. The
//! fuzzer's target `client_hello` is this file.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use equipoise_stream::tls::{HELLO_LIMIT, HelloReader, Peek};

/// What was found, as far as it can be compared.
#[derive(Debug, PartialEq)]
enum Found {
    NeedMore,
    Hello(Option<String>, Vec<Vec<u8>>),
    NotTls,
    Broken,
    TooLong,
}

fn read(bytes: &[u8], part: usize) -> Found {
    let mut reader = HelloReader::new();
    for part in bytes.chunks(part) {
        match reader.feed(part) {
            Peek::NeedMore => {}
            Peek::Hello(hello) => return Found::Hello(hello.server_name().map(str::to_owned), hello.alpn()),
            Peek::NotTls => return Found::NotTls,
            Peek::Broken(mut broken) => {
                drop(broken.alert());
                return Found::Broken;
            }
            Peek::TooLong => return Found::TooLong,
        }
    }
    Found::NeedMore
}

/// The first byte says how the rest is cut.
pub fn any_hello(data: &[u8]) {
    let Some((part, bytes)) = data.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(*part).max(1)), whole);
    assert!(whole != Found::NeedMore || bytes.len() <= 2 * HELLO_LIMIT, "{} bytes, and still no answer", bytes.len());
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn stored_first_messages_and_their_neighbours_are_answered() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/client_hello");
        for file in std::fs::read_dir(folder).unwrap() {
            let input = std::fs::read(file.unwrap().path()).unwrap();
            any_hello(&input);
            for at in 0..input.len() {
                let mut other = input.clone();
                other[at] ^= 1 << (at % 8);
                any_hello(&other);
                any_hello(&input[..at]);
            }
        }
    }

    #[test]
    fn names_and_protocols_are_found_over_records() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/client_hello");
        let want = Found::Hello(Some("todo.example".into()), vec![b"h2".into(), b"http/1.1".into()]);
        for file in ["tls13", "split-records"] {
            let input = std::fs::read(folder.join(file)).unwrap();
            assert_eq!(read(&input[1..], 13), want, "{file}");
        }
    }
}
