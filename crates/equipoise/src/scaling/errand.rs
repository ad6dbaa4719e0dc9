//! What hooks and alarms have done outside of this program: a command that is run, a page that is posted to. Both end in
//! time, and what they say is bounded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use equipoise_health::{Limits, Reach, fetch_by};
use equipoise_scale::provider::kept_environment;
use equipoise_stream::tls::{ClientTls, ClientTlsSettings, Trust};
use equipoise_stream::{Dial, TargetTls};
use equipoise_target::Endpoint;
use http::uri::Scheme;
use http::{Method, Request, Uri, header};
use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// What is kept of a command's output, or of an answer: enough for a message, too little to fill a memory.
const LONGEST_OUTPUT: usize = 1000;

/// How long output is waited for when a command has ended.
const DRAIN: Duration = Duration::from_millis(200);

/// Why an errand came to nothing, in one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrandError {
    #[error("there is no program to run")]
    Empty,
    #[error("{program} cannot be started: {source}")]
    Start { program: String, source: std::io::Error },
    #[error("{program} did not end within {limit:?}{output}")]
    TooLong { program: String, limit: Duration, output: Said },
    #[error("{program} ended with {status}{output}")]
    Status { program: String, status: std::process::ExitStatus, output: Said },
    #[error("{program} cannot be waited for: {source}")]
    Wait { program: String, source: std::io::Error },
    #[error("`{url}` is no http:// or https:// address")]
    Url { url: String },
    #[error("the address of {host} was not found")]
    Resolve { host: String },
    #[error("posting to {url}: {reason}")]
    Post { url: String, reason: String },
    #[error("{url} answered {status}{output}")]
    Answer { url: String, status: http::StatusCode, output: Said },
}

/// What was said, as the end of a message.
#[derive(Debug)]
pub(crate) struct Said(String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

impl Said {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self(text)
    }
}

/// Runs a program with its arguments and these variables, beside the few that instances get too. Dropping this ends the program
/// and what it started.
pub(crate) async fn run(
    command: &[PathBuf],
    variables: &BTreeMap<&'static str, String>,
    limit: Duration,
) -> Result<(), ErrandError> {
    let (program, arguments) = command.split_first().ok_or(ErrandError::Empty)?;
    let name = || program.display().to_string();
    let mut child = Command::new(program)
        .args(arguments)
        // Our own may hold secrets, which are none of its business.
        .env_clear()
        .envs(kept_environment())
        .envs(variables)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| ErrandError::Start { program: name(), source })?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let pipes = (child.stdout.take(), child.stderr.take());
    let ended = tokio::time::timeout(limit, async {
        let mut read = std::pin::pin!(async { tokio::join!(first(pipes.0, &mut out), first(pipes.1, &mut err)) });
        tokio::select! {
            _ = &mut read => child.wait().await,
            status = child.wait() => {
                // What it left in the background may hold its output open for ever.
                let _ = tokio::time::timeout(DRAIN, read).await;
                status
            }
        }
    })
    .await;
    // What it complains of says more than what it tells.
    let said = if err.is_empty() { out } else { err };
    if matches!(ended, Ok(Ok(_))) {
        // What it left in the background is its affair from now on.
        group.forget();
    }
    let output = |said: &[u8]| Said::of(said);
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(ErrandError::Status { program: name(), status, output: output(&said) }),
        Ok(Err(source)) => Err(ErrandError::Wait { program: name(), source }),
        Err(_) => Err(ErrandError::TooLong { program: name(), limit, output: output(&said) }),
    }
}

/// A program with all that it started, which is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The leader is a child that nobody has reaped yet, or its group is still in use: its id is nobody else's.
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

/// The beginning of what comes out of a pipe; the rest is read and forgotten, so that nobody waits for us.
async fn first(pipe: Option<impl tokio::io::AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let room = LONGEST_OUTPUT - kept.len();
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
}

/// Posts a JSON object. Any status of 200 to 299 is agreement.
pub(crate) async fn post(url: &str, body: serde_json::Value, limit: Duration) -> Result<(), ErrandError> {
    let bad = || ErrandError::Url { url: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or_else(bad)?;
    let tls = *scheme == Scheme::HTTPS;
    if !tls && *scheme != Scheme::HTTP {
        return Err(bad());
    }
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    // The brackets of an IPv6 address are the URL's, not the name's.
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let answered = tokio::time::timeout(limit, async {
        let address = resolve(host, port).await?;
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, authority.as_str().rsplit('@').next().unwrap_or_default())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|_| bad())?;
        let reach =
            Reach { dial: Dial { tls: tls.then(|| secured(host)).transpose()?, ..Dial::default() }, http2: false };
        let limits = Limits { time: limit, body: LONGEST_OUTPUT };
        let failed = |reason| ErrandError::Post { url: url.to_owned(), reason };
        fetch_by(&reach, address, request, limits).await.map_err(|error| failed(error.reason()))
    });
    let late = |_| ErrandError::Post { url: url.to_owned(), reason: format!("no answer within {limit:?}") };
    let answer = answered.await.map_err(late)??;
    let status = answer.head.status;
    if status.is_success() {
        return Ok(());
    }
    Err(ErrandError::Answer { url: url.to_owned(), status, output: Said::of(&answer.body) })
}

async fn resolve(host: &str, port: u16) -> Result<Endpoint, ErrandError> {
    let found = tokio::net::lookup_host((host, port)).await.ok().and_then(|mut found| found.next());
    found.map(Endpoint::from).ok_or_else(|| ErrandError::Resolve { host: host.to_owned() })
}

/// TLS with whoever the machine trusts under this name.
fn secured(host: &str) -> Result<TargetTls, ErrandError> {
    static CLIENT: OnceLock<Option<Arc<ClientTls>>> = OnceLock::new();
    let made = || {
        let settings = ClientTlsSettings { trust: Trust::Platform, identity: None, alpn: Vec::new() };
        ClientTls::new(settings).map(Arc::new).ok()
    };
    let failed = |reason: &str| ErrandError::Post { url: format!("https://{host}"), reason: reason.to_owned() };
    let client = CLIENT.get_or_init(made).clone().ok_or_else(|| failed("the machine's certificates cannot be read"))?;
    Ok(TargetTls { client, name: Some(host.parse().map_err(|_| failed("not a name that a certificate can have"))?) })
}

#[cfg(test)]
mod tests;
