//! Where a socket is: an IP address with a port, or a path in the file system.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// Longest path that a Unix socket can have on Linux: `sun_path` of `sockaddr_un` without its ending zero byte.
const LONGEST: usize = 107;

/// What a Unix socket's address starts with, in configurations and in logs.
const UNIX: &str = "unix:";

/// Where a socket is. Small and without allocation, so that it can be copied about and be a key like any address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A Unix socket.
    Unix(UnixPath),
}

/// The path of a Unix socket: absolute, of at most 107 bytes, in UTF-8.
///
/// Each path is kept once for the life of the program, at most 107 bytes for each that was ever configured, so that an
/// endpoint is as small and as cheap to copy as an IP address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixPath(&'static str);

/// Every path that was ever made.
static PATHS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Why a path cannot be that of a Unix socket, or a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A socket's path has an upper limit in the kernel.
    #[error("a Unix socket's path has at most {LONGEST} bytes")]
    TooLong,
    /// What a relative path means depends on where the program was started.
    #[error("a Unix socket's path starts with `/`")]
    Relative,
    /// The path is not UTF-8, or holds a control character.
    #[error("a Unix socket's path is printable text in UTF-8")]
    NotText,
    /// Neither an address nor a path.
    #[error("neither an IP address with a port nor `unix:` with a path")]
    Neither,
}

impl Endpoint {
    /// The IP address and port, if it has them.
    #[must_use]
    pub fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The IP address, if it has one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket().map(|address| address.ip())
    }

    /// The port, if it has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.socket().map(|address| address.port())
    }

    /// The path, if it is a Unix socket.
    #[must_use]
    pub fn path(&self) -> Option<&'static Path> {
        match self {
            Self::Ip(_) => None,
            Self::Unix(path) => Some(path.as_path()),
        }
    }
}

impl UnixPath {
    /// Checks and keeps a path.
    ///
    /// # Errors
    /// [`EndpointError`] when the path is longer than 107 bytes, relative, or not printable UTF-8.
    pub fn new(path: &Path) -> Result<Self, EndpointError> {
        let text = path.to_str().ok_or(EndpointError::NotText)?;
        if text.len() > LONGEST {
            return Err(EndpointError::TooLong);
        }
        if !text.starts_with('/') {
            return Err(EndpointError::Relative);
        }
        if text.chars().any(char::is_control) {
            return Err(EndpointError::NotText);
        }
        // A set is whole between any two insertions, whatever panicked.
        let mut paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = paths.get(text) {
            return Ok(Self(known));
        }
        let kept: &'static str = Box::leak(text.into());
        paths.insert(kept);
        Ok(Self(kept))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.0
    }

    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &'static Path {
        Path::new(self.0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.as_str()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for UnixPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_path().fmt(f)
    }
}

/// From whatever is a socket address: also from an IP address with a port.
impl<A: Into<SocketAddr>> From<A> for Endpoint {
    fn from(address: A) -> Self {
        Self::Ip(address.into())
    }
}

impl From<UnixPath> for Endpoint {
    fn from(path: UnixPath) -> Self {
        Self::Unix(path)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text.strip_prefix(UNIX) {
            Some(path) => UnixPath::new(&PathBuf::from(path)).map(Self::Unix),
            None => text.parse().map(Self::Ip).map_err(|_| EndpointError::Neither),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_as_it_is_written() {
        for text in ["127.0.0.1:80", "[::1]:443", "unix:/run/todo.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        let path = format!("unix:/{}", "x".repeat(LONGEST - 1));
        assert_eq!(path.parse::<Endpoint>().unwrap().to_string(), path);
    }

    #[test]
    fn what_is_no_endpoint_is_told_apart() {
        let long = format!("unix:/{}", "x".repeat(LONGEST));
        for (text, error) in [
            ("unix:run/todo.sock", EndpointError::Relative),
            ("unix:", EndpointError::Relative),
            ("unix:/a\nb", EndpointError::NotText),
            (&*long, EndpointError::TooLong),
            ("localhost", EndpointError::Neither),
            ("127.0.0.1", EndpointError::Neither),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(error), "{text}");
        }
    }

    #[test]
    fn two_paths_are_equal_when_their_texts_are() {
        let path = |text: &str| UnixPath::new(Path::new(text)).unwrap();
        assert_eq!(path("/a"), path("/a"));
        assert!(path("/a") < path("/ab"));
    }
}
