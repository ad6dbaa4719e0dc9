//! `run`: the balancer in the foreground, steered by signals, its service manager and its admin address.

use std::future::pending;
use std::time::Duration;

use anyhow::Context;
use equipoise::status::Phase;
use equipoise::{Handle, Running};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinHandle;

use crate::args::RunArgs;
use crate::balancer;
use crate::failure::Failure;
use crate::handover::{Channel, Estate};
use crate::service_manager;
use crate::signals::{Order, Signals};
use crate::upgrade::upgrade;

/// How long until scaling groups are tried to be steered again.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: RunArgs) -> Result<(), Failure> {
    let predecessor = Channel::from_predecessor()?;
    // Before the first thread is started: it takes variables out of the environment.
    let estate = match &predecessor {
        Some(predecessor) => predecessor.receive().context("taking over from the process before")?,
        None => service_manager::estate().context("taking the sockets of the service manager")?,
    };
    raise_descriptor_limit();
    let runtime = balancer::runtime().context("starting the runtime")?;
    let served = runtime.block_on(serve(arguments, estate, predecessor));
    // A plugin that is just being compiled must not keep the process.
    runtime.shutdown_background();
    served
}

/// Each connection takes a descriptor or two. The soft limit is for programs that still use select(2).
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "the limit of descriptors cannot be raised");
    }
}

async fn serve(arguments: RunArgs, estate: Estate, predecessor: Option<Channel>) -> Result<(), Failure> {
    let mut signals = Signals::catch().context("catching signals")?;
    let started = tokio::select! {
        started = start(arguments, estate) => started,
        () = asked_to_end(&mut signals) => return Ok(()),
    };
    let running = match started {
        Ok(running) => running,
        Err(failure) => {
            if let Some(predecessor) = predecessor {
                predecessor.failed(&failure.to_string());
            }
            return Err(failure);
        }
    };
    let handle = running.handle();
    match predecessor {
        // It tells the service manager, which does not know this process yet.
        Some(predecessor) => {
            predecessor.ready();
            tokio::spawn(succeed(handle.clone(), predecessor));
        }
        None => service_manager::ready(&handle),
    }
    tokio::select! {
        () = steer(&running, &mut signals) => {}
        () = service_manager::attend(&handle) => {}
    }
    Ok(())
}

async fn start(arguments: RunArgs, estate: Estate) -> Result<Running, Failure> {
    let folders = balancer::Folders { cache: arguments.cache.folder, state: arguments.state };
    let balancer = balancer::build(&arguments.config.config, folders, estate)?;
    balancer::start(balancer).await
}

/// Steers the scaling groups as soon as the process before does so no longer.
async fn succeed(handle: Handle, predecessor: Channel) {
    // A thread that died has waited long enough.
    let _ = tokio::task::spawn_blocking(move || predecessor.wait_until_released()).await;
    for attempt in 0_u32.. {
        let Err(error) = handle.steer().await else { return };
        if attempt == 0 {
            tracing::error!("scaling groups are not steered yet: {:#}", anyhow::Error::from(error));
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// While it starts, only the end can be asked for.
async fn asked_to_end(signals: &mut Signals) {
    while !matches!(signals.next().await, Order::Drain | Order::Stop) {}
}

/// The other process that is to take this one's place.
type Upgrade = JoinHandle<anyhow::Result<u32>>;

/// Follows orders until the balancer has ended, by a signal or through its admin address.
async fn steer(running: &Running, signals: &mut Signals) {
    let handle = running.handle();
    let mut upgrading: Option<Upgrade> = None;
    loop {
        let order = tokio::select! {
            order = signals.next() => order,
            upgraded = done(&mut upgrading) => {
                upgrading = None;
                conclude(&handle, upgraded);
                continue;
            }
            () = running.ended() => return,
        };
        tracing::info!(?order, "signal");
        match order {
            Order::Reload => {
                let handle = handle.clone();
                // Beside the loop, so that a signal to end is heard while plugins compile.
                tokio::spawn(async move { reload(&handle).await });
            }
            Order::ReopenLogs => handle.reopen_logs(),
            Order::Upgrade if upgrading.is_some() => tracing::warn!("an upgrade is under way already"),
            Order::Upgrade if handle.phase() != Phase::Ready => tracing::warn!("draining: no upgrade any more"),
            Order::Upgrade => upgrading = Some(tokio::spawn(upgrade(handle.clone()))),
            Order::Drain | Order::Stop => {
                if let Some(upgrading) = upgrading.take() {
                    // Who is told to end leaves nobody behind.
                    upgrading.abort();
                }
                service_manager::stopping();
                if order == Order::Drain { handle.drain(None) } else { handle.stop_now() }
            }
        }
    }
}

async fn reload(handle: &Handle) {
    service_manager::reloading();
    // The library logs the result.
    drop(handle.reload().await);
    service_manager::ready(handle);
}

/// Completes with the upgrade that is under way; never without one.
async fn done(upgrading: &mut Option<Upgrade>) -> anyhow::Result<u32> {
    match upgrading {
        Some(upgrade) => upgrade.await?,
        None => pending().await,
    }
}

/// Leaves the field to the other process, or serves on.
fn conclude(handle: &Handle, upgraded: anyhow::Result<u32>) {
    match upgraded {
        Ok(pid) => {
            tracing::info!(pid, "upgrade: the new process serves, this one drains");
            service_manager::replaced_by(pid);
            handle.handed_over();
            handle.drain(None);
        }
        Err(error) => tracing::error!("upgrade failed, this process serves on: {error:#}"),
    }
}
