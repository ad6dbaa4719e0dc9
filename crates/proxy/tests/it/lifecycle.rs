//! Generations come and go under traffic.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_proxy::{BindError, Generation, GroupSettings, Listener};
use equipoise_target::{Condition, ListenerName};

use crate::support::{Origin, Running, Wire, answer, get, group, group_name, listener, listener_with, snapshot, soon};

/// Clients that ask one request after the other until told to stop; each answer must be 200.
struct Traffic {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Traffic {
    fn start(address: SocketAddr) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut client = Wire::connect(address).await;
                while !stop.load(SeqCst) {
                    let response = client.get("/").await;
                    assert_eq!(response.status(), 200, "{}", response.head);
                    answered.fetch_add(1, SeqCst);
                    if response.all("connection") == ["close"] {
                        client = Wire::connect(address).await;
                    }
                }
            })
        };
        let clients = (0..8).map(client).collect();
        Self { stop, answered, clients }
    }

    /// Waits until `count` more requests were answered.
    async fn flow(&self, count: usize) {
        let goal = self.answered.load(SeqCst) + count;
        soon(async {
            while self.answered.load(SeqCst) < goal {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    async fn end(self) {
        self.stop.store(true, SeqCst);
        for client in self.clients {
            soon(client).await.expect("no request was lost");
        }
    }
}

fn on(address: SocketAddr) -> Listener {
    let mut listener = listener();
    listener.bind = address.into();
    listener
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generations_follow_each_other_without_a_lost_request() {
    let origins = [Origin::answering("a").await, Origin::answering("b").await, Origin::answering("c").await];
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let groups =
        |n: usize| [group("g", &[origins[n % 3].address, origins[(n + 1) % 3].address], GroupSettings::default())];
    let running = Running::start(2, Generation::new(vec![on(free)], groups(0))).await;
    let traffic = Traffic::start(free);
    for n in 1..50 {
        traffic.flow(20).await;
        let mut listeners = vec![on(free)];
        if n % 2 == 0 {
            let mut other = listener();
            other.name = ListenerName::new("other").unwrap();
            listeners.push(other);
        }
        running.plane.apply(Generation::new(listeners, groups(n))).await.unwrap();
    }
    traffic.end().await;
    assert_eq!(running.metric("equipoise_requests_total{listener=\"web\",group=\"g\",status_class=\"5xx\"}"), 0.0);
}

#[tokio::test]
async fn a_request_keeps_the_generation_that_it_started_with() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst").await;
        wire.write("later").await;
    })
    .await;
    let (send, release) = tokio::sync::oneshot::channel::<()>();
    let release = Arc::new(tokio::sync::Mutex::new(Some(release)));
    let slow = Origin::new(move |mut wire, _| {
        let release = Arc::clone(&release);
        async move {
            wire.message().await;
            let release = release.lock().await.take().unwrap();
            release.await.unwrap();
            wire.write(answer("old")).await;
        }
    })
    .await;
    let bind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let old = group("g", &[slow.address], GroupSettings::default());
    let running = Running::start(1, Generation::new(vec![on(bind)], [Arc::clone(&old)])).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    let new = group("g", &[origin.address], GroupSettings::default());
    running.plane.apply(Generation::new(vec![on(bind)], [new])).await.unwrap();
    assert_eq!(get(bind, "/").await.text(), "firstlater");
    send.send(()).unwrap();
    assert_eq!(client.message().await.unwrap().text(), "old");
    // The same connection, and the next generation.
    assert_eq!(client.get("/").await.text(), "firstlater");
}

#[tokio::test]
async fn counts_survive_a_generation() {
    let origin = Origin::answering("hello").await;
    let bind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let groups = || [group("g", &[origin.address], GroupSettings::default())];
    let running = Running::start(1, Generation::new(vec![on(bind)], groups())).await;
    get(bind, "/").await;
    get(bind, "/").await;
    running.plane.apply(Generation::new(vec![on(bind)], groups())).await.unwrap();
    get(bind, "/").await;
    let series = "equipoise_requests_total{listener=\"web\",group=\"g\",status_class=\"2xx\"}";
    running.eventually(|running| running.metric(series) == 3.0).await;
    assert_eq!(origin.connections(), 1, "the connection survives too");
}

#[tokio::test]
async fn a_busy_port_is_named_and_leaves_everything_as_it_was() {
    let origin = Origin::answering("hello").await;
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let groups = || [group("g", &[origin.address], GroupSettings::default())];
    let running = Running::start(2, Generation::new(vec![on(bind)], groups())).await;
    let listeners = vec![on(free), on(busy.local_addr().unwrap())];
    let error = running.plane.apply(Generation::new(listeners, groups())).await.unwrap_err();
    let BindError::Bind { listener, address, .. } = &error else { panic!("{error}") };
    assert_eq!((listener.as_str(), *address), ("web", busy.local_addr().unwrap().into()));
    assert_eq!(get(bind, "/").await.text(), "hello");
    assert!(tokio::net::TcpStream::connect(free).await.is_err(), "nothing half applied");
    let twins = vec![on(free), on(free)];
    let error = running.plane.apply(Generation::new(twins, groups())).await.unwrap_err();
    assert!(matches!(error, BindError::Shared { .. }), "{error}");
}

#[tokio::test]
async fn a_listener_that_leaves_frees_its_port_and_finishes_what_it_has() {
    let origin = Origin::answering("hello").await;
    let (bind, other) = (on_any().await, on_any().await);
    let groups = || [group("g", &[origin.address], GroupSettings::default())];
    let running = Running::start(2, Generation::new(vec![on(bind)], groups())).await;
    let mut client = running.client().await;
    client.get("/").await;
    running.plane.apply(Generation::new(vec![on(other)], groups())).await.unwrap();
    let last = client.get("/").await;
    assert_eq!((last.text(), last.field("connection")), ("hello", "close"));
    assert!(client.closed().await);
    soon(async {
        while TcpListener::bind(bind).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(get(other, "/").await.text(), "hello");
}

async fn on_any() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_loses_nothing() {
    let origin = Origin::answering("hello").await;
    let running = Running::new(listener(), [group("g", &[origin.address], GroupSettings::default())]).await;
    let address = running.address;
    // Clients that ask until they are told to leave. What was sent before is answered.
    let client = |_| {
        tokio::spawn(async move {
            let mut client = Wire::connect(address).await;
            loop {
                let response = client.get("/").await;
                assert_eq!(response.status(), 200);
                if response.all("connection") == ["close"] {
                    break;
                }
            }
        })
    };
    let clients: Vec<_> = (0..16).map(client).collect();
    let series = "equipoise_requests_total{listener=\"web\",group=\"g\",status_class=\"2xx\"}";
    running.eventually(|running| running.metric(series) > 200.0).await;
    assert!(soon(running.plane.drain(Duration::from_secs(10))).await, "nothing had to be cut");
    for client in clients {
        client.await.expect("no request was lost");
    }
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn draining_waits_for_a_request_and_cuts_at_the_deadline() {
    let origin = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.closed().await;
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    assert!(!soon(running.plane.drain(Duration::from_millis(300))).await);
    assert!(soon(client.closed()).await);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_a_drain_up() {
    let origin = Origin::answering("hello").await;
    let running = Running::before(&[origin.address]).await;
    let (mut client, mut silent) = (running.client().await, running.client().await);
    client.get("/").await;
    assert!(soon(running.plane.drain(Duration::from_secs(8))).await);
    assert!(client.closed().await && silent.closed().await);
}

#[tokio::test]
async fn stopping_ends_everything() {
    let origin = Origin::answering("hello").await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.get("/").await;
    running.plane.stop_now();
    assert!(soon(client.closed()).await);
    let error = running.plane.apply(Generation::new(vec![listener()], [])).await.unwrap_err();
    assert!(matches!(error, BindError::Stopped), "{error}");
}

#[tokio::test]
async fn a_target_is_cut_when_its_time_to_finish_is_over() {
    let slow = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome").await;
        wire.closed().await;
    })
    .await;
    let running = Running::before(&[slow.address]).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    client.head().await.unwrap();
    running.plane.cut(&group_name("another"), slow.address.into());
    running.plane.cut(&group_name("g"), slow.address.into());
    assert!(soon(client.exactly(100)).await.is_none());
    running
        .eventually(|running| running.metric("equipoise_faults_total{listener=\"web\",reason=\"target-left\"}") == 1.0)
        .await;
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_published_snapshot_moves_new_requests_only() {
    let (first, second) = (Origin::answering("first").await, Origin::answering("second").await);
    let shared = group("g", &[first.address, second.address], GroupSettings::default());
    let running = Running::new(listener(), [Arc::clone(&shared)]).await;
    let members = shared.snapshot().membership().members().to_vec();
    let targets: Vec<_> = members.into_iter().map(|member| member.target).collect();
    for (out, want) in [(0, "second"), (1, "first")] {
        let condition = |index| if index == out { Condition::Unhealthy } else { Condition::Ready };
        shared.publish(snapshot("g", &targets, condition));
        for _ in 0..4 {
            assert_eq!(get(running.address, "/").await.text(), want);
        }
    }
    shared.publish(snapshot("g", &targets, |_| Condition::Out));
    let response = get(running.address, "/").await;
    assert_eq!((response.status(), response.field("retry-after")), (503, "1"));
    assert_eq!(response.field("proxy-status"), "equipoise; error=destination_unavailable; details=\"no-target\"");
}

#[tokio::test]
async fn new_rules_hold_for_old_connections() {
    let origin = Origin::answering("hello").await;
    let bind = on_any().await;
    let groups = || [group("g", &[origin.address], GroupSettings::default())];
    let running = Running::start(1, Generation::new(vec![on(bind)], groups())).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/").await.text(), "hello");
    let mut changed = listener_with("default = { respond = { status = 418, body = 'tea' } }");
    changed.bind = bind.into();
    running.plane.apply(Generation::new(vec![changed], groups())).await.unwrap();
    let response = client.get("/").await;
    assert_eq!((response.status(), response.text()), (418, "tea"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_goes_although_its_connections_stay() {
    let origin = Origin::answering("a").await;
    let first = group("g", &[origin.address], GroupSettings::default());
    let gone = Arc::downgrade(&first);
    let running = Running::new(listener(), [first]).await;
    let (mut used, mut silent) = (running.client().await, running.client().await);
    assert_eq!(used.get("/").await.status(), 200);
    silent.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let second = group("g", &[origin.address], GroupSettings::default());
    running.plane.apply(Generation::new(vec![listener()], [second])).await.unwrap();
    running.eventually(|_| gone.upgrade().is_none()).await;
    assert_eq!(used.get("/").await.status(), 200);
}
