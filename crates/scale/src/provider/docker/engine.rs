//! The engine's API, as far as it is the same for every container.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, CreateImageOptions, LogsOptions, WaitContainerOptions};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt as _;
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::InstanceId;
use crate::provider::{ProviderError, Setting, output};

/// How long the engine may take to answer, beside what it is asked to wait for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before an engine that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// An engine that is connected to when it is first needed.
#[derive(Debug)]
pub(super) struct Engine {
    socket: PathBuf,
    patience: Duration,
    api: OnceCell<Docker>,
}

/// Why the engine did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// It said so, or could not be reached.
    Api(Error),
    /// It answered nothing.
    Silent,
    /// Its socket is not there or may not be used.
    Unreachable(PathBuf, Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

impl Failure {
    fn reason(self) -> String {
        match self {
            Self::Api(Error::DockerResponseServerError { status_code, message }) => {
                format!("the engine answered {status_code}: {}", message.trim())
            }
            Self::Api(error) => error.to_string(),
            Self::Silent => "the engine answered nothing".to_owned(),
            Self::Unreachable(socket, error) => format!("no engine at {}: {error}", socket.display()),
        }
    }

    pub(super) fn engine(self, attempt: &str) -> ProviderError {
        ProviderError::Engine { attempt: attempt.to_owned(), reason: self.reason() }
    }

    pub(super) fn launch(self, attempt: &str) -> ProviderError {
        ProviderError::Launch { attempt: attempt.to_owned(), reason: self.reason() }
    }
}

/// Whether an image is not there.
pub(super) fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::Api(Error::DockerResponseServerError { status_code: 404, .. }))
}

/// Whether a container is gone, has ended, or is being removed.
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 304 | 404 | 409, .. })
}

impl Engine {
    pub(super) fn new(socket: &Path, stop_timeout: Duration) -> Self {
        Self { socket: socket.to_owned(), patience: PATIENCE + stop_timeout, api: OnceCell::new() }
    }

    /// The API, in the newest version that both sides speak.
    pub(super) async fn api(&self) -> Result<&Docker, Failure> {
        let connect = || async {
            let unreachable = |error| Failure::Unreachable(self.socket.clone(), error);
            let socket = self.socket.to_string_lossy();
            let api = Docker::connect_with_unix(&socket, self.patience.as_secs(), API_DEFAULT_VERSION);
            api.map_err(unreachable)?.negotiate_version().await.map_err(unreachable)
        };
        self.api.get_or_try_init(connect).await
    }

    pub(super) async fn create(
        &self,
        setting: &Setting,
        instance: &InstanceId,
        body: ContainerCreateBody,
    ) -> Result<String, Failure> {
        let name = format!("equipoise-{}-{instance}", setting.group);
        let options = CreateContainerOptions { name: Some(name), ..CreateContainerOptions::default() };
        Ok(self.api().await?.create_container(Some(options), body).await?.id)
    }

    /// Pulls an image; one without a tag or a digest is `latest`, never all of them.
    pub(super) async fn pull(&self, image: &str) -> Result<(), Failure> {
        let last = image.rsplit('/').next().unwrap_or(image);
        let image = if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") };
        let options = CreateImageOptions { from_image: Some(image), ..CreateImageOptions::default() };
        let api = self.api().await?;
        let mut steps = std::pin::pin!(api.create_image(Some(options), None, None));
        while let Some(step) = steps.next().await {
            step?;
        }
        Ok(())
    }

    /// Waits for a container's end; gives its exit code, or `None` when there is no such container. An engine that is
    /// restarted meanwhile is asked again.
    pub(super) async fn wait(&self, id: &str) -> Option<i64> {
        loop {
            if let Ok(api) = self.api().await {
                let options = WaitContainerOptions { condition: "not-running".to_owned() };
                let mut answers = std::pin::pin!(api.wait_container(id, Some(options)));
                match answers.next().await {
                    Some(Ok(answer)) => return Some(answer.status_code),
                    Some(Err(Error::DockerContainerWaitError { code, .. })) => return Some(code),
                    Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => return None,
                    Some(Err(_)) | None => {}
                }
            }
            sleep(AGAIN).await;
        }
    }

    /// A container's last lines; none when they cannot be had.
    pub(super) async fn log(&self, id: &str, lines: usize) -> Vec<String> {
        let Ok(api) = self.api().await else { return Vec::new() };
        let options = LogsOptions { stdout: true, stderr: true, tail: lines.to_string(), ..LogsOptions::default() };
        let mut parts = std::pin::pin!(api.logs(id, Some(options)));
        let mut written = Vec::new();
        while let Some(Ok(part)) = parts.next().await {
            written.extend_from_slice(&part.into_bytes());
        }
        output::last_lines(&written, lines)
    }
}
