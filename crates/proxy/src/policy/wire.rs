//! Which bytes of HTTP/1 may come at all.
//!
//! hyper's parser forgives what two readers can read differently, and hides it from everybody behind it: a line that ends
//! in a bare LF, `Content-Length` beside `Transfer-Encoding`, the same length twice, anything in a chunk's extensions. A
//! [`Scanner`] looks at the bytes before hyper does and only ever refuses: it takes nothing out of a message but the
//! number that says where the next one begins. What it lets pass, hyper frames in the same way (the fuzz target `wire`);
//! what hyper or the rest of the policy refuses, it need not know.

mod chunks;
mod line;

use self::chunks::Chunks;
use self::line::Line;

/// Longest body that hyper counts; it keeps the two numbers above for itself.
const LONGEST_BODY: u64 = u64::MAX - 2;

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Defect {
    #[error("a line ends without a carriage return")]
    BareLineFeed,
    #[error("Content-Length beside Transfer-Encoding")]
    TwoFramings,
    #[error("more than one Content-Length")]
    ManyLengths,
    #[error("a Content-Length that is not one number")]
    Length,
    #[error("a field that frames the message is too long")]
    LongFraming,
    #[error("a chunk's size is not a number, or its data does not end where it says")]
    Chunk,
    #[error("a chunk's extensions hold a control character")]
    Extension,
    #[error("the chunks' extensions are too long")]
    LongExtensions,
    #[error("the trailers are too long")]
    LongTrailers,
}

impl Defect {
    /// The code in logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare-line-feed",
            Self::TwoFramings => "two-lengths",
            Self::ManyLengths => "many-lengths",
            Self::Length => "bad-length",
            Self::LongFraming => "framing-too-long",
            Self::Chunk => "bad-chunk",
            Self::Extension | Self::LongExtensions => "chunk-extension",
            Self::LongTrailers => "trailers-too-long",
        }
    }
}

/// Where the bytes stop being good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// How many of the bytes are good.
    pub(crate) good: usize,
    pub(crate) defect: Defect,
}

/// Follows the messages of one direction of a connection through whatever parts they come in.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    /// Of responses; they have a status, and some of them no body whatever their fields say.
    responses: bool,
    /// The request that is answered is one for the head only.
    bodiless: bool,
}

#[derive(Debug)]
enum State {
    Head(Head),
    /// So many bytes of the body are to come.
    Body(u64),
    Chunks(Chunks),
    /// The rest of the connection is one body, or no HTTP, or belongs to a message that hyper or the policy refuse.
    Unframed,
}

/// What a head has said so far.
#[derive(Debug, Default)]
struct Head {
    line: Line,
    begun: bool,
    status: [u8; 3],
    length: Option<u64>,
    codings: u8,
    /// The only coding is `chunked`.
    chunked: bool,
}

impl Scanner {
    pub(crate) fn of_requests() -> Self {
        Self { state: State::Head(Head::default()), responses: false, bodiless: false }
    }

    pub(crate) fn of_responses() -> Self {
        Self { responses: true, ..Self::of_requests() }
    }

    /// The next message answers such a request.
    pub(crate) fn expect(&mut self, bodiless: bool) {
        self.bodiless = bodiless;
    }

    /// Whether the last message is whole, so that the next byte begins another one.
    pub(crate) fn is_between(&self) -> bool {
        matches!(&self.state, State::Head(head) if !head.begun && head.line.is_empty())
    }

    /// Whether a message has begun and is not over.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(&self.state, State::Head(head) if !head.begun)
    }

    /// Looks at the bytes that come next. After a refusal, no more may come.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let step = match &mut self.state {
                State::Head(head) => head.scan(rest, self.responses),
                State::Body(left) => {
                    let taken = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    Ok((taken, *left == 0))
                }
                State::Chunks(chunks) => chunks.scan(rest),
                State::Unframed => return Ok(()),
            };
            let (taken, ended) = step.map_err(|(good, defect)| Refused { good: at + good, defect })?;
            at += taken;
            if ended {
                self.advance();
            }
        }
        Ok(())
    }

    /// A head or a body is over.
    fn advance(&mut self) {
        self.state = match &self.state {
            State::Head(head) => head.body(self.responses, self.bodiless),
            _ => State::Head(Head::default()),
        };
    }
}

/// How many bytes were taken and whether that was the end, or how many were good and what was wrong with the next.
type Step = Result<(usize, bool), (usize, Defect)>;

impl Head {
    fn scan(&mut self, bytes: &[u8], response: bool) -> Step {
        let mut at = 0;
        while let Some(length) = memchr::memchr(b'\n', &bytes[at..]) {
            let (part, end) = (&bytes[at..at + length], at + length);
            let mut kept;
            // Nearly every line comes in one part.
            let text = if self.line.is_empty() {
                line::Text::of(part)
            } else {
                kept = std::mem::take(&mut self.line);
                kept.complete(part)
            };
            let text = text.ok_or((end, Defect::BareLineFeed))?;
            if text.is_empty() {
                // An empty line before a message is none of it (RFC 9112 section 2.2).
                return Ok((end + 1, self.begun));
            }
            if self.begun {
                self.field(&text, response).map_err(|defect| (end, defect))?;
            } else if response && let Some(status) = text.start().get(9..12) {
                self.status.copy_from_slice(status);
            }
            self.begun = true;
            at = end + 1;
        }
        self.line.keep(&bytes[at..]);
        Ok((bytes.len(), false))
    }

    fn field(&mut self, text: &line::Text<'_>, response: bool) -> Result<(), Defect> {
        if let Some(value) = text.value_of(b"content-length:") {
            let first = self.length.is_none();
            self.length = Some(length(value).unwrap_or(0));
            // The policy sees these fields of a response, and refuses it.
            if !response {
                text.whole().ok_or(Defect::LongFraming)?;
                length(value).ok_or(Defect::Length)?;
                first.then_some(()).ok_or(Defect::ManyLengths)?;
            }
        } else if let Some(value) = text.value_of(b"transfer-encoding:") {
            self.codings = self.codings.saturating_add(1);
            self.chunked = self.codings == 1 && value.eq_ignore_ascii_case(b"chunked");
            text.whole().ok_or(Defect::LongFraming)?;
        } else {
            return Ok(());
        }
        if self.length.is_some() && self.codings > 0 && !response { Err(Defect::TwoFramings) } else { Ok(()) }
    }

    /// What follows the head.
    fn body(&self, response: bool, bodiless: bool) -> State {
        let none = || State::Head(Self::default());
        if response {
            match &self.status {
                b"101" => return State::Unframed,
                [b'1', ..] | b"204" | b"304" => return none(),
                _ if bodiless => return none(),
                _ => {}
            }
        }
        match self.length {
            _ if self.chunked => State::Chunks(Chunks::default()),
            _ if self.codings > 0 => State::Unframed,
            None if response => State::Unframed,
            None | Some(0) => none(),
            Some(length) => State::Body(length),
        }
    }
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits)?;
    text.parse().ok().filter(|length| *length <= LONGEST_BODY)
}

#[cfg(test)]
mod tests;
