//! What the benches work on: requests, rules, groups and a plugin, as a busy day has them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use equipoise_balance::{Algorithm, PickRequest, Picker, PickerSource, Tried};
use equipoise_plugin::{HostOptions, Plugin, PluginHost, PluginSpec, World};
use equipoise_proxy::ListenerLimits;
use equipoise_rule::{Action, Router, RouterSource, Rule, RuleSet};
use equipoise_target::{
    Availability, Condition, GroupName, Lease, Member, Membership, PluginName, Snapshot, Target, TargetIndex,
};
use http::request::Parts;
use http::{HeaderValue, Request, Response, response};

/// Who asks.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// No plugins.
struct Nobody;

impl RouterSource for Nobody {
    fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
        None
    }
}

impl PickerSource for Nobody {
    fn picker(&self, _: &PluginName, _: &Snapshot) -> Option<Arc<dyn Picker>> {
        None
    }
}

/// What a browser sends.
#[must_use]
pub fn request(path: &str) -> Parts {
    let fields = [
        ("host", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br"),
        ("connection", "keep-alive"),
        ("referer", "https://shop.example/"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
        ("cache-control", "max-age=0"),
        ("x-country", "au"),
    ];
    let request =
        fields.iter().fold(Request::builder().uri(path), |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a valid request").into_parts().0
}

/// What a target answers.
#[must_use]
pub fn response() -> response::Parts {
    let fields = [
        ("server", "todo"),
        ("date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ("content-type", "application/json"),
        ("content-length", "128"),
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("etag", "\"33a64df5\""),
    ];
    let response = fields.iter().fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
    response.body(()).expect("a valid response").into_parts().0
}

/// `number` rules for paths of one host and as many hosts, and a default.
#[must_use]
pub fn rules(number: usize) -> RuleSet {
    #[derive(serde::Deserialize)]
    struct Listener {
        default: Action,
        rule: Vec<Rule>,
    }
    let rule = |place: usize| {
        let when = match place % 2 {
            0 => format!("host = \"shop.example\", path = \"/{place}/*\""),
            _ => format!("host = \"*.h{place}.example\""),
        };
        format!("[[rule]]\npriority = {place}\nwhen = {{ {when} }}\nthen = {{ forward = \"g\" }}\n")
    };
    let text: String = (0..number).map(rule).collect();
    let Listener { default, rule } =
        toml::from_str(&format!("default = {{ forward = \"g\" }}\n{text}")).expect("rules");
    RuleSet::build(&rule, &default, &Nobody).expect("rules that fit together")
}

/// A group with its picker, in the middle of its work.
#[derive(Debug)]
pub struct Group {
    picker: Arc<dyn Picker>,
    snapshot: Snapshot,
    _busy: Vec<Lease>,
}

impl Group {
    /// `targets` targets balanced as the TOML text says, all but every seventh with a request in flight.
    #[must_use]
    pub fn new(balance: &str, targets: u16) -> Self {
        #[derive(serde::Deserialize)]
        struct Document {
            balance: Algorithm,
        }
        let target = |n| Arc::new(Target::new(SocketAddr::from(([127, 0, 0, 1], 1024 + n))));
        let members: Vec<_> = (0..targets).map(|n| Member::new(target(n))).collect();
        let busy = members.iter().enumerate().filter(|(n, _)| n % 7 != 3).map(|(_, member)| member.target.lease());
        let busy = busy.collect();
        let membership = Arc::new(Membership::new(GroupName::new("g").expect("a name"), members));
        let availability = Availability::compute(&membership, |_| Condition::Ready, true);
        let snapshot = Snapshot::new(membership, Arc::new(availability));
        let Document { balance } = toml::from_str(&format!("balance = {balance}")).expect("an algorithm");
        Self { picker: balance.picker(&snapshot, &Nobody).expect("a picker"), snapshot, _busy: busy }
    }

    /// The choice for one request.
    pub fn pick(&self, head: &mut Parts) -> Option<TargetIndex> {
        self.picker.pick(&self.snapshot, &mut PickRequest { head, client: CLIENT, tried: &Tried::default() })
    }
}

/// What the header policy needs beside a head.
#[derive(Debug)]
pub struct Policy {
    limits: ListenerLimits,
    peer: HeaderValue,
    port: HeaderValue,
}

impl Default for Policy {
    fn default() -> Self {
        let [peer, port] = ["192.0.2.7", "8080"].map(HeaderValue::from_static);
        Self { limits: ListenerLimits::default(), peer, port }
    }
}

impl Policy {
    /// A request's head goes through.
    pub fn request(&self, head: &mut Parts) -> bool {
        equipoise_proxy::bench::request(head, &self.limits, &self.peer, &self.port)
    }
}

/// The example router, warm.
#[must_use]
pub fn plugin() -> Arc<Plugin> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/prebuilt/geo-router.wasm");
    let component = std::fs::read(path).expect("the prebuilt router");
    let host = PluginHost::new(HostOptions::default()).expect("a host");
    let mut spec = PluginSpec::new(PluginName::new("geo").expect("a name"), World::Router, component);
    spec.limits.time = Duration::from_secs(10); // valgrind is fifty times slower
    let plugin = host.load(spec).expect("a plugin");
    let router = plugin.router().expect("a router");
    (0..3).for_each(|_| drop(router.route(&mut request("/"), CLIENT)));
    plugin
}
