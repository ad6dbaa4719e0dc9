//! The library as an embedding program uses it: built in code, native code in the place of plugins, two in one process.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use equipoise::http::request::Parts;
use equipoise::{
    Decision, Equipoise, GroupName, HeaderEdit, ListenerName, Outcome, PickRequest, Picker, Probe, ProbeFuture, Router,
    Snapshot, TargetIndex, Verdict,
};

/// A target that answers every connection with its name.
fn target(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let length = name.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{name}");
        }
    });
    address
}

/// Asks from a thread of its own: the test's runtime serves health checks meanwhile.
async fn ask(listener: &str, handle: &equipoise::Handle, path: &'static str) -> String {
    let bind = handle.status().listeners.into_iter().find(|row| row.name == listener).expect("a listener").bind;
    let ask = move || {
        let mut stream = TcpStream::connect(bind).expect("accepted");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        text
    };
    tokio::task::spawn_blocking(ask).await.expect("no panic")
}

fn configuration(rest: &str, targets: &[SocketAddr]) -> String {
    let targets: Vec<_> = targets.iter().map(|address| format!("\"{address}\"")).collect();
    format!("[listener.web]\nbind = \"127.0.0.1:0\"\n{rest}\n[target-group.g]\ntargets = [{}]\n", targets.join(", "))
}

#[derive(Debug)]
struct Beta;

impl Router for Beta {
    fn route(&self, head: &mut Parts, _: IpAddr) -> Decision {
        let beta = head.uri.path() == "/beta";
        let stamp = HeaderEdit::Set("x-decided-by".parse().expect("a name"), "beta".parse().expect("a value"));
        Decision {
            verdict: if beta { Verdict::Forward(GroupName::new("beta").expect("a name")) } else { Verdict::Continue },
            response_edits: vec![stamp],
            ..Decision::default()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_router_decides_where_a_plugin_would() {
    let text = configuration("default = { plugin = \"mine\", forward = \"g\" }", &[target("stable")])
        + &format!("[target-group.beta]\ntargets = [\"{}\"]\n", target("beta"));
    let balancer = Equipoise::builder().config_text(text).router("mine", Beta).without_admin().build().expect("sound");
    let running = balancer.start().await.expect("started");
    let handle = running.handle();
    assert!(ask("web", &handle, "/").await.ends_with("stable"));
    let answer = ask("web", &handle, "/beta").await;
    assert!(answer.ends_with("beta") && answer.contains("x-decided-by: beta"), "{answer}");
    assert_eq!(handle.admin_address(), None);
}

#[derive(Debug)]
struct Last;

impl Picker for Last {
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        snapshot.available().map(|(index, ..)| index).filter(|index| !request.tried.contains(*index)).last()
    }

    fn refresh(&self, _: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(Self)
    }
}

#[derive(Debug)]
struct Switch(Arc<AtomicBool>, SocketAddr);

impl Probe for Switch {
    fn probe(&self, address: equipoise::Endpoint) -> ProbeFuture<'_> {
        let healthy = address != self.1.into() || self.0.load(SeqCst);
        Box::pin(async move { if healthy { Outcome::Pass } else { Outcome::Fail("switched off".into()) } })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_picker_and_a_native_health_check_work_together() {
    let (first, last) = (target("first"), target("last"));
    let text = configuration("default = { forward = \"g\" }", &[first, last])
        + "[target-group.g.balance.plugin]\nname = \"last\"\n[target-group.g.health-check.plugin]\nname = \"switch\"\n\
           interval = \"100ms\"\ntimeout = \"90ms\"\nunhealthy-threshold = 1\n";
    let on = Arc::new(AtomicBool::new(true));
    let balancer = Equipoise::builder()
        .config_text(text)
        .balancer("last", |_| Arc::new(Last))
        .health_check("switch", Switch(Arc::clone(&on), last))
        .without_admin()
        .build()
        .expect("sound");
    let running = balancer.start().await.expect("started");
    let handle = running.handle();
    assert!(ask("web", &handle, "/").await.ends_with("last"));
    on.store(false, SeqCst);
    until(|| handle.status().target_groups[0].targets[1].reason == "switched off").await;
    assert!(ask("web", &handle, "/").await.ends_with("first"));
}

/// Asks again until it is so; the test's own time limit is ten seconds.
async fn until(mut so: impl FnMut() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_balancers_live_in_one_process_and_end_apart() {
    let start = async |name| {
        let text = configuration("default = { forward = \"g\" }", &[target(name)]);
        let balancer = Equipoise::builder().config_text(text).without_admin().build().expect("sound");
        balancer.start().await.expect("started")
    };
    let (one, two) = (start("one").await, start("two").await);
    one.handle().drain(None);
    one.ended().await;
    assert!(ask("web", &two.handle(), "/").await.ends_with("two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_takes_over_and_a_bad_one_does_not() {
    let (one, two) = (target("one"), target("two"));
    let text = |target| configuration("default = { forward = \"g\" }", &[target]);
    let balancer = Equipoise::builder().config_text(text(one)).without_admin().build().expect("sound");
    let running = balancer.start().await.expect("started");
    let handle = running.handle();
    assert!(handle.apply_text("[listener.web]\n").await.is_err());
    assert!(ask("web", &handle, "/").await.ends_with("one"));
    handle.apply_text(text(two)).await.expect("applied");
    assert!(ask("web", &handle, "/").await.ends_with("two"));
    handle.reload().await.expect("the new text is what is read again");
    assert!(ask("web", &handle, "/").await.ends_with("two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_built_in_code_goes_through_the_same_checks() {
    let mut document = equipoise::config::Document::default();
    document
        .listener
        .insert(ListenerName::new("web").expect("a name"), equipoise::config::document::Listener::default());
    let error = Equipoise::builder().document(document).build().map(drop).expect_err("it has no address");
    assert!(error.to_string().contains("bind"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_serves_until_its_future_completes() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let text = configuration("default = { forward = \"g\" }", &[target("one")])
        .replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let balancer = Equipoise::builder().config_text(text).without_admin().build().expect("sound");
    let answered = Arc::new(AtomicBool::new(false));
    let (seen, reached) = (Arc::clone(&answered), move || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let shutdown = async move {
        until(reached).await;
        seen.store(true, SeqCst);
    };
    tokio::time::timeout(Duration::from_secs(20), balancer.run(shutdown)).await.expect("in time").expect("started");
    assert!(answered.load(SeqCst));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "it went on listening");
}

#[test]
fn a_handle_works_from_a_thread_that_knows_no_runtime() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let text = configuration("default = { forward = \"g\" }", &[target("one")]);
    let balancer = Equipoise::builder().config_text(text).without_admin().build().expect("sound");
    let running = runtime.block_on(balancer.start()).expect("started");
    running.handle().drain(None);
    runtime.block_on(running.ended());
    assert_eq!(running.handle().phase(), equipoise::status::Phase::Draining);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_comes_back_gets_its_share_little_by_little() {
    let targets = [target("a"), target("b"), target("c"), target("back")];
    let text = configuration("default = { forward = \"g\" }", &targets)
        + "slow-start = \"9s\"\n[target-group.g.health-check.plugin]\nname = \"switch\"\n\
           interval = \"50ms\"\ntimeout = \"40ms\"\nunhealthy-threshold = 1\nhealthy-threshold = 1\n";
    let on = Arc::new(AtomicBool::new(true));
    let balancer = Equipoise::builder()
        .config_text(text)
        .health_check("switch", Switch(Arc::clone(&on), targets[3]))
        .without_admin()
        .build()
        .expect("sound");
    let running = balancer.start().await.expect("started");
    let handle = running.handle();
    let ask_often = async |count: usize| {
        let mut back = 0;
        for _ in 0..count {
            back += usize::from(ask("web", &handle, "/").await.ends_with("back"));
        }
        back
    };
    assert_eq!(ask_often(40).await, 10, "at the start everybody has a whole share");
    on.store(false, SeqCst);
    while ask_often(4).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    on.store(true, SeqCst);
    while ask_often(31).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A tenth of its share at first: one turn of 31. Ten are what it would have at once, and 15 what is allowed.
    let back = ask_often(40).await;
    assert!(back <= 5, "{back} of 40");
}

/// The status of the answer.
async fn status(handle: &equipoise::Handle, path: &'static str) -> u16 {
    let answer = ask("web", handle, path).await;
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_says_of_resilience_reaches_the_data_plane() {
    // Nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let text = configuration("default = { forward = \"g\" }", &[gone])
        + "fail-open = false\nretry = { attempts = 0 }\n\
           circuit-breaker = { consecutive-failures = 2, open-time = \"1h\" }\n\
           limits = { requests-per-target = 5, queue = { length = 1, wait = \"1s\" } }\nhedge = {}\n\
           [[listener.web.rate-limit]]\nwhen = { path = \"/login\" }\nrate = 1\nper = \"1h\"\nburst = 2\n\
           [shed]\nlag = \"1m\"\n";
    let balancer = Equipoise::builder().config_text(text).without_admin().build().expect("sound");
    let running = balancer.start().await.expect("started");
    let handle = running.handle();
    assert_eq!([status(&handle, "/").await, status(&handle, "/").await], [502, 502]);
    let open = ask("web", &handle, "/").await;
    assert!(open.contains("503 Service Unavailable: circuit-open"), "{open}");
    let logins = [(); 3].map(|()| status(&handle, "/login"));
    let mut statuses = Vec::new();
    for login in logins {
        statuses.push(login.await);
    }
    assert_eq!(statuses, [503, 503, 429]);
}
