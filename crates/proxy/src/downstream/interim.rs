//! Interim responses of targets, such as 103 (Early Hints), on their way to the client.
//!
//! hyper's client reads over them, and has a callback for each request that wants to see them: three allocations, paid by
//! every request for what few responses have. Here the first bytes of a response are looked at, and only what begins
//! like an interim response is taken out of the stream, read by the parser that hyper uses too, counted and passed on.

use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::{EMPTY_HEADER, Status};

/// Most fields of an interim response.
const FIELDS: usize = 100;

/// Most interim responses to one request.
pub(crate) const MOST: u8 = 8;

/// Most bytes of an interim response's head.
const HEAD: usize = 64 << 10;

/// The head of an interim response.
#[derive(Debug, PartialEq)]
pub(crate) struct Interim {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
}

/// Bytes that began like an interim response, until it is clear that none of them belongs to one.
#[derive(Debug)]
pub(crate) struct Sieve {
    held: BytesMut,
    through: bool,
}

/// What is to be done with held bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// They began with an interim response, which is taken out.
    Interim(Interim),
    /// They do not tell yet.
    More,
    /// They are for hyper.
    Through,
}

/// Whether what begins with `bytes` may be an interim response. The status of one that is not is plain to see.
pub(crate) fn may_be(bytes: &[u8]) -> bool {
    !bytes.starts_with(b"HTTP/1.") || bytes.get(9).is_none_or(|digit| *digit == b'1')
}

impl Sieve {
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        Self { held: BytesMut::from(bytes), through: false }
    }

    /// Adds bytes.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self) {
        self.through = true;
    }

    /// Looks at what is held.
    pub(crate) fn step(&mut self) -> Step {
        if self.through {
            return Step::Through;
        }
        let mut fields = [EMPTY_HEADER; FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(&self.held) {
            Ok(Status::Complete(length)) => {
                if let Some(interim) = Interim::of(&response) {
                    self.held.advance(length);
                    return Step::Interim(interim);
                }
            }
            Ok(Status::Partial) if self.held.len() < HEAD && self.is_like_one(response.code) => return Step::More,
            _ => {} // no HTTP, or too long: hyper says so
        }
        self.through = true;
        Step::Through
    }

    /// Whether it still may be one. A final response need not be held until its head is whole.
    fn is_like_one(&self, code: Option<u16>) -> bool {
        code.is_none_or(|code| (100..200).contains(&code))
    }

    /// Takes up to `most` of the bytes that are for hyper. Whether they were the last.
    pub(crate) fn take(&mut self, most: usize, put: impl FnOnce(&[u8])) -> bool {
        let count = self.held.len().min(most);
        put(&self.held[..count]);
        self.held.advance(count);
        self.held.is_empty()
    }
}

impl Interim {
    fn of(response: &httparse::Response<'_, '_>) -> Option<Self> {
        // 101 is final for HTTP, and whether it may pass is decided elsewhere.
        let code = response.code.filter(|code| (100..200).contains(code) && *code != 101)?;
        let mut fields = HeaderMap::new();
        for field in response.headers.iter() {
            // The parser lets through what the types do not only in names of more than 64 KiB.
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value))
            {
                fields.append(name, value);
            }
        }
        Some(Self { status: StatusCode::from_u16(code).ok()?, fields })
    }

    /// Whether a client is to see it: 100 answers an expectation that ends here.
    pub(crate) fn is_news(&self) -> bool {
        self.status != StatusCode::CONTINUE
    }

    /// The head as an HTTP/1.1 client reads it.
    pub(crate) fn write(&self, to: &mut BytesMut) {
        to.extend_from_slice(b"HTTP/1.1 ");
        to.extend_from_slice(self.status.as_str().as_bytes());
        to.extend_from_slice(b" ");
        to.extend_from_slice(self.status.canonical_reason().unwrap_or("").as_bytes());
        to.extend_from_slice(b"\r\n");
        for (name, value) in &self.fields {
            to.extend_from_slice(name.as_str().as_bytes());
            to.extend_from_slice(b": ");
            to.extend_from_slice(value.as_bytes());
            to.extend_from_slice(b"\r\n");
        }
        to.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nx-b: 1\r\n\r\n";

    fn rest(sieve: &mut Sieve) -> Vec<u8> {
        let mut all = Vec::new();
        sieve.take(usize::MAX, |bytes| all.extend_from_slice(bytes));
        all
    }

    #[test]
    fn most_responses_are_seen_to_be_final_at_once() {
        assert!(!may_be(b"HTTP/1.1 200 OK\r\n"));
        assert!(!may_be(b"HTTP/1.0 404 "));
        for bytes in [HINTS, b"HTTP/1.1 100", b"HTTP/1.1 ", b"H", b"\r\nHTTP/1.1 103"] {
            assert!(may_be(bytes));
        }
    }

    #[test]
    fn interim_responses_are_taken_out_wherever_they_are_cut() {
        let mut all = HINTS.repeat(2);
        let last = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na";
        all.extend_from_slice(last);
        for at in 1..all.len() {
            let mut sieve = Sieve::holding(&all[..at]);
            let (mut found, mut parts) = (0, [&all[at..]].into_iter());
            loop {
                match sieve.step() {
                    Step::Interim(interim) => {
                        assert_eq!(interim.status, 103);
                        assert_eq!(interim.fields["link"], "</a.css>");
                        found += 1;
                    }
                    Step::More => sieve.hold(parts.next().unwrap()),
                    Step::Through => break,
                }
            }
            parts.for_each(|part| sieve.hold(part));
            assert_eq!(found, 2);
            assert_eq!(rest(&mut sieve), last, "cut at {at}");
        }
    }

    #[test]
    fn what_is_not_interim_goes_through_untouched() {
        for bytes in
            [&b"HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\n\r\n"[..], b"HTTP/1.1 2", b"nonsense", b"\0\0\x12"]
        {
            let mut sieve = Sieve::holding(bytes);
            while sieve.step() == Step::More {
                sieve.end();
            }
            assert_eq!(rest(&mut sieve), bytes);
        }
    }

    #[test]
    fn an_interim_head_has_a_limit() {
        let mut sieve = Sieve::holding(b"HTTP/1.1 103 \r\nx: ");
        sieve.hold(&[b'a'; HEAD]);
        assert_eq!(sieve.step(), Step::Through);
    }

    #[test]
    fn clients_read_the_head_as_it_was() {
        let mut sieve = Sieve::holding(HINTS);
        let Step::Interim(interim) = sieve.step() else { panic!() };
        let mut text = BytesMut::new();
        interim.write(&mut text);
        assert_eq!(&text[..], HINTS);
    }
}
