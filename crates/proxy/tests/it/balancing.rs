//! Groups, weights, cookies and single targets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use equipoise_proxy::{GroupSettings, Listener};
use equipoise_rule::{Decision, Router, RouterSource, Verdict};
use equipoise_target::{ListenerName, PluginName};
use http::request::Parts;

use crate::support::{Origin, Running, get, group, group_name, listener_with, rules_with};

#[tokio::test]
async fn targets_take_turns() {
    let origins = [Origin::answering("a").await, Origin::answering("b").await, Origin::answering("c").await];
    let running = Running::before(&origins.each_ref().map(|origin| origin.address)).await;
    let mut texts = Vec::new();
    for _ in 0..6 {
        texts.push(get(running.address, "/").await.text().to_owned());
    }
    texts.sort();
    assert_eq!(texts, ["a", "a", "b", "b", "c", "c"]);
}

#[tokio::test]
async fn a_sticky_cookie_keeps_a_client_at_its_group() {
    let (a, b) = (Origin::answering("a").await, Origin::answering("b").await);
    let listener = listener_with(
        "default = { forward = { groups = [{ group = 'a', weight = 1 }, { group = 'b', weight = 1 }],
                                 sticky = { cookie = 'way', ttl = '1h' } } }",
    );
    let groups =
        [group("a", &[a.address], GroupSettings::default()), group("b", &[b.address], GroupSettings::default())];
    let running = Running::new(listener, groups).await;
    let first = get(running.address, "/").await;
    let cookie = first.field("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("way="), "{cookie}");
    for _ in 0..20 {
        let request = format!("GET / HTTP/1.1\r\nhost: t\r\ncookie: {cookie}\r\n\r\n");
        let response = running.client().await.ask(&request).await;
        assert_eq!(response.text(), first.text());
    }
}

#[tokio::test]
async fn answers_of_our_own_carry_the_rules_edits() {
    let listener = listener_with(
        "default = { respond = { status = 200, body = 'here', content-type = 'text/plain' },
                     response-headers = { set = { x-by = 'rule' } } }
        [[rule]]
        priority = 1
        when = { path = '/old' }
        then = { redirect = { to = '/new', status = 308 } }
        [[rule]]
        priority = 2
        when = { path = '/none' }
        then = { forward = 'missing', response-headers = { set = { x-by = 'rule' } } }",
    );
    let running = Running::new(listener, []).await;
    let mut client = running.client().await;
    let response = client.get("/").await;
    assert_eq!((response.status(), response.text(), response.field("x-by")), (200, "here", "rule"));
    client.write("HEAD / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 200);
    let response = client.get("/old").await;
    assert_eq!((response.status(), response.field("location")), (308, "/new"));
    let response = client.get("/none").await;
    assert_eq!((response.status(), response.field("x-by")), (503, "rule"));
    assert!(response.field("proxy-status").contains("error=destination_not_found"));
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"client-left\"}"), 0.0);
}

/// Breaks on some paths.
#[derive(Debug)]
struct Broken;

impl Router for Broken {
    fn route(&self, head: &mut Parts, _: IpAddr) -> Decision {
        assert_ne!(head.uri.path(), "/broken");
        Decision::default()
    }
}

impl RouterSource for Broken {
    fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
        Some(Arc::new(Self))
    }
}

#[tokio::test]
async fn a_router_that_panics_costs_its_own_connection_and_nothing_else() {
    let origin = Origin::answering("hello").await;
    let rules = rules_with("default = { forward = 'g', plugin = 'broken' }", &Broken);
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::new(ListenerName::new("web").unwrap(), bind, rules);
    let running = Running::single(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    let mut other = running.client().await;
    assert_eq!(other.get("/").await.text(), "hello");
    for _ in 0..3 {
        let mut client = running.client().await;
        client.write("GET /broken HTTP/1.1\r\nhost: t\r\n\r\n").await;
        assert!(client.closed().await);
    }
    assert_eq!(other.get("/").await.text(), "hello");
    assert_eq!(running.in_flight(0), 0);
    running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") == 1.0).await;
}

/// Sends every request to one address of the group `g`.
#[derive(Debug)]
struct To(SocketAddr);

impl Router for To {
    fn route(&self, _: &mut Parts, _: IpAddr) -> Decision {
        Decision { verdict: Verdict::ForwardTo(group_name("g"), self.0.into()), ..Decision::default() }
    }
}

struct One(Arc<To>);

impl RouterSource for One {
    fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
        Some(Arc::clone(&self.0) as Arc<dyn Router>)
    }
}

#[tokio::test]
async fn a_router_may_name_a_target_but_only_an_available_member() {
    let (first, second) = (Origin::answering("first").await, Origin::answering("second").await);
    let stranger = Origin::answering("stranger").await;
    for (to, status) in [(second.address, 200), (stranger.address, 503)] {
        let rules = rules_with("default = { forward = 'g', plugin = 'to' }", &One(Arc::new(To(to))));
        let bind = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::new(ListenerName::new("web").unwrap(), bind, rules);
        let group = group("g", &[first.address, second.address], GroupSettings::default());
        let running = Running::new(listener, [group]).await;
        for _ in 0..3 {
            let response = get(running.address, "/").await;
            assert_eq!(response.status(), status);
            if status == 200 {
                assert_eq!(response.text(), "second");
            }
        }
    }
    assert_eq!(stranger.connections(), 0);
}
