//! The way of listening sockets from a process to the one that replaces it: a Unix socket on the new one's standard input.
//!
//! ```text
//! old: parcels of sockets ─▶ new: starts ─▶ "ready", or why not ─▶ old: drains, or serves on
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use equipoise::{InheritedSocket, SocketOrigin};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

/// Tells a process that its sockets come over its standard input.
pub(crate) const VARIABLE: &str = "EQUIPOISE_HANDOVER";

/// Its value.
pub(crate) const STDIN: &str = "stdin";

/// Sockets in one message; the kernel takes at most 253.
const PARCEL: usize = 64;

/// Longest message.
const LONGEST: usize = 64 << 10;

/// How long either side waits for the other's next word. Compiling plugins can take long; a process that hangs must not
/// keep its predecessor from being upgraded once more.
const PATIENCE: Duration = Duration::from_secs(120);

/// A message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Message {
    /// What the sockets are that come with it, and whether more follow.
    Sockets { labels: Vec<Label>, more: bool },
    /// The new process serves.
    Ready,
    /// The new process gives up.
    Failed(String),
}

/// What cannot be asked of the socket itself.
#[derive(Debug, Serialize, Deserialize)]
struct Label {
    name: Option<String>,
    origin: Origin,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    Activation,
    Predecessor,
    PredecessorWithFile,
}

impl From<SocketOrigin> for Origin {
    fn from(origin: SocketOrigin) -> Self {
        match origin {
            SocketOrigin::Activation => Self::Activation,
            SocketOrigin::Predecessor { with_file: true } => Self::PredecessorWithFile,
            SocketOrigin::Predecessor { with_file: false } => Self::Predecessor,
        }
    }
}

impl From<Origin> for SocketOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Activation => Self::Activation,
            Origin::Predecessor => Self::Predecessor { with_file: false },
            Origin::PredecessorWithFile => Self::Predecessor { with_file: true },
        }
    }
}

/// One end of the way. Messages keep their bounds, and whose other end is gone reads an end.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

impl Channel {
    /// Both ends.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Self::new(ours).map(|ours| (ours, theirs))
    }

    fn new(socket: OwnedFd) -> io::Result<Self> {
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// The new process's end, if it is one. Standard input is empty afterwards.
    pub(crate) fn from_predecessor() -> anyhow::Result<Option<Self>> {
        if std::env::var_os(VARIABLE).is_none_or(|value| value != STDIN) {
            return Ok(None);
        }
        let stdin = io::stdin().as_fd().try_clone_to_owned().context("taking the socket on standard input")?;
        let empty = std::fs::File::open("/dev/null").context("opening /dev/null")?;
        rustix::stdio::dup2_stdin(&empty).context("closing standard input")?;
        Self::new(stdin).map(Some).with_context(|| format!("{VARIABLE} is set, but standard input is no socket"))
    }

    /// Old to new. Blocks.
    pub(crate) fn send_sockets(&self, sockets: Vec<InheritedSocket>) -> anyhow::Result<()> {
        let labels = sockets
            .iter()
            .map(|socket| Label { name: socket.name().map(str::to_owned), origin: socket.origin().into() });
        let mut labels: Vec<_> = labels.collect();
        let mut sockets: Vec<OwnedFd> = sockets.into_iter().map(OwnedFd::from).collect();
        loop {
            let count = labels.len().min(PARCEL);
            let parcel: Vec<_> = sockets.drain(..count).collect();
            let message = Message::Sockets { labels: labels.drain(..count).collect(), more: !sockets.is_empty() };
            self.send(&message, &parcel)?;
            if sockets.is_empty() {
                return Ok(());
            }
        }
    }

    /// New from old. Blocks.
    pub(crate) fn receive_sockets(&self) -> anyhow::Result<Vec<InheritedSocket>> {
        let mut sockets = Vec::new();
        loop {
            let (message, parcel) = self.receive()?;
            let Message::Sockets { labels, more } = message else { bail!("the process before sent no sockets") };
            ensure!(labels.len() == parcel.len(), "{} sockets came with {} labels", parcel.len(), labels.len());
            for (label, socket) in labels.into_iter().zip(parcel) {
                sockets.push(InheritedSocket::new(socket, label.name, label.origin.into())?);
            }
            if !more {
                return Ok(sockets);
            }
        }
    }

    /// New to old: it serves. The old one may be gone, which is what it is about to be in any case.
    pub(crate) fn ready(self) {
        let _ = self.send(&Message::Ready, &[]);
    }

    /// New to old: it does not serve, because of this.
    pub(crate) fn failed(self, reason: &str) {
        let _ = self.send(&Message::Failed(reason.chars().take(LONGEST / 16).collect()), &[]);
    }

    /// Old from new: completes when it serves. Blocks.
    pub(crate) fn wait_until_ready(&self) -> anyhow::Result<()> {
        match self.receive()?.0 {
            Message::Ready => Ok(()),
            Message::Failed(reason) => bail!("{}", reason.trim_end()),
            Message::Sockets { .. } => bail!("it sent sockets"),
        }
    }

    fn send(&self, message: &Message, sockets: &[OwnedFd]) -> anyhow::Result<()> {
        let text = serde_json::to_vec(message)?;
        let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PARCEL))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() {
            // The space is made for the largest parcel.
            ensure!(control.push(SendAncillaryMessage::ScmRights(&sockets)), "too many sockets for a message");
        }
        sendmsg(&self.0, &[IoSlice::new(&text)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    fn receive(&self) -> anyhow::Result<(Message, Vec<OwnedFd>)> {
        let mut text = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PARCEL))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = match recvmsg(&self.0, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)
        {
            Err(rustix::io::Errno::AGAIN) => bail!("no word within {PATIENCE:?}"),
            received => received?,
        };
        ensure!(received.bytes > 0, "it ended without a word");
        let mut sockets = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                sockets.extend(passed);
            }
        }
        Ok((serde_json::from_slice(&text[..received.bytes])?, sockets))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn any_number_of_sockets_arrives_with_its_labels() {
        for count in [0, 1, PARCEL, 2 * PARCEL + 1] {
            let (old, new) = Channel::pair().unwrap();
            let new = Channel::new(new).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let socket = |number: usize| {
                let origin = SocketOrigin::Predecessor { with_file: number == 0 };
                InheritedSocket::new(listener.try_clone().unwrap(), Some(number.to_string()), origin).unwrap()
            };
            let sender = std::thread::spawn({
                let sockets = (0..count).map(socket).collect();
                move || {
                    old.send_sockets(sockets).unwrap();
                    old
                }
            });
            let received = new.receive_sockets().unwrap();
            assert_eq!(received.len(), count);
            for (number, socket) in received.iter().enumerate() {
                assert_eq!(socket.name(), Some(number.to_string().as_str()));
                assert_eq!(socket.origin(), SocketOrigin::Predecessor { with_file: number == 0 });
                assert_eq!(socket.address().socket(), Some(address));
            }
            let old = sender.join().unwrap();
            new.ready();
            old.wait_until_ready().unwrap();
        }
    }

    #[test]
    fn the_old_process_hears_why_the_new_one_does_not_serve() {
        let (old, new) = Channel::pair().unwrap();
        Channel::new(new).unwrap().failed("no such plugin\n");
        assert_eq!(old.wait_until_ready().unwrap_err().to_string(), "no such plugin");
        let (old, new) = Channel::pair().unwrap();
        drop(new);
        assert_eq!(old.wait_until_ready().unwrap_err().to_string(), "it ended without a word");
    }
}
