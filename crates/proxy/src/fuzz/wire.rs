//! What the scanner lets pass, hyper frames as the scanner did; what it refuses, hyper is kept from taking for whole.

use super::hyper_side::requests;
use crate::downstream::guard::POISON;
use crate::policy::{Refused, Scanner};

/// Longest input that is looked at: each message of it is given to hyper three times.
const LONGEST: usize = 4096;

/// The first byte says how the rest is cut into parts.
pub fn wire(data: &[u8]) {
    let Some((&part, bytes)) = data.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let (ends, refused) = messages(bytes);
    let mut cut = Scanner::of_requests();
    let mut in_parts = bytes.chunks(usize::from(part).max(1)).map(|part| cut.scan(part));
    let defect = in_parts.find_map(Result::err).map(|refused| refused.defect);
    assert_eq!(defect, refused.map(|refused| refused.defect), "what is refused depends on how it is cut");
    let good = refused.map_or(bytes.len(), |refused| refused.good);
    let mut shown = bytes[..good].to_vec();
    if refused.is_some() {
        shown.extend_from_slice(POISON);
    }
    let whole = requests(&shown);
    assert!(whole <= ends.len(), "hyper takes {whole} requests where {} end", ends.len());
    for (before, end) in ends.iter().take(whole).enumerate() {
        assert_eq!(requests(&bytes[..*end]), before + 1, "hyper's request ends after byte {end}");
        assert_eq!(requests(&bytes[..end - 1]), before, "hyper's request ends before byte {end}");
    }
}

/// Where messages end, and where the bytes go wrong.
pub(super) fn messages(bytes: &[u8]) -> (Vec<usize>, Option<Refused>) {
    let (mut scanner, mut ends, mut begun) = (Scanner::of_requests(), Vec::new(), false);
    for (at, byte) in bytes.chunks(1).enumerate() {
        if let Err(refused) = scanner.scan(byte) {
            return (ends, Some(Refused { good: at, ..refused }));
        }
        begun |= scanner.has_begun();
        if begun && scanner.is_between() {
            ends.push(at + 1);
            begun = false;
        }
    }
    (ends, None)
}
