//! The beginning of a request's body, kept for as long as its target may say that it has not looked at it.

use std::collections::VecDeque;
use std::task::Poll;

use bytes::Bytes;
use http_body::Frame;

/// Most bytes that are kept of one body. They are shared with what is under way, and copied nowhere.
const MOST: usize = 64 << 10;

/// Parts of a body that were passed on, in order.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    parts: VecDeque<Bytes>,
    bytes: usize,
    /// How many of them have been passed on since the last beginning.
    passed: usize,
    /// Whether something was passed on that is not among them.
    torn: bool,
}

impl Kept {
    /// The next part that was passed on before, and has not been since.
    pub(crate) fn again(&mut self) -> Option<Bytes> {
        let part = self.parts.get(self.passed).cloned()?;
        self.passed += 1;
        Some(part)
    }

    /// Whether everything that is kept has been passed on.
    pub(crate) fn is_over(&self) -> bool {
        self.passed == self.parts.len()
    }

    /// Keeps what is being passed on, if it is to be kept and there is room for it.
    pub(crate) fn note<E>(kept: &mut Option<Box<Self>>, polled: &Poll<Option<Result<Frame<Bytes>, E>>>) {
        let (Some(kept), Poll::Ready(Some(frame))) = (kept, polled) else { return };
        let data = frame.as_ref().ok().and_then(Frame::data_ref);
        match data.filter(|data| kept.bytes + data.len() <= MOST && !kept.torn) {
            Some(data) => {
                kept.bytes += data.len();
                kept.parts.push_back(data.clone());
                kept.passed += 1;
            }
            None => {
                kept.torn = true;
                kept.parts.clear();
                kept.passed = 0;
            }
        }
    }

    /// Begins anew. Whether that is possible.
    pub(crate) fn rewind(&mut self) -> bool {
        self.passed = 0;
        !self.torn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kept: &mut Option<Box<Kept>>, bytes: usize) {
        Kept::note::<()>(kept, &Poll::Ready(Some(Ok(Frame::data(vec![7; bytes].into())))));
    }

    #[test]
    fn what_was_passed_on_is_passed_on_again_from_the_beginning() {
        let mut kept = Some(Box::<Kept>::default());
        note(&mut kept, 1);
        note(&mut kept, 2);
        let mut kept = kept.unwrap();
        assert!(kept.is_over());
        for _ in 0..2 {
            assert!(kept.rewind());
            assert_eq!([kept.again().unwrap().len(), kept.again().unwrap().len()], [1, 2]);
            assert!(kept.again().is_none() && kept.is_over());
        }
    }

    #[test]
    fn a_body_that_is_too_long_or_ended_in_trailers_is_not_kept() {
        let mut kept = Some(Box::<Kept>::default());
        note(&mut kept, MOST);
        assert!(kept.as_mut().unwrap().rewind());
        note(&mut kept, 1);
        assert!(!kept.as_mut().unwrap().rewind());
        let mut kept = Some(Box::<Kept>::default());
        Kept::note::<()>(&mut kept, &Poll::Ready(Some(Ok(Frame::trailers(http::HeaderMap::new())))));
        assert!(!kept.unwrap().rewind());
    }
}
