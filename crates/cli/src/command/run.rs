//! `run`: the balancer in the foreground, steered by signals and its admin address.

use anyhow::Context;
use equipoise::Running;

use crate::args::RunArgs;
use crate::balancer;
use crate::failure::Failure;
use crate::signals::{Order, Signals};

pub(crate) fn run(arguments: RunArgs) -> Result<(), Failure> {
    let runtime = balancer::runtime().context("starting the runtime")?;
    let served = runtime.block_on(serve(arguments));
    // A plugin that is just being compiled must not keep the process.
    runtime.shutdown_background();
    served
}

async fn serve(arguments: RunArgs) -> Result<(), Failure> {
    let mut signals = Signals::catch().context("catching signals")?;
    let balancer = balancer::build(&arguments.config.config, arguments.cache.folder)?;
    let running = tokio::select! {
        running = balancer::start(balancer) => running?,
        () = asked_to_end(&mut signals) => return Ok(()),
    };
    steer(&running, &mut signals).await;
    Ok(())
}

/// While it starts, only the end can be asked for.
async fn asked_to_end(signals: &mut Signals) {
    while !matches!(signals.next().await, Order::Drain | Order::Stop) {}
}

/// Follows orders until the balancer has ended, by a signal or through its admin address.
async fn steer(running: &Running, signals: &mut Signals) {
    let handle = running.handle();
    loop {
        let order = tokio::select! {
            order = signals.next() => order,
            () = running.ended() => return,
        };
        tracing::info!(?order, "signal");
        match order {
            Order::Reload => {
                let handle = handle.clone();
                // Beside the loop, so that a signal to end is heard while plugins compile. The library logs the result.
                tokio::spawn(async move { drop(handle.reload().await) });
            }
            Order::ReopenLogs => handle.reopen_logs(),
            Order::Drain => handle.drain(None),
            Order::Stop => handle.stop_now(),
        }
    }
}
