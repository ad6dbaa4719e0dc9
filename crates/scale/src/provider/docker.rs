//! Instances that are containers of a Docker engine, over its Unix socket. Other engines with the same API do as well.
//!
//! A container has our labels, so that it is found again by whoever has the same owner, and is removed when it has ended.

mod container;
mod engine;

use std::sync::Arc;
use std::time::Duration;

use bollard::models::ContainerSummaryStateEnum as State;
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, RemoveContainerOptions, StartContainerOptions, StatsOptions,
    StopContainerOptions,
};
use equipoise_target::Endpoint;
use futures_util::StreamExt as _;
use tracing::warn;

use self::container::{GROUP, INSTANCE, OWNER, address, body, published};
use self::engine::Engine;
use super::limits::Limits;
use super::unclaimed::launch_or_undo;
use super::{Ended, Found, Handle, Launched, Pending, Provider, ProviderError, Setting, Usage};
use crate::{DockerTemplate, InstanceId};

/// How long a new container is looked at: one that ends at once is a launch that failed.
const SETTLE: Duration = Duration::from_millis(100);
/// How many of the last lines are told with the reason.
const TOLD: usize = 5;
/// How many of the last lines are kept.
const LINES: usize = 100;

/// Starts and stops containers.
#[derive(Debug)]
pub(super) struct Docker(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    setting: Setting,
    template: DockerTemplate,
    limits: Limits,
    engine: Engine,
}

impl Docker {
    pub(super) fn new(setting: &Setting, template: &DockerTemplate) -> Result<Self, ProviderError> {
        let limits = Limits::read(&template.limits)?;
        let engine = Engine::new(&template.socket, template.stop_timeout);
        Ok(Self(Arc::new(Plan { setting: setting.clone(), template: template.clone(), limits, engine })))
    }
}

impl Plan {
    async fn launch(&self, instance: &InstanceId) -> Result<Launched, ProviderError> {
        let id = self.create(instance).await?;
        let started = self.start(&id).await;
        if started.is_err() {
            self.remove(&id).await;
        }
        started.map(|address| Launched { handle: Handle(id.into()), address })
    }

    async fn create(&self, instance: &InstanceId) -> Result<String, ProviderError> {
        let attempt = format!("starting a container of `{}`", self.template.image);
        let body = body(&self.setting, &self.template, &self.limits, instance)
            .map_err(|reason| ProviderError::Launch { attempt: attempt.clone(), reason })?;
        match self.engine.create(&self.setting, instance, body.clone()).await {
            Err(error) if engine::is_missing(&error) => {
                self.engine.pull(&self.template.image).await.map_err(|error| error.launch(&attempt))?;
                self.engine.create(&self.setting, instance, body).await.map_err(|error| error.launch(&attempt))
            }
            created => created.map_err(|error| error.launch(&attempt)),
        }
    }

    async fn start(&self, id: &str) -> Result<Endpoint, ProviderError> {
        let attempt = format!("starting a container of `{}`", self.template.image);
        let fail = |reason: String| ProviderError::Launch { attempt: attempt.clone(), reason };
        let api = self.engine.api().await.map_err(|error| error.launch(&attempt))?;
        let started = api.start_container(id, None::<StartContainerOptions>).await;
        started.map_err(|error| engine::Failure::from(error).launch(&attempt))?;
        if let Ok(code) = tokio::time::timeout(SETTLE, self.engine.wait(id)).await {
            return Err(fail(self.outcome(id, code).await));
        }
        let inspected = api.inspect_container(id, None::<InspectContainerOptions>).await;
        let inspected = inspected.map_err(|error| engine::Failure::from(error).launch(&attempt))?;
        address(&self.template, &inspected).ok_or_else(|| fail("the engine told no address of it".to_owned()))
    }

    /// How a container ended, in one line, with its last lines.
    async fn outcome(&self, id: &str, code: Option<i64>) -> String {
        let lines = self.engine.log(id, TOLD).await;
        let mut reason = code.map_or_else(|| "it is not there".to_owned(), |code| format!("exited with code {code}"));
        if !lines.is_empty() {
            reason.push_str("; last lines: ");
            reason.push_str(&lines.join(" | "));
        }
        reason
    }

    /// Removes a container with whatever runs in it.
    async fn remove(&self, id: &str) {
        let Ok(api) = self.engine.api().await else { return };
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        match api.remove_container(id, Some(options)).await {
            Err(error) if !engine::is_gone(&error) => {
                warn!("group {}: container {id} could not be removed: {error}", self.setting.group);
            }
            _ => {}
        }
    }

    async fn list(&self) -> Result<Vec<Found>, engine::Failure> {
        let labels = vec![format!("{OWNER}={}", self.setting.owner), format!("{GROUP}={}", self.setting.group)];
        let filters = Some([("label".to_owned(), labels)].into());
        let options = ListContainersOptions { filters, all: true, ..ListContainersOptions::default() };
        let api = self.engine.api().await?;
        let mut found = Vec::new();
        for summary in api.list_containers(Some(options)).await? {
            let named = summary.labels.as_ref().and_then(|labels| InstanceId::from_text(labels.get(INSTANCE)?));
            let Some((instance, id)) = named.zip(summary.id.clone()) else { continue };
            match summary.state {
                Some(State::RUNNING | State::PAUSED) => {}
                // Nobody waited for its end. One that is being made is left alone.
                Some(State::EXITED | State::DEAD) => {
                    self.remove(&id).await;
                    continue;
                }
                _ => continue,
            }
            // An engine that lists no addresses of networks is asked again, for this one.
            let address = match published(&self.template, &summary) {
                Some(address) => Some(address),
                None => {
                    let inspected = api.inspect_container(&id, None::<InspectContainerOptions>).await;
                    inspected.ok().and_then(|inspected| address(&self.template, &inspected))
                }
            };
            let Some(address) = address else { continue };
            found.push(Found { instance, launched: Launched { handle: Handle(id.into()), address } });
        }
        Ok(found)
    }

    async fn stop(&self, id: &str) -> Result<(), engine::Failure> {
        let seconds = i32::try_from(self.template.stop_timeout.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(seconds), ..StopContainerOptions::default() };
        match self.engine.api().await?.stop_container(id, Some(options)).await {
            Err(error) if !engine::is_gone(&error) => return Err(error.into()),
            _ => {}
        }
        self.remove(id).await;
        Ok(())
    }

    async fn usage(&self, id: &str) -> Result<Usage, engine::Failure> {
        let options = StatsOptions { stream: false, one_shot: true };
        let api = self.engine.api().await?;
        let mut stats = std::pin::pin!(api.stats(id, Some(options)));
        let Some(stats) = stats.next().await else {
            return Err(engine::Failure::Silent);
        };
        Ok(container::usage(&stats?, &self.limits))
    }
}

impl Provider for Docker {
    fn launch<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, Result<Launched, ProviderError>> {
        let (plan, instance) = (Arc::clone(&self.0), instance.clone());
        let later = Arc::clone(&self.0);
        let undo = move |launched: Launched| {
            // Without a runtime nobody is left to do it: the next program finds it by listing.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { later.remove(&launched.handle.0).await });
            }
        };
        Box::pin(launch_or_undo(async move { plan.launch(&instance).await }, undo))
    }

    fn list(&self) -> Pending<'_, Result<Vec<Found>, ProviderError>> {
        Box::pin(async { self.0.list().await.map_err(|error| error.engine("listing containers")) })
    }

    fn ended<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Ended> {
        Box::pin(async move {
            let code = self.0.engine.wait(&handle.0).await;
            let reason = self.0.outcome(&handle.0, code).await;
            self.0.remove(&handle.0).await;
            Ended { reason }
        })
    }

    fn stop<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            self.0.stop(&handle.0).await.map_err(|error| error.engine(&format!("stopping container {handle}")))
        })
    }

    fn usage<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<Usage, ProviderError>> {
        Box::pin(async move {
            self.0.usage(&handle.0).await.map_err(|error| error.engine(&format!("measuring container {handle}")))
        })
    }

    fn log<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Vec<String>> {
        Box::pin(self.0.engine.log(&handle.0, LINES))
    }
}
