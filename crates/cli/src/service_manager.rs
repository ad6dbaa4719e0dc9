//! What a service manager (systemd) is told, and what it passes in. Without one, nothing of this happens.

use std::time::Duration;

use equipoise::{Handle, InheritedSocket, SocketOrigin};
use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::handover::Estate;

/// Name of descriptors for which the service manager knows none.
const UNNAMED: &str = "unknown";

/// Sockets that the service manager listens on for us, each with the name of the listener that it is for. Must be called
/// before the first thread is started: it clears variables of the environment, so that no child takes them for its own.
pub(crate) fn estate() -> anyhow::Result<Estate> {
    let names: Vec<_> = sd_notify::listen_fds_with_names()?.map(|(_, name)| name).collect();
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..passed.len() {
        let name = names.get(index).filter(|name| *name != UNNAMED && !name.is_empty()).cloned();
        sockets.push(activated(&mut passed, index, name)?);
    }
    Ok(Estate { sockets, ..Estate::default() })
}

fn activated(passed: &mut ListenFd, index: usize, name: Option<String>) -> anyhow::Result<InheritedSocket> {
    use std::os::fd::OwnedFd;
    // Which kind it is shows only by asking for each.
    let tcp = |passed: &mut ListenFd| passed.take_tcp_listener(index).map(|socket| socket.map(OwnedFd::from));
    let unix = |passed: &mut ListenFd| passed.take_unix_listener(index).map(|socket| socket.map(OwnedFd::from));
    let udp = |passed: &mut ListenFd| passed.take_udp_socket(index).map(|socket| socket.map(OwnedFd::from));
    let socket = tcp(passed).or_else(|_| unix(passed)).or_else(|_| udp(passed))?;
    let socket = socket.ok_or_else(|| anyhow::anyhow!("the service manager passed socket {index} twice"))?;
    Ok(InheritedSocket::new(socket, name, SocketOrigin::Activation)?)
}

/// The first generation serves.
pub(crate) fn ready(handle: &Handle) {
    tell(&[NotifyState::Ready, NotifyState::Status(&summary(handle))]);
}

/// A reload begins. [`ready`] ends it, whatever came of it.
pub(crate) fn reloading() {
    // The stamp lets the service manager tell this reload from one that it asked for later.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now, NotifyState::Status("reloading the configuration")]),
        Err(error) => tracing::debug!(%error, "no monotonic clock"),
    }
}

/// The drain begins.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining: requests under way finish")]);
}

/// Another process serves from now on.
pub(crate) fn replaced_by(pid: u32) {
    tell(&[NotifyState::MainPid(pid), NotifyState::Ready]);
}

/// Says how it stands, whenever that has changed, and that it lives, when it is asked to. Does not end.
pub(crate) async fn attend(handle: &Handle) {
    tokio::join!(tell_changes(handle), feed_watchdog(handle));
}

async fn tell_changes(handle: &Handle) {
    loop {
        handle.reloaded().await;
        tell(&[NotifyState::Status(&summary(handle))]);
    }
}

async fn feed_watchdog(handle: &Handle) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    // Twice as often as it must be, as sd_watchdog_enabled(3) advises.
    let mut turns = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        turns.tick().await;
        // Only when every worker takes orders: a process of which a part hangs is one to restart.
        if handle.responds(limit / 4).await {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn summary(handle: &Handle) -> String {
    let status = handle.status();
    let (listeners, groups) = (status.listeners.len(), status.target_groups.len());
    let mut text = format!("generation {}: {listeners} listeners, {groups} target groups", status.generation);
    if let Some(last) = status.last_reload.filter(|last| last.result == equipoise::status::ReloadResult::Refused) {
        text = format!("{text}; {}", last.message.lines().next().unwrap_or_default());
    }
    text
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
