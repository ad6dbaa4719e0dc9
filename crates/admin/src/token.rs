//! The file that holds the admin token.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
/// Only the first line counts.
const LONGEST_FILE: u64 = 64 << 10;

/// Reads the token: the first line of a file, of at least 16 characters. An empty token would let everybody in.
///
/// # Errors
/// When the file cannot be read or is no regular file (a pipe would be waited for), or the token is too short.
pub fn read(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("this is no regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST_FILE).read_to_string(&mut text)?;
    match text.lines().next().map(str::trim) {
        Some(token) if token.len() >= SHORTEST => Ok(token.to_owned()),
        _ => Err(io::Error::other(format!("its first line must hold a token of at least {SHORTEST} characters"))),
    }
}
