//! Health checks without a balancer: `cargo run -p equipoise-health --example watch -- 127.0.0.1:6400 127.0.0.1:6401`
//! watches these addresses until Ctrl-C. Without addresses it starts two small targets itself, takes one of them away,
//! and ends.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use equipoise_health::{GroupPlan, GuardSettings, HealthCheck, HealthEvent, Monitor, Observer, Probe, Reach};
use equipoise_target::{GroupName, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Two checks for each target: is its port open, and does it say that it works?
const CHECKS: [&str; 2] = [
    "[tcp]\ninterval = '500ms'\ntimeout = '200ms'\n",
    "[http]\npath = '/health'\nbody-contains = 'ok'\ninterval = '500ms'\ntimeout = '200ms'\n",
];

struct Print;

impl Observer for Print {
    fn changed(&self, group: &GroupName) {
        println!("-> the availability of `{group}` would be computed again");
    }
    fn event(&self, event: &HealthEvent) {
        println!("   {event}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut addresses = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<Vec<SocketAddr>, _>>()?;
    let watch_forever = !addresses.is_empty();
    let mut own = Vec::new();
    if !watch_forever {
        own = vec![start_target().await?, start_target().await?];
        addresses = own.iter().map(|target| target.0).collect();
    }

    let group = GroupName::new("example")?;
    let monitor = Monitor::new(Arc::new(Print));
    monitor.apply(vec![GroupPlan {
        group: group.clone(),
        checks: CHECKS.into_iter().map(check).collect::<Result<_, _>>()?,
        targets: addresses.iter().map(|address| Arc::new(Target::new(*address))).collect(),
        guard: GuardSettings::default(),
    }]);

    if watch_forever {
        tokio::signal::ctrl_c().await?;
    } else {
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("taking {} away", addresses[1]);
        own.drain(1..).for_each(|(_, task)| task.abort());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for address in addresses {
        println!("{address}: {:?}", monitor.condition(&group, address.into()));
    }
    Ok(())
}

fn check(text: &str) -> Result<(HealthCheck, Arc<dyn Probe>), Box<dyn Error>> {
    let check: HealthCheck = toml::from_str(text)?;
    let probe = check.probe(&(), &Reach::default())?;
    Ok((check, probe))
}

/// A target that is always fine.
async fn start_target() -> Result<(SocketAddr, JoinHandle<()>), std::io::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serve = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    };
    Ok((address, tokio::spawn(serve)))
}
