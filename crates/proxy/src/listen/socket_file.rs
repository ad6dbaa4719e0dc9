//! The file of a Unix socket: made with the right permissions before anybody can connect, and taken away at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::ListenOptions;

/// A socket's name in the file system. Its drop removes it, unless somebody else has taken the path meanwhile.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// `None` when it is somebody else's.
    identity: Option<Identity>,
}

/// What tells a file from the next one of the same path: file systems use the numbers of removed files again.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    born: Option<SystemTime>,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Self { device: found.dev(), inode: found.ino(), born: found.created().ok() })
    }
}

impl SocketFile {
    /// Binds a socket to `path`. It does not listen yet, so nobody can connect before the permissions are right.
    ///
    /// A socket file that an earlier run left behind is replaced; one that somebody listens on is not, nor is any other
    /// kind of file.
    pub(crate) fn bind(path: &Path, options: &ListenOptions) -> io::Result<(Socket, Self)> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        if let Err(error) = socket.bind(&address) {
            if error.kind() != io::ErrorKind::AddrInUse || !is_stale(path) {
                return Err(error);
            }
            fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        let file = Self::adopt(path)?;
        if options.owner.is_some() || options.group.is_some() {
            chown(path, options.owner, options.group)?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(options.mode))?;
        Ok((socket, file))
    }

    /// Takes over a file that is there.
    pub(crate) fn adopt(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: Some(Identity::of(path)?) })
    }

    /// Leaves the file to somebody else.
    pub(crate) fn leave(mut self) {
        self.identity = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = Identity::of(&self.path).ok();
        if self.identity.is_some() && self.identity == found {
            // A folder that has become read-only keeps the file, which the next start replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` is a socket that nobody listens on.
fn is_stale(path: &Path) -> bool {
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path).is_err_and(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(path: &Path) -> io::Result<(Socket, SocketFile)> {
        SocketFile::bind(path, &ListenOptions::default())
    }

    #[test]
    fn the_file_has_its_permissions_and_goes_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let options = ListenOptions { mode: 0o600, ..ListenOptions::default() };
        let (_socket, file) = SocketFile::bind(&path, &options).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn only_a_socket_that_nobody_listens_on_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let (socket, file) = bind(&path).unwrap();
        socket.listen(1).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        // Keeps the old file's number from being used again at once.
        fs::hard_link(&path, folder.path().join("link")).unwrap();
        let (_other, other) = bind(&path).unwrap();
        drop(file); // its path is another's now
        assert!(path.exists());
        other.leave();
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
