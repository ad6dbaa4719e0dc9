//! Clients, targets and planes for the tests.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_balance::{Algorithm, Picker, PickerSource};
use equipoise_metrics::Registry;
use equipoise_proxy::{DataPlane, Generation, Group, GroupSettings, Listener};
use equipoise_rule::{Action, Router, RouterSource, Rule, RuleSet};
use equipoise_stream::Stream;
use equipoise_target::{
    Availability, Condition, GroupName, ListenerName, Member, Membership, PluginName, Snapshot, Target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing that works takes so long; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// `future`, or a failed test when it hangs.
#[track_caller]
pub(crate) fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move { tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("hangs at {place}")) }
}

// ---------------------------------------------------------------------------------------------------- either side

/// One end of a connection, read as a person would.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
}

/// A message as it came over the wire.
#[derive(Debug)]
pub(crate) struct Message {
    /// First line and fields, without the empty line.
    pub(crate) head: String,
    /// The body, unchunked.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The values of every field of this name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// The only value of the field of this name.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {}", self.head);
        all[0]
    }

    #[track_caller]
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{}", self.head))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        Stream::from(stream).into()
    }
}

impl From<Stream> for Wire {
    fn from(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new() }
    }
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        TcpStream::connect(address).await.unwrap().into()
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Lets what was written so far arrive by itself, as far as the kernel goes along.
    pub(crate) async fn flush(&mut self) {
        self.stream.flush().await.unwrap();
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    /// Writes as much as the other side takes.
    pub(crate) async fn write_while_wanted(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    pub(crate) fn into_stream(self) -> Stream {
        assert!(self.buffer.is_empty());
        self.stream
    }

    /// Says that nothing more will be said.
    pub(crate) async fn shutdown(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Ends as a process does that is killed.
    pub(crate) fn reset(self) {
        let Stream::Tcp(stream) = &self.stream else { panic!("only TCP has a reset") };
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Writes until nothing is taken for a while, or the other side is gone. How much was taken.
    pub(crate) async fn write_until_stuck(&mut self) -> usize {
        let (part, mut written) = (vec![b'x'; 64 << 10], 0);
        while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(300), self.stream.write(&part)).await {
            written += count;
        }
        written
    }

    /// Reads more; `false` at the end, of whichever kind.
    async fn more(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.buffer)).await.unwrap_or(0) > 0
    }

    /// Whether the other side has closed, without a byte before.
    pub(crate) async fn closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.more().await
    }

    /// Reads until `mark` and takes what is before it; `None` when the connection ends first.
    pub(crate) async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                let rest = self.buffer.split_off(at + mark.len());
                let mut taken = std::mem::replace(&mut self.buffer, rest);
                taken.truncate(at);
                return Some(taken);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads exactly `count` bytes; `None` when the connection ends first.
    pub(crate) async fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.buffer.split_off(count);
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    /// Reads one head.
    pub(crate) async fn head(&mut self) -> Option<Message> {
        let head = String::from_utf8(self.until(b"\r\n\r\n").await?).unwrap();
        Some(Message { head, body: Vec::new() })
    }

    /// Reads one chunk and its size line.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.until(b"\r\n").await?).unwrap();
        let size = usize::from_str_radix(&size, 16).unwrap();
        let chunk = self.exactly(size).await?;
        if size > 0 {
            assert_eq!(self.exactly(2).await?, b"\r\n");
        }
        Some(chunk)
    }

    /// Reads one chunk, if there is a whole one.
    pub(crate) async fn try_chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.until(b"\r\n").await?;
        let size = usize::from_str_radix(std::str::from_utf8(&size).ok()?, 16).ok()?;
        let chunk = self.exactly(size).await?;
        (size == 0 || self.exactly(2).await? == b"\r\n").then_some(chunk)
    }

    /// Reads one message, framed by length or chunks, and over interim ones before it.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        let mut message = self.head().await?;
        while message.head.starts_with("HTTP/1.1 10") && message.status() != 101 {
            message = self.head().await?;
        }
        if let Some(length) = message.all("content-length").first() {
            message.body = self.exactly(length.parse().unwrap()).await?;
        } else if message.all("transfer-encoding") == ["chunked"] {
            loop {
                match self.chunk().await?.as_slice() {
                    [] => break,
                    chunk => message.body.extend_from_slice(chunk),
                }
            }
            self.until(b"\r\n").await?;
        }
        Some(message)
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> Message {
        self.write(request).await;
        soon(self.message()).await.expect("an answer")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Message {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n")).await
    }
}

/// One request on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Message {
    Wire::connect(address).await.get(path).await
}

pub(crate) fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

// --------------------------------------------------------------------------------------------------------- targets

/// A target that does what a test says, byte by byte.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Origin {
    /// Runs `serve` for every connection, with its number.
    pub(crate) async fn new<F, S>(serve: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Wire, usize) -> F + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, SeqCst);
                tokio::spawn(serve(stream.into(), number));
            }
        });
        Self { address, connections, task }
    }

    /// Answers every request with `body` and keeps the connection.
    pub(crate) async fn answering(body: &'static str) -> Self {
        Self::new(move |mut wire, _| async move {
            while wire.message().await.is_some() {
                wire.write(answer(body)).await;
            }
        })
        .await
    }

    /// Answers every request with the request's own head.
    pub(crate) async fn echoing() -> Self {
        Self::new(|mut wire, _| async move {
            while let Some(message) = wire.message().await {
                wire.write(answer(&message.head)).await;
            }
        })
        .await
    }

    /// An address that refuses connections.
    pub(crate) async fn gone() -> SocketAddr {
        Self::answering("").await.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// ---------------------------------------------------------------------------------------------------------- planes

pub(crate) struct NoPlugins;

impl RouterSource for NoPlugins {
    fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
        None
    }
}

impl PickerSource for NoPlugins {
    fn picker(&self, _: &PluginName, _: &Snapshot) -> Option<Arc<dyn Picker>> {
        None
    }
}

pub(crate) fn group_name(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// A group of targets that are all ready.
pub(crate) fn snapshot(name: &str, targets: &[Arc<Target>], condition: impl Fn(usize) -> Condition) -> Snapshot {
    let members = targets.iter().cloned().map(Member::new).collect();
    let membership = Arc::new(Membership::new(group_name(name), members));
    let availability = Availability::compute(&membership, |index| condition(index.get()), false);
    Snapshot::new(membership, Arc::new(availability))
}

pub(crate) fn group(name: &str, addresses: &[SocketAddr], settings: GroupSettings) -> Arc<Group> {
    let targets: Vec<_> = addresses.iter().map(|address| Arc::new(Target::new(*address))).collect();
    let snapshot = snapshot(name, &targets, |_| Condition::Ready);
    let picker = Algorithm::default().picker(&snapshot, &NoPlugins).unwrap();
    Arc::new(Group::new(group_name(name), settings, snapshot, picker))
}

/// Rules from TOML: `default` and `rule`.
pub(crate) fn rules(text: &str) -> RuleSet {
    rules_with(text, &NoPlugins)
}

pub(crate) fn rules_with(text: &str, routers: &dyn RouterSource) -> RuleSet {
    let table: toml::Table = text.parse().unwrap();
    let default: Action = table["default"].clone().try_into().unwrap();
    let rule = table.get("rule").cloned().unwrap_or(toml::Value::Array(Vec::new()));
    let rules: Vec<Rule> = rule.try_into().unwrap();
    RuleSet::build(&rules, &default, routers).unwrap()
}

/// A listener on any port that sends everything to the group `g`.
pub(crate) fn listener() -> Listener {
    listener_with("default = { forward = 'g' }")
}

pub(crate) fn listener_with(text: &str) -> Listener {
    Listener::new(ListenerName::new("web").unwrap(), SocketAddr::from(([127, 0, 0, 1], 0)), rules(text))
}

/// A running plane with one listener.
pub(crate) struct Running {
    pub(crate) plane: DataPlane,
    pub(crate) address: SocketAddr,
    pub(crate) registry: Registry,
}

impl Running {
    pub(crate) async fn new(listener: Listener, groups: impl IntoIterator<Item = Arc<Group>>) -> Self {
        Self::start(2, Generation::new(vec![listener], groups)).await
    }

    /// With one worker, so that connections to targets are surely shared.
    pub(crate) async fn single(listener: Listener, groups: impl IntoIterator<Item = Arc<Group>>) -> Self {
        Self::start(1, Generation::new(vec![listener], groups)).await
    }

    pub(crate) async fn start(workers: usize, generation: Generation) -> Self {
        let registry = Registry::new();
        let plane = DataPlane::start(NonZeroUsize::new(workers).unwrap(), &registry).unwrap();
        plane.apply(generation).await.unwrap();
        let address = plane.addresses()[0].1.socket().unwrap();
        Self { plane, address, registry }
    }

    /// One worker, one group `g` of these targets.
    pub(crate) async fn before(addresses: &[SocketAddr]) -> Self {
        Self::single(listener(), [group("g", addresses, GroupSettings::default())]).await
    }

    pub(crate) async fn client(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// Requests under way to the member of `g` at this position.
    pub(crate) fn in_flight(&self, position: usize) -> u32 {
        self.plane.generation(|generation| {
            let snapshot = generation.groups["g"].snapshot();
            snapshot.membership().members()[position].target.in_flight()
        })
    }

    /// The value of a series, or 0 when there is none. Its labels may stand in any order.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let mut parts: Vec<_> = series.split(['{', ',', '}']).filter(|part| !part.is_empty()).collect();
        parts[1..].sort_unstable();
        let series = format!("{}{{{}}} ", parts[0], parts[1..].join(","));
        let text = self.registry.encode();
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.map_or(0.0, |rest| rest.trim().parse().unwrap())
    }

    /// Waits until `holds`; for what another thread does a moment after the test could see its effect.
    pub(crate) async fn eventually(&self, holds: impl Fn(&Self) -> bool) {
        let place = std::time::Instant::now();
        while !holds(self) {
            assert!(place.elapsed() < PATIENCE, "never came to hold:\n{}", self.registry.encode());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
