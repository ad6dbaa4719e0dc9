//! Instances of any engine, by four programs: one that launches, one that lists, one that describes, one that stops.
//! `deploy/providers/local` holds a set to begin with.

mod program;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tracing::warn;

use self::program::Program;
use super::unclaimed::launch_or_undo;
use super::{Ended, Found, Handle, Launched, Pending, Provider, ProviderError, Setting, Usage};
use crate::{CommandTemplate, InstanceId};

/// How much of an answer is shown that was not understood.
const SHOWN: usize = 200;

/// What `launch` writes.
#[derive(Debug, Deserialize)]
struct LaunchAnswer {
    handle: Handle,
    address: String,
}

/// What `list` writes for each instance.
#[derive(Debug, Deserialize)]
struct ListAnswer {
    instance: String,
    handle: Handle,
    address: String,
}

/// What `describe` writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DescribeAnswer {
    running: bool,
    reason: Option<String>,
    cpu_seconds: Option<f64>,
    memory: Option<u64>,
}

/// Asks four programs.
#[derive(Debug)]
pub(super) struct Commands(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    setting: Setting,
    template: CommandTemplate,
}

impl Commands {
    pub(super) fn new(setting: &Setting, template: &CommandTemplate) -> Result<Self, ProviderError> {
        let four = [&template.launch, &template.list, &template.describe, &template.stop];
        if four.into_iter().any(|words| words.first().is_none_or(String::is_empty)) {
            let attempt = "reading the launch template".to_owned();
            let reason = "`launch`, `list`, `describe` and `stop` each name a program".to_owned();
            return Err(ProviderError::Launch { attempt, reason });
        }
        Ok(Self(Arc::new(Plan { setting: setting.clone(), template: template.clone() })))
    }
}

impl Plan {
    async fn run(&self, words: &[String], about: Option<(&str, &str)>) -> Result<Vec<u8>, ProviderError> {
        let program = Program { setting: &self.setting, template: &self.template, words, about };
        let failed = |reason| ProviderError::Engine { attempt: program.attempt(), reason };
        program.run().await.map_err(failed)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        words: &[String],
        about: Option<(&str, &str)>,
    ) -> Result<T, ProviderError> {
        let output = self.run(words, about).await?;
        read(&output).map_err(|reason| ProviderError::Engine { attempt: program::attempt(words), reason })
    }

    async fn launch(&self, instance: &InstanceId) -> Result<Launched, ProviderError> {
        let about = Some(("EQUIPOISE_INSTANCE", instance.as_str()));
        let launched = self.ask(&self.template.launch, about).await.and_then(|answer: LaunchAnswer| {
            let address = address(&self.template.launch, &answer.address)?;
            Ok(Launched { handle: answer.handle, address })
        });
        if launched.is_err() {
            self.clear(instance).await;
        }
        launched
    }

    /// A program that failed or was cut short may have launched something all the same.
    async fn clear(&self, instance: &InstanceId) {
        let Ok(found) = self.list().await else { return };
        for found in found.iter().filter(|found| found.instance == *instance) {
            self.stop(&found.launched.handle).await;
        }
    }

    async fn list(&self) -> Result<Vec<Found>, ProviderError> {
        let answers: Vec<ListAnswer> = self.ask(&self.template.list, None).await?;
        let found = |answer: ListAnswer| {
            let Some(instance) = InstanceId::from_text(&answer.instance) else {
                let reason = format!("`{}` is not the name of an instance", cut(&answer.instance));
                return Err(ProviderError::Engine { attempt: program::attempt(&self.template.list), reason });
            };
            let address = address(&self.template.list, &answer.address)?;
            Ok(Found { instance, launched: Launched { handle: answer.handle, address } })
        };
        answers.into_iter().map(found).collect()
    }

    async fn describe(&self, handle: &Handle) -> Result<DescribeAnswer, ProviderError> {
        self.ask(&self.template.describe, Some(("EQUIPOISE_HANDLE", &handle.0))).await
    }

    /// Stops what nobody wants any more; who could not be told is.
    async fn stop(&self, handle: &Handle) {
        if let Err(error) = self.run(&self.template.stop, Some(("EQUIPOISE_HANDLE", &handle.0))).await {
            warn!("group {}: an instance that was given up may still run: {error}", self.setting.group);
        }
    }
}

impl Provider for Commands {
    fn launch<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, Result<Launched, ProviderError>> {
        let (plan, instance) = (Arc::clone(&self.0), instance.clone());
        let later = Arc::clone(&self.0);
        let undo = move |launched: Launched| {
            // Without a runtime nobody is left to do it: the next program finds it by listing.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { later.stop(&launched.handle).await });
            }
        };
        Box::pin(launch_or_undo(async move { plan.launch(&instance).await }, undo))
    }

    fn list(&self) -> Pending<'_, Result<Vec<Found>, ProviderError>> {
        Box::pin(self.0.list())
    }

    fn ended<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Ended> {
        Box::pin(async move {
            loop {
                match self.0.describe(handle).await {
                    Ok(DescribeAnswer { running: false, reason, .. }) => {
                        return Ended { reason: reason.unwrap_or_else(|| "it is not running".to_owned()) };
                    }
                    Ok(_) => {}
                    // That the engine cannot be asked says nothing about the instance.
                    Err(error) => warn!("group {}: {error}", self.0.setting.group),
                }
                sleep(self.0.template.interval).await;
            }
        })
    }

    fn stop<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let about = Some(("EQUIPOISE_HANDLE", &*handle.0));
            self.0.run(&self.0.template.stop, about).await.map(drop)
        })
    }

    fn usage<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<Usage, ProviderError>> {
        Box::pin(async move {
            let answer = self.0.describe(handle).await?;
            if !answer.running {
                let reason = answer.reason.unwrap_or_else(|| "it is not running".to_owned());
                return Err(ProviderError::Engine { attempt: format!("measuring {handle}"), reason });
            }
            let cpu = answer.cpu_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Ok(Usage { cpu, processors: 1.0, memory: answer.memory, ..Usage::default() })
        })
    }

    fn log<'a>(&'a self, _: &'a Handle) -> Pending<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
}

fn read<T: DeserializeOwned>(output: &[u8]) -> Result<T, String> {
    serde_json::from_slice(output).map_err(|error| {
        let text = String::from_utf8_lossy(output);
        match text.trim() {
            "" => "it wrote nothing to its output".to_owned(),
            text => format!("it wrote `{}`: {error}", cut(text)),
        }
    })
}

fn address(words: &[String], text: &str) -> Result<equipoise_target::Endpoint, ProviderError> {
    text.parse().map_err(|error| ProviderError::Engine {
        attempt: program::attempt(words),
        reason: format!("its address `{}` is {error}", cut(text)),
    })
}

/// What is short enough, and free of control characters.
fn cut(text: &str) -> String {
    text.chars().take(SHOWN).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
