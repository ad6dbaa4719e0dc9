//! A chunked body (RFC 9112 section 7.1).

use super::line::Line;
use super::{Defect, Step};

/// Most bytes of all extensions of a body. Nobody uses them, and none is passed on.
const EXTENSIONS: usize = 4 << 10;

/// Most bytes of all trailers.
const TRAILERS: usize = 16 << 10;

/// Digits of the largest size.
const DIGITS: u8 = 16;

#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    size: u64,
    /// Bytes of extensions so far.
    extensions: usize,
    /// Bytes of trailers so far.
    trailers: usize,
    line: Line,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Place {
    /// Before the first digit of a size.
    #[default]
    Start,
    /// After so many digits.
    Size(u8),
    /// In the space that may stand before an extension.
    Space,
    Extension,
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    Trailers,
}

impl Chunks {
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Step {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.place {
                Place::Data => {
                    let taken = (bytes.len() - at).min(usize::try_from(self.size).unwrap_or(usize::MAX));
                    at += taken;
                    self.size -= taken as u64;
                    if self.size == 0 {
                        self.place = Place::DataCr;
                    }
                }
                Place::Trailers => {
                    let (taken, ended) = self.trailer(&bytes[at..]).map_err(|(good, defect)| (at + good, defect))?;
                    at += taken;
                    if ended {
                        return Ok((at, true));
                    }
                }
                _ => {
                    self.place = self.step(byte).map_err(|defect| (at, defect))?;
                    at += 1;
                }
            }
        }
        Ok((at, false))
    }

    /// Takes one byte of what stands around the data.
    fn step(&mut self, byte: u8) -> Result<Place, Defect> {
        match (self.place, byte) {
            (Place::Start, _) => {
                self.size = 0;
                self.digit(byte, 0)
            }
            (Place::Size(_), b'\r') | (Place::Extension, b'\r') => Ok(Place::SizeEnd),
            (Place::Size(_) | Place::Space, b';') => self.extension(Place::Extension),
            (Place::Size(_) | Place::Space, b' ' | b'\t') => self.extension(Place::Space),
            (Place::Size(digits), _) => self.digit(byte, digits),
            (Place::Extension, b'\n') => Err(Defect::BareLineFeed),
            (Place::Extension, 0..=8 | 10..=31 | 127) => Err(Defect::Extension),
            (Place::Extension, _) => self.extension(Place::Extension),
            (Place::SizeEnd, b'\n') if self.size == 0 => Ok(Place::Trailers),
            (Place::SizeEnd, b'\n') => Ok(Place::Data),
            (Place::DataCr, b'\r') => Ok(Place::DataLf),
            (Place::DataLf, b'\n') => Ok(Place::Start),
            _ => Err(Defect::Chunk),
        }
    }

    fn digit(&mut self, byte: u8, digits: u8) -> Result<Place, Defect> {
        let digit = char::from(byte).to_digit(16).filter(|_| digits < DIGITS).ok_or(Defect::Chunk)?;
        self.size = self.size << 4 | u64::from(digit);
        Ok(Place::Size(digits + 1))
    }

    fn extension(&mut self, place: Place) -> Result<Place, Defect> {
        self.extensions += 1;
        if self.extensions > EXTENSIONS { Err(Defect::LongExtensions) } else { Ok(place) }
    }

    /// Takes a trailer or a part of one; hyper looks at what it says.
    fn trailer(&mut self, bytes: &[u8]) -> Step {
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.trailers += taken;
        if self.trailers > TRAILERS {
            return Err((0, Defect::LongTrailers));
        }
        let Some(end) = end else {
            self.line.keep(bytes);
            return Ok((taken, false));
        };
        let text = std::mem::take(&mut self.line).complete(&bytes[..end]).map(|text| text.is_empty());
        Ok((taken, text.ok_or((end, Defect::BareLineFeed))?))
    }
}
