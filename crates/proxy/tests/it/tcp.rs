//! Connections that are passed on as they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise_balance::{Algorithm, ConsistentHash, HashKey, LeastConnections, WeightedLeastConnections};
use equipoise_proxy::{
    AccessLog, Generation, Group, GroupSettings, Listener, ListenerProtocol, LogDestination, LogFormat, Networks,
    TcpSettings,
};
use equipoise_target::{Condition, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

use crate::support::{NoPlugins, Running, group, group_name, listener_with, snapshot, soon};

fn listener() -> Listener {
    tcp_with("default = { forward = 'g' }", TcpSettings::default())
}

fn tcp_with(rules: &str, settings: TcpSettings) -> Listener {
    let mut listener = listener_with(rules);
    listener.protocol = ListenerProtocol::Tcp(settings);
    listener
}

/// An address that refuses connections as long as the socket is there: nobody else gets the port.
fn refusing() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A target whose connections are handed to the test.
async fn by_hand() -> (SocketAddr, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = sender.send(stream);
        }
    });
    (address, receiver)
}

/// A target that says its name and then repeats what it hears.
async fn named(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(name.as_bytes()).await;
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn before(target: SocketAddr) -> Running {
    Running::single(listener(), [group("g", &[target], GroupSettings::default())]).await
}

async fn connect(running: &Running) -> TcpStream {
    soon(TcpStream::connect(running.address)).await.unwrap()
}

async fn read(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Everything up to the end, which has to be a regular one.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

fn bytes(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(next).collect()
}

#[tokio::test]
async fn a_client_that_has_said_all_still_hears_the_answer() {
    let (address, mut accepted) = by_hand().await;
    let running = before(address).await;
    let mut client = connect(&running).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut target = soon(accepted.recv()).await.unwrap();
    assert_eq!(rest(&mut target).await, b"question");
    target.write_all(b"answer").await.unwrap();
    assert_eq!(read(&mut client, 6).await, "answer");
    drop(target);
    assert_eq!(rest(&mut client).await, b"");
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_target_that_has_said_all_still_hears_the_client() {
    let (address, mut accepted) = by_hand().await;
    let running = before(address).await;
    let mut client = connect(&running).await;
    let mut target = soon(accepted.recv()).await.unwrap();
    target.write_all(b"greeting").await.unwrap();
    target.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, b"greeting");
    client.write_all(b"and more").await.unwrap();
    assert_eq!(read(&mut target, 8).await, "and more");
    assert_eq!(running.in_flight(0), 1, "the lease lasts as long as the connection");
    drop(client);
    assert_eq!(rest(&mut target).await, b"");
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_hundred_megabytes_arrive_as_they_were_sent() {
    let running = before(named("").await).await;
    let client = connect(&running).await;
    let (mut from, mut to) = client.into_split();
    let sent = Arc::new(bytes(1 << 20));
    let sending = tokio::spawn({
        let sent = Arc::clone(&sent);
        async move {
            for _ in 0..100 {
                to.write_all(&sent).await.unwrap();
            }
            to.shutdown().await.unwrap();
        }
    });
    let mut got = vec![0; sent.len()];
    for round in 0..100 {
        soon(from.read_exact(&mut got)).await.unwrap();
        assert!(got == *sent, "megabyte {round}");
    }
    assert_eq!(soon(from.read(&mut got)).await.unwrap(), 0);
    sending.await.unwrap();
    let series = |way: &str| format!("equipoise_relayed_{way}_bytes_total{{listener=\"web\",group=\"g\"}}");
    running.eventually(|running| running.metric(&series("sent")) == f64::from(100 << 20)).await;
    assert_eq!(running.metric(&series("received")), f64::from(100 << 20));
}

#[tokio::test]
async fn sizes_of_every_kind_pass_in_one_connection() {
    let running = before(named("").await).await;
    let mut client = connect(&running).await;
    for size in [1, 100_000, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 70_000, 65_536, 65_537, 1, 400_000, 16_384, 16_383] {
        let sent = bytes(size);
        let (mut from, mut to) = client.split();
        let mut got = vec![0; size];
        let both = async { tokio::join!(to.write_all(&sent), from.read_exact(&mut got)) };
        let (wrote, read) = soon(both).await;
        wrote.and(read.map(|_| ())).unwrap();
        assert!(got == sent, "{size} bytes");
    }
}

#[tokio::test]
async fn a_reset_of_either_side_is_a_reset_of_the_other() {
    let (address, mut accepted) = by_hand().await;
    let running = before(address).await;
    for client_resets in [true, false] {
        let mut client = connect(&running).await;
        let mut target = soon(accepted.recv()).await.unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(read(&mut target, 1).await, "x");
        let (gone, mut left) = if client_resets { (client, target) } else { (target, client) };
        gone.set_zero_linger().unwrap();
        drop(gone);
        let error = soon(left.read(&mut [0])).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    for reason in ["client-reset", "target-reset"] {
        let series = format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}");
        running.eventually(|running| running.metric(&series) == 1.0).await;
    }
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_ends() {
    let (address, mut accepted) = by_hand().await;
    let listener = tcp_with("default = { forward = 'g' }", TcpSettings { idle: Duration::from_millis(300) });
    let running = Running::single(listener, [group("g", &[address], GroupSettings::default())]).await;
    let mut client = connect(&running).await;
    let mut target = soon(accepted.recv()).await.unwrap();
    let started = Instant::now();
    // What moves in one direction keeps both.
    while started.elapsed() < Duration::from_millis(900) {
        target.write_all(b".").await.unwrap();
        assert_eq!(read(&mut client, 1).await, ".");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rest(&mut client).await, b"");
    assert_eq!(rest(&mut target).await, b"");
    let series = "equipoise_faults_total{listener=\"web\",reason=\"idle-timeout\"}";
    running.eventually(|running| running.metric(series) == 1.0).await;
}

#[tokio::test]
async fn a_target_that_refuses_is_followed_by_the_next() {
    let ((_kept, gone), there) = (refusing(), named("there").await);
    let running = Running::single(listener(), [group("g", &[gone, there], GroupSettings::default())]).await;
    for _ in 0..6 {
        assert_eq!(read(&mut connect(&running).await, 5).await, "there");
    }
    let failures = running.plane.generation(|generation| {
        let snapshot = generation.groups["g"].snapshot();
        let [gone, there] = snapshot.membership().members() else { panic!("two members") };
        (gone.target.failures(), there.target.failures(), there.target.successes())
    });
    assert!(failures.0 >= 3, "what failed speaks against the target");
    assert_eq!((failures.1, failures.2), (0, 6));
    assert_eq!(running.metric("equipoise_upstream_connect_failures_total{group=\"g\"}"), failures.0 as f64);
    assert_eq!(running.metric("equipoise_retries_total{group=\"g\"}"), failures.0 as f64);
}

#[tokio::test]
async fn without_a_target_the_client_is_reset() {
    let (_kept, gone) = refusing();
    for (targets, reason) in [(vec![gone], "connect-failed"), (vec![], "no-target")] {
        let running = Running::single(listener(), [group("g", &targets, GroupSettings::default())]).await;
        // It may have noticed before it was told that it is connected.
        let error = match soon(TcpStream::connect(running.address)).await {
            Ok(mut client) => soon(client.read(&mut [0])).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        let series = format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}");
        running.eventually(|running| running.metric(&series) == 1.0).await;
    }
}

#[tokio::test]
async fn rules_look_at_the_source() {
    let groups = [
        group("g", &[named("g").await], GroupSettings::default()),
        group("other", &[named("o").await], GroupSettings::default()),
    ];
    let text = "default = { forward = 'g' }
        [[rule]]
        priority = 1
        when = { source = '127.0.0.2' }
        then = { forward = 'other' }";
    let running = Running::single(tcp_with(text, TcpSettings::default()), groups).await;
    for (from, name) in [([127, 0, 0, 2], "o"), ([127, 0, 0, 1], "g")] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut client = socket.connect(running.address).await.unwrap();
        assert_eq!(read(&mut client, 1).await, name);
    }
}

#[tokio::test]
async fn who_may_not_connect_and_who_is_too_many_gets_nothing() {
    let target = named("x").await;
    let mut denied = listener();
    denied.access.deny = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let running = Running::single(denied, [group("g", &[target], GroupSettings::default())]).await;
    assert_eq!(rest(&mut connect(&running).await).await, b"");
    let mut full = listener();
    full.limits.connections = 1;
    let running = Running::single(full, [group("g", &[target], GroupSettings::default())]).await;
    let mut first = connect(&running).await;
    assert_eq!(read(&mut first, 1).await, "x");
    assert_eq!(rest(&mut connect(&running).await).await, b"", "not a word of HTTP either");
}

fn balanced(algorithm: &Algorithm, targets: &[SocketAddr]) -> Arc<Group> {
    let targets: Vec<_> = targets.iter().map(|address| Arc::new(Target::new(*address))).collect();
    let snapshot = snapshot("g", &targets, |_| Condition::Ready);
    let picker = algorithm.picker(&snapshot, &NoPlugins).unwrap();
    Arc::new(Group::new(group_name("g"), GroupSettings::default(), snapshot, picker))
}

#[tokio::test]
async fn every_algorithm_spreads_connections() {
    let targets = [named("a").await, named("b").await, named("c").await];
    let algorithms = [
        Algorithm::default(),
        Algorithm::LeastConnections(LeastConnections {}),
        Algorithm::WeightedLeastConnections(WeightedLeastConnections {}),
    ];
    for algorithm in algorithms {
        let running = Running::single(listener(), [balanced(&algorithm, &targets)]).await;
        let (mut clients, mut names) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let mut client = connect(&running).await;
            names.push(read(&mut client, 1).await);
            clients.push(client);
        }
        names.sort();
        assert_eq!(names.concat(), "aabbcc", "{}", algorithm.name());
        assert_eq!([0, 1, 2].map(|position| running.in_flight(position)), [2, 2, 2]);
    }
}

#[tokio::test]
async fn the_same_source_reaches_the_same_target() {
    let targets = [named("a").await, named("b").await, named("c").await];
    let algorithm = Algorithm::ConsistentHash(ConsistentHash::new(HashKey::Source));
    let running = Running::new(listener(), [balanced(&algorithm, &targets)]).await;
    let mut seen = std::collections::BTreeSet::new();
    for host in 1..=20 {
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(([127, 0, 9, host], 0).into()).unwrap();
            names.insert(read(&mut soon(socket.connect(running.address)).await.unwrap(), 1).await);
        }
        assert_eq!(names.len(), 1, "127.0.9.{host}");
        seen.append(&mut names);
    }
    assert_eq!(seen.len(), 3, "twenty sources reach all three");
}

#[tokio::test]
async fn least_connections_counts_those_that_last() {
    let targets = [named("a").await, named("b").await];
    let algorithm = Algorithm::LeastConnections(LeastConnections {});
    let running = Running::single(listener(), [balanced(&algorithm, &targets)]).await;
    let mut kept = Vec::new();
    for _ in 0..4 {
        let mut client = connect(&running).await;
        kept.push((read(&mut client, 1).await, client));
    }
    kept.retain(|(name, _)| name == "a");
    running.eventually(|running| running.in_flight(1) == 0).await;
    for _ in 0..2 {
        let mut client = connect(&running).await;
        assert_eq!(read(&mut client, 1).await, "b");
        kept.push((String::new(), client));
    }
}

#[tokio::test]
async fn a_reload_keeps_connections_and_a_listener_that_goes_lets_them_finish() {
    let target = named("x").await;
    let running = before(target).await;
    let mut client = connect(&running).await;
    assert_eq!(read(&mut client, 1).await, "x");
    let on = |address: SocketAddr| {
        let mut listener = listener();
        listener.bind = address.into();
        listener
    };
    let groups = || [group("g", &[target], GroupSettings::default())];
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut listener_again = on(any);
    listener_again.limits.connections = 77;
    running.plane.apply(Generation::new(vec![listener_again], groups())).await.unwrap();
    client.write_all(b"after").await.unwrap();
    assert_eq!(read(&mut client, 5).await, "after");
    let mut without = Generation::new(Vec::new(), groups());
    without.drain_timeout = Duration::from_millis(600);
    let started = Instant::now();
    running.plane.apply(without).await.unwrap();
    client.write_all(b"still").await.unwrap();
    assert_eq!(read(&mut client, 5).await, "still");
    let error = soon(client.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "cut at the end of its time");
    assert!(started.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn a_drain_waits_for_connections_and_cuts_what_outlasts_it() {
    let running = before(named("x").await).await;
    let mut client = connect(&running).await;
    assert_eq!(read(&mut client, 1).await, "x");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.write_all(b"bye").await.unwrap();
        assert_eq!(read(&mut client, 3).await, "bye");
        drop(client);
    };
    let (clean, ()) = tokio::join!(running.plane.drain(Duration::from_secs(20)), ending);
    assert!(clean);
    let running = before(named("x").await).await;
    let mut client = connect(&running).await;
    assert_eq!(read(&mut client, 1).await, "x");
    assert!(!running.plane.drain(Duration::from_millis(200)).await);
    assert!(soon(client.read(&mut [0])).await.is_err(), "a cut is no regular end");
    let series = "equipoise_faults_total{listener=\"web\",reason=\"drained\"}";
    running.eventually(|running| running.metric(series) == 1.0).await;
}

#[tokio::test]
async fn a_target_at_the_end_of_its_deregistration_delay_loses_its_connections_alone() {
    let (first, second) = (named("a").await, named("b").await);
    let running = Running::single(listener(), [group("g", &[first, second], GroupSettings::default())]).await;
    let (mut one, mut other) = (connect(&running).await, connect(&running).await);
    assert_eq!((&*read(&mut one, 1).await, &*read(&mut other, 1).await), ("a", "b"));
    running.plane.cut(&group_name("g"), first.into());
    assert!(soon(one.read(&mut [0])).await.is_err());
    other.write_all(b"here").await.unwrap();
    assert_eq!(read(&mut other, 4).await, "here");
    let series = "equipoise_faults_total{listener=\"web\",reason=\"target-left\"}";
    running.eventually(|running| running.metric(series) == 1.0).await;
}

#[tokio::test]
async fn a_connection_is_a_line_in_the_access_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(LogDestination::File(path.clone()), LogFormat::Json).unwrap();
    let target = named("hello").await;
    let mut generation = Generation::new(vec![listener()], [group("g", &[target], GroupSettings::default())]);
    generation.access_log = Some(log.clone());
    let running = Running::start(1, generation).await;
    let mut client = connect(&running).await;
    client.write_all(b"abc").await.unwrap();
    assert_eq!(read(&mut client, 8).await, "helloabc");
    drop(client);
    running.eventually(|running| running.in_flight(0) == 0).await;
    running.eventually(|_| log.flush(Duration::from_secs(1)) && !std::fs::read(&path).unwrap().is_empty()).await;
    let line: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(line["network.protocol.name"], "tcp");
    assert_eq!(line["client.address"], "127.0.0.1");
    assert_eq!(line["target"], target.to_string());
    assert_eq!((&line["group"], &line["rule"]), (&"g".into(), &"default".into()));
    assert_eq!((&line["bytes.received"], &line["bytes.sent"]), (&3.into(), &8.into()));
    assert!(line.get("reason").is_none());
}
