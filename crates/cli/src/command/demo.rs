//! `demo`: a whole balancer to play with, made of this one executable.

use anyhow::Context;
use equipoise_admin::client::Client;

use crate::args::DemoArgs;
use crate::balancer;
use crate::failure::Failure;
use crate::handover::Estate;
use crate::output::{Style, to_stdout};
use crate::signals::{Order, Signals};

mod folder;
mod guide;
mod instances;
mod live;
mod ports;

use folder::Folder;
use instances::Instances;

pub(crate) fn run(arguments: DemoArgs) -> Result<(), Failure> {
    ports::check(&arguments)?;
    let runtime = balancer::runtime().context("starting the runtime")?;
    let done = runtime.block_on(demo(arguments));
    runtime.shutdown_background();
    done
}

/// Whatever happens, instances end before their folder goes, and both are gone when this returns.
async fn demo(arguments: DemoArgs) -> Result<(), Failure> {
    let mut signals = Signals::catch().context("catching signals")?;
    let folder = Folder::new()?;
    let done = with_instances(&arguments, &folder, &mut signals).await;
    let removed = folder.remove();
    done?;
    removed?;
    to_stdout("The demo has ended; nothing is left behind.\n")
}

async fn with_instances(arguments: &DemoArgs, folder: &Folder, signals: &mut Signals) -> Result<(), Failure> {
    let instances = tokio::select! {
        instances = Instances::start(folder.path()) => instances?,
        // Those that run already are killed when the future is dropped.
        () = end(signals) => return Ok(()),
    };
    let done = balance(arguments, folder, &instances, signals).await;
    instances.end().await;
    done
}

async fn balance(
    arguments: &DemoArgs,
    folder: &Folder,
    instances: &Instances,
    signals: &mut Signals,
) -> Result<(), Failure> {
    folder.configure(arguments, instances)?;
    let folders = balancer::Folders { cache: arguments.cache.folder.clone(), state: None };
    let balancer = balancer::build(&folder.configuration(), folders, Estate::default())?;
    let running = balancer::start(balancer).await?;
    let handle = running.handle();
    to_stdout(&guide::guide(arguments, folder, instances, Style::of_stdout()))?;
    let client = Client::new(format!("127.0.0.1:{}", arguments.admin_port), None);
    let names = instances.iter().map(|instance| (format!("127.0.0.1:{}", instance.port), instance.name)).collect();
    tokio::select! {
        () = live::follow(client, names) => end(signals).await,
        () = end(signals) => {}
        () = running.ended() => return Ok(()),
    }
    to_stdout("\nDraining …\n")?;
    handle.drain(None);
    tokio::select! {
        () = running.ended() => {}
        () = end(signals) => handle.stop_now(),
    }
    Ok(())
}

/// The next signal that asks for an end; a closed terminal (HUP) does so here.
async fn end(signals: &mut Signals) {
    while signals.next().await == Order::ReopenLogs {}
}
