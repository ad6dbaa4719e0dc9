//! What a group and its targets take at a time, and who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use equipoise_proxy::{GroupLimits, GroupSettings, Queue};
use tokio::sync::Semaphore;

use crate::support::{Origin, Running, Wire, answer, get, group, listener, soon};

fn fault(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

fn limited(per_target: Option<u32>, all: Option<u32>, length: usize, wait: Duration) -> GroupSettings {
    let queue = Queue { length, wait };
    let limits = GroupLimits { requests_per_target: per_target, requests: all, queue };
    GroupSettings { limits, ..GroupSettings::default() }
}

const LONG: Duration = Duration::from_secs(15);
const WAITING: &str = "equipoise_queue_waiting{group=\"g\"}";

/// A target that answers each request when it is told to, and says how many it had at once.
struct Held {
    origin: Origin,
    go: Arc<Semaphore>,
    most: Arc<AtomicUsize>,
}

impl Held {
    async fn new(body: &'static str) -> Self {
        let (go, now, most) =
            (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let parts = (Arc::clone(&go), now, Arc::clone(&most));
        let origin = Origin::new(move |mut wire, _| {
            let (go, now, most) = parts.clone();
            async move {
                while wire.message().await.is_some() {
                    most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    go.acquire().await.unwrap().forget();
                    now.fetch_sub(1, SeqCst);
                    wire.write(answer(body)).await;
                }
            }
        })
        .await;
        Self { origin, go, most }
    }
}

/// A request on a connection of its own, whose answer is still to come.
async fn asking(running: &Running, path: &str) -> Wire {
    let mut client = running.client().await;
    client.write(format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n")).await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_never_has_more_requests_than_its_limit_whoever_sends_them() {
    let origins = [Held::new("one").await, Held::new("two").await];
    let addresses = origins.each_ref().map(|held| held.origin.address);
    let running = Running::new(listener(), [group("g", &addresses, limited(Some(2), None, 100, LONG))]).await;
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(asking(&running, "/").await);
    }
    let in_flight = |running: &Running| [0, 1].map(|position| running.in_flight(position));
    running.eventually(|running| in_flight(running) == [2, 2] && running.metric(WAITING) == 12.0).await;
    origins.iter().for_each(|held| held.go.add_permits(1_000_000));
    for client in &mut clients {
        assert_eq!(soon(client.message()).await.unwrap().status(), 200);
    }
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let address = running.address;
            tokio::spawn(async move {
                let mut client = Wire::connect(address).await;
                for _ in 0..100 {
                    assert_eq!(client.get("/").await.status(), 200);
                }
            })
        })
        .collect();
    for client in clients {
        soon(client).await.unwrap();
    }
    let most = origins.each_ref().map(|held| held.most.load(SeqCst));
    assert_eq!(most, [2, 2]);
    assert!(running.metric("equipoise_queued_total{group=\"g\"}") > 0.0);
    running.eventually(|running| in_flight(running) == [0, 0]).await;
    assert_eq!(running.metric(WAITING), 0.0);
}

#[tokio::test]
async fn a_full_target_is_passed_over_for_one_that_has_room() {
    let (full, free) = (Held::new("full").await, Origin::answering("free").await);
    let addresses = [full.origin.address, free.address];
    let running = Running::single(listener(), [group("g", &addresses, limited(Some(1), None, 0, LONG))]).await;
    let mut first = asking(&running, "/").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    for _ in 0..6 {
        assert_eq!(get(running.address, "/").await.text(), "free");
    }
    full.go.add_permits(1);
    assert_eq!(soon(first.message()).await.unwrap().text(), "full");
}

#[tokio::test]
async fn a_full_group_lets_nobody_wait_beyond_its_line() {
    let held = Held::new("held").await;
    let settings = limited(None, Some(1), 1, LONG);
    let running = Running::single(listener(), [group("g", &[held.origin.address], settings)]).await;
    let mut first = asking(&running, "/1").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    let mut second = asking(&running, "/2").await;
    running.eventually(|running| running.metric(WAITING) == 1.0).await;
    let third = get(running.address, "/3").await;
    assert_eq!((third.status(), third.field("retry-after")), (503, "1"));
    assert_eq!(third.text(), "503 Service Unavailable: queue-full\n");
    assert!(third.field("proxy-status").contains("error=connection_limit_reached"), "{}", third.head);
    held.go.add_permits(2);
    assert_eq!(soon(first.message()).await.unwrap().status(), 200);
    assert_eq!(soon(second.message()).await.unwrap().status(), 200);
    assert_eq!(fault(&running, "queue-full"), 1.0);
}

#[tokio::test]
async fn who_waits_too_long_is_told_to_come_back() {
    let held = Held::new("held").await;
    let wait = Duration::from_millis(150);
    let running =
        Running::single(listener(), [group("g", &[held.origin.address], limited(Some(1), None, 9, wait))]).await;
    let _first = asking(&running, "/").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    let started = Instant::now();
    let response = get(running.address, "/").await;
    assert_eq!((response.status(), response.field("retry-after")), (503, "1"));
    assert!(response.text().ends_with("queue-timeout\n"), "{}", response.text());
    assert!(started.elapsed() >= wait);
    assert_eq!(fault(&running, "queue-timeout"), 1.0);
    assert_eq!(running.metric(WAITING), 0.0);
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (go, seen) = (Arc::new(Semaphore::new(0)), Arc::clone(&order));
    let gate = Arc::clone(&go);
    let origin = Origin::new(move |mut wire, _| {
        let (go, seen) = (Arc::clone(&gate), Arc::clone(&seen));
        async move {
            while let Some(message) = wire.message().await {
                let path = message.head.split(' ').nth(1).unwrap().to_owned();
                seen.lock().unwrap().push(path);
                go.acquire().await.unwrap().forget();
                wire.write(answer("")).await;
            }
        }
    })
    .await;
    // Two workers: the order holds over both.
    let running = Running::new(listener(), [group("g", &[origin.address], limited(Some(1), None, 99, LONG))]).await;
    let mut clients = Vec::new();
    for number in 0..12 {
        clients.push(asking(&running, &format!("/{number}")).await);
        running.eventually(|running| running.in_flight(0) == 1 && running.metric(WAITING) == f64::from(number)).await;
    }
    go.add_permits(12);
    for client in &mut clients {
        assert_eq!(soon(client.message()).await.unwrap().status(), 200);
    }
    let wanted: Vec<_> = (0..12).map(|number| format!("/{number}")).collect();
    assert_eq!(*order.lock().unwrap(), wanted);
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_up_at_once() {
    let held = Held::new("held").await;
    let running =
        Running::single(listener(), [group("g", &[held.origin.address], limited(Some(1), None, 2, LONG))]).await;
    let mut first = asking(&running, "/").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    let leaving = asking(&running, "/").await;
    let mut staying = asking(&running, "/").await;
    running.eventually(|running| running.metric(WAITING) == 2.0).await;
    drop(leaving);
    running.eventually(|running| running.metric(WAITING) == 1.0).await;
    held.go.add_permits(2);
    assert_eq!(soon(first.message()).await.unwrap().status(), 200);
    assert_eq!(soon(staying.message()).await.unwrap().status(), 200);
    running.eventually(|running| fault(running, "client-left") == 1.0).await;
}

#[tokio::test]
async fn a_reload_that_raises_the_limit_lets_in_who_waits() {
    let held = Held::new("held").await;
    let small = group("g", &[held.origin.address], limited(Some(1), None, 9, LONG));
    let running = Running::single(listener(), [Arc::clone(&small)]).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(asking(&running, "/").await);
    }
    running.eventually(|running| running.metric(WAITING) == 2.0).await;
    let grown = Arc::new(small.successor(limited(Some(3), None, 9, LONG), small.snapshot()));
    running.plane.apply(equipoise_proxy::Generation::new(vec![listener()], [grown])).await.unwrap();
    // Requests keep the generation with which they began, so those three go one after the other; new ones do not wait
    // for longer than they do.
    held.go.add_permits(4);
    for client in &mut clients {
        assert_eq!(soon(client.message()).await.unwrap().status(), 200);
    }
    assert_eq!(get(running.plane.addresses()[0].1.socket().unwrap(), "/").await.status(), 200);
}
