//! The way of listening sockets, and of what is known of targets, from a process to the one that replaces it: a Unix socket
//! on the new one's standard input.
//!
//! ```text
//! old: parcels of both ─▶ new: starts ─▶ "ready", or why not ─▶ old: stops steering, "released", drains; or serves on
//!                                                               new: steers scaling groups from then on
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use equipoise::{GroupName, InheritedSocket, SocketOrigin, TargetHealth};
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

/// Targets in one message: about 200 bytes each, at most.
const TARGETS: usize = 200;

/// Longest message.
const LONGEST: usize = 64 << 10;

/// How long either side waits for the other's next word. Compiling plugins can take long; a process that hangs must not
/// keep its predecessor from being upgraded once more.
const PATIENCE: Duration = Duration::from_secs(120);

/// A message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Message {
    /// What is known of some targets.
    Health(Vec<Target>),
    /// What the sockets are that come with it, and whether more follow.
    Sockets { labels: Vec<Label>, more: bool },
    /// The new process serves.
    Ready,
    /// The new process gives up.
    Failed(String),
    /// The old process steers the scaling groups no longer.
    Released,
}

#[derive(Debug, Serialize, Deserialize)]
struct Target {
    group: String,
    target: String,
    healthy: bool,
    /// An older program knows of no such targets.
    #[serde(default)]
    scaled: bool,
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

/// What a process leaves to the next one.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    pub(crate) sockets: Vec<InheritedSocket>,
    pub(crate) health: Vec<TargetHealth>,
    /// Whether the process before is there still, and steers the scaling groups.
    pub(crate) is_from_predecessor: bool,
}

impl From<&TargetHealth> for Target {
    fn from(known: &TargetHealth) -> Self {
        let TargetHealth { group, target, healthy, scaled } = known;
        Self { group: group.to_string(), target: target.to_string(), healthy: *healthy, scaled: *scaled }
    }
}

impl Target {
    fn known(self) -> anyhow::Result<TargetHealth> {
        let Self { group, target, healthy, scaled } = self;
        Ok(TargetHealth { group: GroupName::new(&group)?, target: target.parse()?, healthy, scaled })
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
    pub(crate) fn give(&self, estate: Estate) -> anyhow::Result<()> {
        for known in estate.health.chunks(TARGETS) {
            self.send(&Message::Health(known.iter().map(Target::from).collect()), &[])?;
        }
        let sockets = estate.sockets;
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
    pub(crate) fn receive(&self) -> anyhow::Result<Estate> {
        let mut estate = Estate { is_from_predecessor: true, ..Estate::default() };
        loop {
            let (message, parcel) = self.next()?;
            let (labels, more) = match message {
                Message::Sockets { labels, more } => (labels, more),
                Message::Health(targets) => {
                    let known = targets.into_iter().map(Target::known);
                    estate.health.extend(known.collect::<anyhow::Result<Vec<_>>>()?);
                    continue;
                }
                Message::Ready | Message::Failed(_) | Message::Released => {
                    bail!("the process before speaks out of turn")
                }
            };
            ensure!(labels.len() == parcel.len(), "{} sockets came with {} labels", parcel.len(), labels.len());
            for (label, socket) in labels.into_iter().zip(parcel) {
                estate.sockets.push(InheritedSocket::new(socket, label.name, label.origin.into())?);
            }
            if !more {
                return Ok(estate);
            }
        }
    }

    /// New to old: it serves. The old one may be gone, which is what it is about to be in any case.
    pub(crate) fn ready(&self) {
        let _ = self.send(&Message::Ready, &[]);
    }

    /// Old to new: it steers the scaling groups no longer.
    pub(crate) fn released(&self) {
        let _ = self.send(&Message::Released, &[]);
    }

    /// New from old: completes when that steers the scaling groups no longer, or is gone. Blocks.
    pub(crate) fn wait_until_released(&self) {
        // An older program says nothing and ends, or lets its end of the way go.
        let _ = self.next();
    }

    /// New to old: it does not serve, because of this.
    pub(crate) fn failed(self, reason: &str) {
        let _ = self.send(&Message::Failed(reason.chars().take(LONGEST / 16).collect()), &[]);
    }

    /// Old from new: completes when it serves. Blocks.
    pub(crate) fn wait_until_ready(&self) -> anyhow::Result<()> {
        match self.next()?.0 {
            Message::Ready => Ok(()),
            Message::Failed(reason) => bail!("{}", reason.trim_end()),
            Message::Sockets { .. } | Message::Health(_) | Message::Released => bail!("it speaks out of turn"),
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

    fn next(&self) -> anyhow::Result<(Message, Vec<OwnedFd>)> {
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

    fn health() -> Vec<TargetHealth> {
        let group = GroupName::new("todo").unwrap();
        let target = |port: u16| format!("[2001:db8::ffff]:{port}").parse().unwrap();
        (1..1000)
            .map(|port| TargetHealth {
                group: group.clone(),
                target: target(port),
                healthy: port % 2 == 0,
                scaled: port % 3 == 0,
            })
            .collect()
    }

    #[test]
    fn any_number_of_sockets_arrives_with_its_labels_and_what_is_known_of_targets() {
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
                let estate =
                    Estate { sockets: (0..count).map(socket).collect(), health: health(), ..Estate::default() };
                move || {
                    old.give(estate).unwrap();
                    old
                }
            });
            let Estate { sockets: received, health: known, .. } = new.receive().unwrap();
            assert_eq!((received.len(), known), (count, health()));
            for (number, socket) in received.iter().enumerate() {
                assert_eq!(socket.name(), Some(number.to_string().as_str()));
                assert_eq!(socket.origin(), SocketOrigin::Predecessor { with_file: number == 0 });
                assert_eq!(socket.address().socket(), Some(address));
            }
            let old = sender.join().unwrap();
            new.ready();
            old.wait_until_ready().unwrap();
            old.released();
            new.wait_until_released();
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
