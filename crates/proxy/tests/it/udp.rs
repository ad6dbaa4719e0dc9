//! Datagrams on real sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise_balance::{Algorithm, ConsistentHash, HashKey, LeastConnections};
use equipoise_proxy::{
    AccessLog, Generation, Group, GroupSettings, Listener, ListenerProtocol, LogDestination, LogFormat, Networks,
    UdpSettings,
};
use equipoise_stream::{Dial, ProxyProtocol};
use equipoise_target::{Condition, Target};
use tokio::net::UdpSocket;

use crate::support::{NoPlugins, Running, group, group_name, listener_with, snapshot, soon};

fn udp(settings: UdpSettings) -> Listener {
    udp_with("default = { forward = 'g' }", settings)
}

fn udp_with(rules: &str, settings: UdpSettings) -> Listener {
    let mut listener = listener_with(rules);
    listener.protocol = ListenerProtocol::Udp(settings);
    listener
}

/// A target that answers each datagram with its name and what it got; it can be stopped.
struct Echo {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Echo {
    async fn new(name: &'static str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut bytes = vec![0; 65_536];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                let _ = socket.send_to(&[name.as_bytes(), &bytes[..length]].concat(), from).await;
            }
        });
        Self { address, task }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client at one address of this machine.
struct Client(UdpSocket);

impl Client {
    async fn at(host: [u8; 4], running: &Running) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((host, 0))).await.unwrap();
        socket.connect(running.address).await.unwrap();
        Self(socket)
    }

    async fn new(running: &Running) -> Self {
        Self::at([127, 0, 0, 1], running).await
    }

    async fn say(&self, bytes: &[u8]) {
        self.0.send(bytes).await.unwrap();
    }

    async fn hear(&self) -> String {
        let mut bytes = vec![0; 65_536];
        let length = soon(self.0.recv(&mut bytes)).await.unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    async fn ask(&self, text: &str) -> String {
        self.say(text.as_bytes()).await;
        self.hear().await
    }
}

fn balanced(algorithm: &Algorithm, targets: &[SocketAddr]) -> Arc<Group> {
    let targets: Vec<_> = targets.iter().map(|address| Arc::new(Target::new(*address))).collect();
    let snapshot = snapshot("g", &targets, |_| Condition::Ready);
    let picker = algorithm.picker(&snapshot, &NoPlugins).unwrap();
    Arc::new(Group::new(group_name("g"), GroupSettings::default(), snapshot, picker))
}

fn dropped(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_dropped_datagrams_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

const ACTIVE: &str = "equipoise_connections_active{listener=\"web\"}";

#[tokio::test]
async fn answers_find_their_way_back_and_a_source_keeps_its_target() {
    let (a, b) = (Echo::new("a").await, Echo::new("b").await);
    let group = group("g", &[a.address, b.address], GroupSettings::default());
    let running = Running::new(udp(UdpSettings::default()), [group]).await;
    let mut names = Vec::new();
    for _ in 0..8 {
        let client = Client::new(&running).await;
        let first = client.ask("1").await;
        for _ in 0..5 {
            assert_eq!(client.ask("1").await, first);
        }
        names.push(first);
    }
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 2, "{names:?}");
    assert_eq!(running.metric(ACTIVE), 8.0);
    assert_eq!((running.in_flight(0) + running.in_flight(1)), 8);
    let series = |name: &str| format!("equipoise_{name}_total{{listener=\"web\",group=\"g\"}}");
    running.eventually(|running| running.metric(&series("sent_datagrams")) == 48.0).await;
    assert_eq!(running.metric(&series("received_datagrams")), 48.0);
    assert_eq!(running.metric(&series("relayed_received_bytes")), 48.0);
    assert_eq!(running.metric(&series("relayed_sent_bytes")), 96.0);
}

#[tokio::test]
async fn sources_are_spread_by_every_algorithm() {
    let targets = [Echo::new("a").await, Echo::new("b").await, Echo::new("c").await];
    let addresses = targets.each_ref().map(|target| target.address);
    for algorithm in [Algorithm::default(), Algorithm::LeastConnections(LeastConnections {})] {
        let running = Running::single(udp(UdpSettings::default()), [balanced(&algorithm, &addresses)]).await;
        let mut counts = BTreeMap::new();
        for _ in 0..9 {
            let client = Client::new(&running).await;
            *counts.entry(client.ask("").await).or_insert(0) += 1;
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [3, 3, 3], "{}", algorithm.name());
    }
    let hash = Algorithm::ConsistentHash(ConsistentHash::new(HashKey::Source));
    let running = Running::new(udp(UdpSettings::default()), [balanced(&hash, &addresses)]).await;
    let mut all = BTreeSet::new();
    for host in 1..=20 {
        let mut names = BTreeSet::new();
        for _ in 0..3 {
            names.insert(Client::at([127, 0, 7, host], &running).await.ask("").await);
        }
        assert_eq!(names.len(), 1, "one address, one target, whatever the port");
        all.append(&mut names);
    }
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn empty_and_largest_datagrams_pass_whole() {
    let target = Echo::new("").await;
    let running =
        Running::single(udp(UdpSettings::default()), [group("g", &[target.address], GroupSettings::default())]).await;
    let client = Client::new(&running).await;
    for size in [0, 1, 1472, 1473, 9000, 65_507] {
        assert_eq!(client.ask(&"x".repeat(size)).await.len(), size);
    }
}

#[tokio::test]
async fn many_datagrams_at_once_all_pass() {
    let target = Echo::new("").await;
    let running =
        Running::single(udp(UdpSettings::default()), [group("g", &[target.address], GroupSettings::default())]).await;
    let client = Client::new(&running).await;
    for round in 0..20 {
        for number in 0..100 {
            client.say(format!("{round}-{number}").as_bytes()).await;
        }
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            seen.insert(client.hear().await);
        }
        assert_eq!(seen.len(), 100);
    }
}

#[tokio::test]
async fn a_quiet_session_ends_and_a_new_one_begins_where_the_group_says() {
    let (a, b) = (Echo::new("a").await, Echo::new("b").await);
    let settings = UdpSettings { idle: Duration::from_millis(200), ..UdpSettings::default() };
    let running = Running::single(udp(settings), [group("g", &[a.address, b.address], GroupSettings::default())]).await;
    let client = Client::new(&running).await;
    assert_eq!(client.ask("").await, "a");
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(500) {
        assert_eq!(client.ask("").await, "a", "what is not quiet goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.eventually(|running| running.metric(ACTIVE) == 0.0 && running.in_flight(0) == 0).await;
    assert_eq!(client.ask("").await, "b");
}

#[tokio::test]
async fn sources_that_nobody_has_cannot_push_out_flows_that_go_on() {
    let target = Echo::new("").await;
    let settings = UdpSettings { sessions: 40, sessions_per_source: 8, ..UdpSettings::default() };
    let running = Running::new(udp(settings), [group("g", &[target.address], GroupSettings::default())]).await;
    let known = Client::at([127, 0, 0, 9], &running).await;
    assert_eq!(known.ask("before").await, "before");
    assert_eq!(known.ask("again").await, "again");
    // One source with many ports has its share and no more.
    for _ in 0..20 {
        Client::at([127, 0, 1, 1], &running).await.say(b"x").await;
    }
    running.eventually(|running| dropped(running, "too-many-from-source") == 12.0).await;
    assert_eq!(running.metric(ACTIVE), 9.0);
    // Many sources fill the table, and what was there before goes on.
    for host in 0..200 {
        Client::at([127, 0, 2, host], &running).await.say(b"x").await;
    }
    running.eventually(|running| dropped(running, "too-many-sessions") == 169.0).await;
    assert_eq!(running.metric(ACTIVE), 40.0);
    for _ in 0..50 {
        assert_eq!(known.ask("still").await, "still");
    }
    // Those who said one thing and no more make room for others.
    let late = Client::at([127, 0, 3, 1], &running).await;
    let mut tries = 0;
    loop {
        late.say(b"late").await;
        let mut bytes = [0; 8];
        if tokio::time::timeout(Duration::from_millis(100), late.0.recv(&mut bytes)).await.is_ok() {
            break;
        }
        tries += 1;
        assert!(tries < 100, "never let in");
    }
    assert_eq!(known.ask("still").await, "still");
}

#[tokio::test]
async fn a_target_that_refuses_is_followed_by_the_next() {
    // An address that nobody else gets while the test runs: connected elsewhere, it refuses what we send.
    let holder = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    holder.connect("127.0.0.1:1").await.unwrap();
    let (gone, there) = (holder.local_addr().unwrap(), Echo::new("there").await);
    let hash = Algorithm::ConsistentHash(ConsistentHash::new(HashKey::Source));
    let running = Running::single(udp(UdpSettings::default()), [balanced(&hash, &[gone, there.address])]).await;
    // Whoever hashes to the target that is gone reaches the other with what he sends next.
    let mut refused = 0.0;
    for host in 1..=10 {
        let client = Client::at([127, 0, 8, host], &running).await;
        let mut bytes = [0; 16];
        for turn in 0.. {
            client.say(b"").await;
            if tokio::time::timeout(Duration::from_millis(50), client.0.recv(&mut bytes)).await.is_ok() {
                assert_eq!(&bytes[..5], b"there");
                refused += f64::from(turn > 0);
                break;
            }
            assert!(turn < 100, "never got through");
        }
    }
    assert!(refused > 0.0, "some of ten hash to it");
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"target-refused\"}"), refused);
    let failures = running
        .plane
        .generation(|generation| generation.groups["g"].snapshot().membership().members()[0].target.failures());
    assert_eq!(failures as f64, refused);
}

#[tokio::test]
async fn rules_and_lists_look_at_the_source() {
    let (a, b) = (Echo::new("a").await, Echo::new("b").await);
    let text = "default = { forward = 'g' }
        [[rule]]
        priority = 1
        when = { source = '127.0.0.2' }
        then = { forward = 'other' }";
    let mut listener = udp_with(text, UdpSettings::default());
    listener.access.deny = Networks::new(vec!["127.0.0.3/32".parse().unwrap()]);
    let groups =
        [group("g", &[a.address], GroupSettings::default()), group("other", &[b.address], GroupSettings::default())];
    let running = Running::single(listener, groups).await;
    assert_eq!(Client::at([127, 0, 0, 1], &running).await.ask("").await, "a");
    assert_eq!(Client::at([127, 0, 0, 2], &running).await.ask("").await, "b");
    Client::at([127, 0, 0, 3], &running).await.say(b"x").await;
    running.eventually(|running| dropped(running, "access-denied") == 1.0).await;
}

#[tokio::test]
async fn a_reload_keeps_sessions_and_a_listener_that_goes_lets_them_end() {
    let (a, b) = (Echo::new("a").await, Echo::new("b").await);
    let running =
        Running::single(udp(UdpSettings::default()), [group("g", &[a.address], GroupSettings::default())]).await;
    let client = Client::new(&running).await;
    assert_eq!(client.ask("").await, "a");
    // Another target takes new sources; those that are there keep theirs.
    let groups = [group("g", &[b.address], GroupSettings::default())];
    running.plane.apply(Generation::new(vec![udp(UdpSettings::default())], groups)).await.unwrap();
    assert_eq!(client.ask("").await, "a");
    assert_eq!(Client::new(&running).await.ask("").await, "b");
    running.plane.apply(Generation::new(Vec::new(), [])).await.unwrap();
    for _ in 0..5 {
        assert_eq!(client.ask("").await, "a", "a flow goes on as long as it is not quiet");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(running.plane.drain(Duration::from_secs(20)).await, "and ends when it is");
}

#[tokio::test]
async fn what_outlasts_a_drain_is_cut() {
    let target = Echo::new("").await;
    let running =
        Running::single(udp(UdpSettings::default()), [group("g", &[target.address], GroupSettings::default())]).await;
    let client = Client::new(&running).await;
    assert_eq!(client.ask("x").await, "x");
    let talking = async {
        // Until nobody answers any more.
        loop {
            let _ = client.0.send(b"x").await;
            let mut bytes = [0; 8];
            let heard = tokio::time::timeout(Duration::from_millis(100), client.0.recv(&mut bytes)).await;
            if !matches!(heard, Ok(Ok(_))) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (_, ()) = tokio::join!(running.plane.drain(Duration::from_millis(700)), soon(talking));
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn streams_and_datagrams_share_an_address() {
    let target = Echo::new("").await;
    // A port that is free for both: another test may have either.
    let address = loop {
        let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = stream.local_addr().unwrap();
        if std::net::UdpSocket::bind(address).is_ok() {
            break address;
        }
    };
    let mut web = listener_with("default = { respond = { status = 204 } }");
    let mut datagrams = udp(UdpSettings::default());
    web.bind = address.into();
    datagrams.bind = address.into();
    datagrams.name = equipoise_target::ListenerName::new("datagrams").unwrap();
    let groups = [group("g", &[target.address], GroupSettings::default())];
    let running = Running::start(2, Generation::new(vec![web, datagrams], groups)).await;
    assert_eq!(Client::new(&running).await.ask("x").await, "x");
    assert_eq!(crate::support::get(running.address, "/").await.status(), 204);
}

#[tokio::test]
async fn a_target_is_told_of_the_client_in_each_datagram() {
    let target = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut settings = GroupSettings::default();
    settings.transport.dial = Dial { proxy_protocol: Some(ProxyProtocol::V2), ..Dial::default() };
    let address = target.local_addr().unwrap();
    let running = Running::single(udp(UdpSettings::default()), [group("g", &[address], settings)]).await;
    let client = Client::at([127, 0, 0, 5], &running).await;
    for text in [b"one", b"two"] {
        client.say(text).await;
        let mut bytes = [0; 64];
        let length = soon(target.recv(&mut bytes)).await.unwrap();
        let (header, rest) = bytes[..length].split_at(28);
        assert_eq!(&header[..14], b"\r\n\r\n\0\r\nQUIT\n\x21\x12");
        assert_eq!(header[16..20], [127, 0, 0, 5]);
        assert_eq!(rest, text);
    }
}

#[tokio::test]
async fn a_session_is_a_line_in_the_access_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(LogDestination::File(path.clone()), LogFormat::Json).unwrap();
    let target = Echo::new("a").await;
    let settings = UdpSettings { idle: Duration::from_millis(100), ..UdpSettings::default() };
    let groups = [group("g", &[target.address], GroupSettings::default())];
    let mut generation = Generation::new(vec![udp(settings)], groups);
    generation.access_log = Some(log.clone());
    let running = Running::start(1, generation).await;
    assert_eq!(Client::new(&running).await.ask("bc").await, "abc");
    running.eventually(|_| log.flush(Duration::from_secs(1)) && !std::fs::read(&path).unwrap().is_empty()).await;
    let line: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&line["network.protocol.name"], &line["target"]), (&"udp".into(), &target.address.to_string().into()));
    assert_eq!((&line["bytes.received"], &line["bytes.sent"]), (&2.into(), &3.into()));
    assert!(line.get("reason").is_none(), "to fall silent is how a session ends");
}
