//! splice(2): bytes go from socket to socket without being copied into this process.
//!
//! It pays for large transfers (two thirds of the price of copying are left) and costs a little for small ones, so it is for
//! the pump to say when. Where the kernel has no splice there is no [`Pipe`], and everything is copied.

#[cfg(target_os = "linux")]
pub(crate) use linux::Pipe;
#[cfg(not(target_os = "linux"))]
pub(crate) use none::Pipe;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

    /// Most bytes that one call moves: what a pipe takes that nobody has asked to be larger.
    const MOST: usize = 64 << 10;

    /// A pipe that bytes wait in between two sockets.
    #[derive(Debug)]
    pub(crate) struct Pipe {
        ends: (OwnedFd, OwnedFd),
    }

    impl Pipe {
        /// `None` when the process is out of descriptors or memory for pipes.
        pub(crate) fn new() -> Option<Self> {
            pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).ok().map(|ends| Self { ends })
        }

        /// Takes what a socket has, up to what an empty pipe holds; 0 at the socket's end.
        pub(crate) fn draw(&self, from: impl AsFd) -> io::Result<usize> {
            Ok(splice(from, None, &self.ends.1, None, MOST, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)?)
        }

        /// Gives a socket as much of the pipe's `bytes` as it takes.
        pub(crate) fn pour(&self, to: impl AsFd, bytes: usize) -> io::Result<usize> {
            Ok(splice(&self.ends.0, None, to, None, bytes, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)?)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::io;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Pipe {}

    impl Pipe {
        pub(crate) fn new() -> Option<Self> {
            None
        }

        pub(crate) fn draw<S>(&self, _: S) -> io::Result<usize> {
            match *self {}
        }

        pub(crate) fn pour<S>(&self, _: S, _: usize) -> io::Result<usize> {
            match *self {}
        }
    }
}
