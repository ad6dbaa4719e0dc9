//! What a call into a plugin costs: `cargo run --release -p equipoise-plugin --example call_cost [COMPONENT WORLD]`.
//!
//! Without arguments it measures the prebuilt guests of `plugins/`. A router gets a request with ten header fields.

#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::error::Error;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise_balance::{PickRequest, Tried};
use equipoise_plugin::{HostOptions, Plugin, PluginHost, PluginSpec, World};
use equipoise_target::{Availability, Condition, GroupName, Member, Membership, PluginName, Snapshot, Target};
use http::Request;
use http::request::Parts;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ROUNDS: usize = 15;
const CALLS: u32 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    println!("{:<40} {:>10} {:>12} {:>12} {:>12}", "component", "bytes", "load ms", "warm ns", "best ns");
    if let [path, world] = &arguments[..] {
        return measure(Path::new(path), world.parse()?);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/prebuilt");
    for (file, world) in [
        ("geo-router.wasm", World::Router),
        ("geo-router-c.wasm", World::Router),
        ("least-latency-balancer.wasm", World::Balancer),
    ] {
        measure(&folder.join(file), world)?;
    }
    Ok(())
}

fn measure(path: &Path, world: World) -> Result<(), Box<dyn Error>> {
    let component = std::fs::read(path)?;
    let bytes = component.len();
    let host = PluginHost::new(HostOptions::default())?;
    let mut spec = PluginSpec::new(PluginName::new("measured")?, world, component);
    spec.limits.time = Duration::from_millis(100);
    let started = Instant::now();
    let plugin = host.load(spec)?;
    let load = started.elapsed();
    let mut call = caller(&plugin);
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| nanoseconds(&mut call)).collect();
    rounds.sort_by(f64::total_cmp);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let load = load.as_secs_f64() * 1e3;
    println!("{name:<40} {bytes:>10} {load:>12.1} {:>12.0} {:>12.0}", rounds[ROUNDS / 2], rounds[0]);
    let stats = plugin.stats();
    if let Some(failure) = stats.last_failure {
        return Err(format!("{} of {} calls failed: {failure}", stats.failures, stats.calls).into());
    }
    Ok(())
}

fn nanoseconds(call: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    (0..CALLS).for_each(|_| call());
    started.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

/// One call of the plugin, by the way that the data plane takes.
fn caller(plugin: &Plugin) -> Box<dyn FnMut()> {
    let mut head = request();
    if let Some(router) = plugin.router() {
        return Box::new(move || {
            black_box(router.route(&mut head, CLIENT));
        });
    }
    let snapshot = snapshot();
    let picker = plugin.picker(&snapshot);
    Box::new(move || {
        let mut request = PickRequest { head: &mut head, client: CLIENT, tried: &Tried::default() };
        black_box(picker.as_ref().and_then(|picker| picker.pick(&snapshot, &mut request)));
    })
}

fn request() -> Parts {
    let mut request = Request::new(());
    let names =
        ["host", "user-agent", "accept", "accept-language", "accept-encoding", "cookie", "referer", "x-a", "x-b"];
    for name in names {
        request.headers_mut().insert(name, http::HeaderValue::from_static("some value of usual length"));
    }
    request.headers_mut().insert("x-country", http::HeaderValue::from_static("au"));
    request.into_parts().0
}

fn snapshot() -> Snapshot {
    let address = |n: u16| std::net::SocketAddr::from(([127, 0, 0, 1], 8000 + n));
    let members = (0..4).map(|n| Member::new(Arc::new(Target::new(address(n))))).collect();
    let group = GroupName::new("todo").unwrap_or_else(|error| unreachable!("a literal name: {error}"));
    let membership = Arc::new(Membership::new(group, members));
    let availability = Availability::compute(&membership, |_| Condition::Ready, true);
    Snapshot::new(membership, Arc::new(availability))
}
