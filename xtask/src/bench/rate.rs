//! Requests at a fixed rate. Each is timed from the moment at which it was due, so a proxy that falls behind is charged
//! for every request that it keeps waiting, not only for the one that it is working on.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::load::Load;

const CONNECTIONS: usize = 32;
const REQUEST: &[u8] = b"GET /s HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\naccept: */*\r\n\r\n";
/// Not counted: connections are opened and caches filled.
const WARM_UP: Duration = Duration::from_millis(500);

/// One connection and the request on it.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    due: Instant,
    answer: Vec<u8>,
}

/// The load's own thread, on the processors of the load.
pub(super) fn run(port: u16, each_second: u32, length: Duration) -> Result<Load> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut lines = (0..CONNECTIONS).map(|number| Line::open(port, number, &epoll)).collect::<Result<Vec<_>>>()?;
    let mut free: VecDeque<usize> = (0..CONNECTIONS).collect();
    let gap = Duration::from_secs(1) / each_second;
    let start = Instant::now();
    let (mut sent, mut times, mut answered) = (0_u32, Vec::new(), 0_u64);
    let mut events = Vec::with_capacity(CONNECTIONS);
    loop {
        let now = Instant::now();
        let over = now >= start + length;
        if over && (free.len() == CONNECTIONS || now >= start + length + Duration::from_secs(2)) {
            break;
        }
        let mut due = start + gap * sent;
        while !over && due <= now && !free.is_empty() {
            let number = free.pop_front().unwrap_or_default(); // not empty
            lines[number].ask(due)?;
            sent += 1;
            due = start + gap * sent;
        }
        let wait = if over || free.is_empty() { Duration::from_millis(1) } else { due.saturating_duration_since(now) };
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.min(Duration::from_millis(1)).subsec_nanos()) };
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&wait))?;
        for event in &events {
            let number = usize::try_from(event.data.u64())?;
            if lines[number].is_answered()? {
                answered += 1;
                free.push_back(number);
                let due = lines[number].due;
                if due >= start + WARM_UP {
                    times.push(due.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
    }
    ensure!(!times.is_empty(), "no request was answered");
    times.sort_by(f64::total_cmp);
    let part = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok(Load { requests: answered, rate: f64::from(each_second), p50: part(0.5), p99: part(0.99), complaint: None })
}

impl Line {
    fn open(port: u16, number: usize, epoll: &OwnedFd) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("connecting")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(epoll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
        Ok(Self { stream, due: Instant::now(), answer: Vec::new() })
    }

    fn ask(&mut self, due: Instant) -> Result<()> {
        (self.due, self.answer) = (due, Vec::with_capacity(1024));
        // An idle connection has room for a request.
        self.stream.write_all(REQUEST).context("sending a request")
    }

    fn is_answered(&mut self) -> Result<bool> {
        let mut part = [0; 4096];
        match self.stream.read(&mut part) {
            Ok(0) => bail!("the proxy closed a connection"),
            Ok(count) => self.answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        ensure!(self.answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&self.answer));
        // The target's body ends like this and holds nothing else.
        Ok(self.answer.ends_with(b"xxxx"))
    }
}
