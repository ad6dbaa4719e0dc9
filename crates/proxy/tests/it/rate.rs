//! Requests that come too often, one too many, or to a worker that cannot keep up.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_balance::{Algorithm, PickRequest, Picker};
use equipoise_proxy::{Generation, Group, GroupSettings, Listener, RateKey, RateLimit};
use equipoise_rule::When;
use equipoise_target::{Condition, Snapshot, Target, TargetIndex};

use crate::support::{Origin, Running, get, group, group_name, listener, snapshot, soon};

fn limit(key: RateKey, burst: u32) -> RateLimit {
    let (rate, burst) = (NonZeroU32::MIN, NonZeroU32::new(burst).unwrap());
    RateLimit {
        name: "calls".into(),
        when: When::default(),
        key,
        rate,
        per: Duration::from_secs(60),
        burst,
        keys: 1024,
    }
}

fn fault(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

async fn before(origin: &Origin, listener: Listener) -> Running {
    Running::new(listener, [group("g", &[origin.address], GroupSettings::default())]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_asks_too_often_is_told_when_to_come_back() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.rate_limits = vec![limit(RateKey::Source, 20)];
    let running = before(&origin, listener).await;
    let mut statuses = Vec::new();
    // Connections of their own: both workers count the same.
    for _ in 0..40 {
        statuses.push(get(running.address, "/").await.status());
    }
    assert_eq!(statuses, [vec![200; 20], vec![429; 20]].concat());
    let refused = get(running.address, "/").await;
    let wait: u64 = refused.field("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.field("ratelimit-policy"), "\"calls\";q=1;w=60");
    assert!(refused.field("ratelimit").starts_with("\"calls\";r=0;t="), "{}", refused.head);
    assert_eq!(fault(&running, "rate-limited"), 21.0);
}

#[tokio::test]
async fn a_field_decides_who_is_limited() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.rate_limits = vec![limit(RateKey::Header("x-user".parse().unwrap()), 1)];
    let running = before(&origin, listener).await;
    let mut client = running.client().await;
    for (user, status) in [("ann", 200), ("ann", 429), ("bob", 200), ("ann", 429)] {
        let response = client.ask(&format!("GET / HTTP/1.1\r\nhost: t\r\nx-user: {user}\r\n\r\n")).await;
        assert_eq!(response.status(), status, "{user}");
    }
}

#[tokio::test]
async fn a_limit_counts_only_what_its_conditions_name() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    let when = toml::from_str("path = '/login'").unwrap();
    listener.rate_limits = vec![RateLimit { when, ..limit(RateKey::Source, 1) }];
    let running = before(&origin, listener).await;
    let mut client = running.client().await;
    for (path, status) in [("/", 200), ("/login", 200), ("/login", 429), ("/", 200)] {
        assert_eq!(client.get(path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_reload_does_not_fill_the_allowance_again() {
    let origin = Origin::answering("hello").await;
    let with = |burst| {
        let mut listener = listener();
        listener.rate_limits = vec![limit(RateKey::Listener, burst)];
        listener
    };
    let groups = group("g", &[origin.address], GroupSettings::default());
    let running = Running::single(with(1), [Arc::clone(&groups)]).await;
    let mut client = running.client().await;
    assert_eq!([client.get("/").await.status(), client.get("/").await.status()], [200, 429]);
    running.plane.apply(Generation::new(vec![with(1)], [Arc::clone(&groups)])).await.unwrap();
    assert_eq!(client.get("/").await.status(), 429);
    running.plane.apply(Generation::new(vec![with(2)], [groups])).await.unwrap();
    assert_eq!(client.get("/").await.status(), 200, "another limit counts afresh");
}

#[tokio::test]
async fn a_listener_has_so_many_requests_at_a_time_and_no_more() {
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let held = Arc::clone(&go);
    let origin = Origin::new(move |mut wire, _| {
        let go = Arc::clone(&held);
        async move {
            while wire.message().await.is_some() {
                go.acquire().await.unwrap().forget();
                wire.write(crate::support::answer("held")).await;
            }
        }
    })
    .await;
    let mut listener = listener();
    listener.limits.requests = Some(2);
    let running = before(&origin, listener).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = running.client().await;
        client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
        clients.push(client);
    }
    running.eventually(|running| running.in_flight(0) == 2).await;
    let refused = get(running.address, "/").await;
    assert_eq!((refused.status(), refused.field("retry-after")), (503, "1"));
    assert_eq!(refused.text(), "503 Service Unavailable: overload\n");
    assert_eq!(refused.field("proxy-status"), "equipoise; error=proxy_internal_response; details=\"overload\"");
    assert_eq!(fault(&running, "overload"), 1.0);
    go.add_permits(100);
    for client in &mut clients {
        assert_eq!(soon(client.message()).await.unwrap().status(), 200);
    }
    running.eventually(|running| running.in_flight(0) == 0).await;
    assert_eq!(get(running.address, "/").await.status(), 200);
}

/// Holds its worker up for as long as a pick takes: as a slow plugin would, or a machine with too little to compute with.
#[derive(Debug)]
struct Slow(Arc<dyn Picker>, Arc<AtomicBool>);

impl Picker for Slow {
    #[expect(clippy::disallowed_methods, reason = "to block the worker is what this is for")]
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        if self.1.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(30));
        }
        self.0.pick(snapshot, request)
    }

    fn refresh(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        self.0.refresh(snapshot)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_keep_up_turns_some_away_until_it_can() {
    let origin = Origin::answering("hello").await;
    let snapshot = snapshot("g", &[Arc::new(Target::new(origin.address))], |_| Condition::Ready);
    let slow = Arc::new(AtomicBool::new(true));
    let picker = Slow(Algorithm::default().picker(&snapshot, &()).unwrap(), Arc::clone(&slow));
    let group = Arc::new(Group::new(group_name("g"), GroupSettings::default(), snapshot, Arc::new(picker)));
    let mut generation = Generation::new(vec![listener()], [group]);
    generation.shed_lag = Some(Duration::from_millis(50));
    let running = Running::start(1, generation).await;
    let (address, refused) = (running.address, Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..12)
        .map(|_| {
            let (refused, slow) = (Arc::clone(&refused), Arc::clone(&slow));
            tokio::spawn(async move {
                while slow.load(SeqCst) {
                    let response = get(address, "/").await;
                    if response.status() == 503 {
                        assert_eq!(response.field("retry-after"), "1");
                        assert_eq!(response.text(), "503 Service Unavailable: overload\n");
                        refused.fetch_add(1, SeqCst);
                    }
                }
            })
        })
        .collect();
    running.eventually(|_| refused.load(SeqCst) > 20).await;
    slow.store(false, SeqCst);
    for client in clients {
        soon(client).await.unwrap();
    }
    // It comes to itself: forty looks at most.
    let mut well = 0;
    while well < 200 {
        well = if get(address, "/").await.status() == 200 { well + 1 } else { 0 };
    }
    assert!(fault(&running, "overload") >= 20.0);
}
