//! The data plane by itself: one listener before one group, with the routing, header fields and counts of the whole
//! program and nothing of its configuration.
//!
//! `cargo run --example forward -- 127.0.0.1:8080 127.0.0.1:9001,127.0.0.1:9002`

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use equipoise_balance::{Algorithm, Picker, PickerSource};
use equipoise_metrics::Registry;
use equipoise_proxy::{DataPlane, Generation, Group, GroupSettings, Listener};
use equipoise_rule::{Action, Router, RouterSource, RuleSet};
use equipoise_target::{
    Availability, Condition, GroupName, ListenerName, Member, Membership, PluginName, Snapshot, Target,
};

// Measured with the allocator that the program has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct NoPlugins;

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

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, targets] = arguments.as_slice() else {
        return Err("usage: forward LISTEN TARGET,TARGET…".into());
    };
    let plane = DataPlane::start(NonZeroUsize::MIN, &Registry::new())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        plane.apply(generation(listen.parse()?, targets)?).await?;
        std::future::pending::<Result<(), Box<dyn Error>>>().await
    })
}

fn generation(listen: SocketAddr, targets: &str) -> Result<Generation, Box<dyn Error>> {
    let name = GroupName::new("todo")?;
    let rules = RuleSet::build(&[], &Action::forward(name.clone()), &NoPlugins)?;
    let listener = Listener::new(ListenerName::new("web")?, listen, rules);
    let addresses = targets.split(',').map(str::parse).collect::<Result<Vec<SocketAddr>, _>>()?;
    let members = addresses.into_iter().map(|address| Member::new(Arc::new(Target::new(address)))).collect();
    let membership = Arc::new(Membership::new(name.clone(), members));
    let availability = Availability::compute(&membership, |_| Condition::Ready, true);
    let snapshot = Snapshot::new(membership, Arc::new(availability));
    let picker = Algorithm::default().picker(&snapshot, &NoPlugins)?;
    Ok(Generation::new(vec![listener], [Arc::new(Group::new(name, GroupSettings::default(), snapshot, picker))]))
}
