//! The targets: four ports, one thread, answers that were made beforehand. `/b` has 64 KiB, everything else 128 bytes.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::peer::Site;
use super::process::{for_load, pause, pinned};

/// Where the targets listen.
pub(super) const PORTS: [u16; 4] = [19301, 19302, 19303, 19304];

const HEAD_LIMIT: usize = 4096;

/// The process that answers.
#[derive(Debug)]
pub(super) struct Targets(Child);

impl Drop for Targets {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts this program once more, as the targets.
pub(super) fn start(site: &Site) -> Result<Targets> {
    ensure!(TcpStream::connect(("127.0.0.1", PORTS[0])).is_err(), "something listens on port {} already", PORTS[0]);
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bench-targets");
    let child = pinned(&for_load(1), &command)
        .current_dir(site.folder.path())
        .stdin(Stdio::null())
        .spawn()
        .context("starting the targets (taskset is in Debian's util-linux)")?;
    let targets = Targets(child);
    let deadline = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(("127.0.0.1", PORTS[3])).is_err() {
        ensure!(Instant::now() < deadline, "the targets do not answer");
        pause(Duration::from_millis(10));
    }
    Ok(targets)
}

/// One client and what is under way with it.
struct Client {
    stream: TcpStream,
    input: Vec<u8>,
    /// What is still to be written of an answer.
    rest: Option<&'static [u8]>,
    last: bool,
}

/// Whether a client is still there.
#[derive(PartialEq, Eq)]
enum After {
    Stays,
    Leaves,
}

/// Answers until it is ended.
pub(crate) fn respond() -> Result<()> {
    let answers = [128, 64 << 10].map(|length: usize| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n");
        &*Box::leak((head + &"x".repeat(length)).into_bytes().into_boxed_slice())
    });
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let listeners = PORTS.map(|port| TcpListener::bind(("127.0.0.1", port)));
    let listeners = listeners.into_iter().collect::<io::Result<Vec<_>>>()?;
    for listener in &listeners {
        rustix::net::listen(listener, 4096)?;
        listener.set_nonblocking(true)?;
        epoll::add(&epoll, listener, token(listener), EventFlags::IN)?;
    }
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            // Tokens are descriptors.
            let number = event.data.u64() as usize;
            if let Some(listener) = listeners.iter().find(|listener| listener.as_raw_fd() as usize == number) {
                admit(listener, &mut clients, &epoll)?;
            } else if let Some(place) = clients.get_mut(number)
                && let Some(client) = place
                && client.advance(&epoll, answers).unwrap_or(After::Leaves) == After::Leaves
            {
                *place = None;
            }
        }
    }
}

fn token(socket: &impl std::os::fd::AsRawFd) -> EventData {
    EventData::new_u64(socket.as_raw_fd() as u64)
}

fn admit(listener: &TcpListener, clients: &mut Vec<Option<Client>>, epoll: &OwnedFd) -> Result<()> {
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(epoll, &stream, token(&stream), EventFlags::IN)?;
        let number = stream.as_raw_fd() as usize;
        if clients.len() <= number {
            clients.resize_with(number + 1, || None);
        }
        clients[number] = Some(Client { stream, input: Vec::with_capacity(HEAD_LIMIT), rest: None, last: false });
    }
    Ok(())
}

impl Client {
    fn advance(&mut self, epoll: &OwnedFd, answers: [&'static [u8]; 2]) -> io::Result<After> {
        if let Some(rest) = self.rest.take() {
            if self.write(rest)? {
                return Ok(After::Stays);
            }
            epoll::modify(epoll, &self.stream, token(&self.stream), EventFlags::IN)?;
        } else {
            let mut part = [0; HEAD_LIMIT];
            match self.stream.read(&mut part) {
                Ok(0) => return Ok(After::Leaves),
                Ok(count) => self.input.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        while !self.last {
            let Some(end) = self.input.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(if self.input.len() > HEAD_LIMIT { After::Leaves } else { After::Stays });
            };
            let head: Vec<u8> = self.input.drain(..end + 4).collect();
            self.last = head.windows(17).any(|window| window.eq_ignore_ascii_case(b"connection: close"));
            if self.write(answers[usize::from(head.starts_with(b"GET /b"))])? {
                epoll::modify(epoll, &self.stream, token(&self.stream), EventFlags::OUT)?;
                return Ok(After::Stays);
            }
        }
        Ok(After::Leaves)
    }

    /// Writes what goes. Whether something is left.
    fn write(&mut self, mut bytes: &'static [u8]) -> io::Result<bool> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.rest = Some(bytes);
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
