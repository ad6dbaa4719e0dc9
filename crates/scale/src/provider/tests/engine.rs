//! A Docker engine that is none: the part of its API that is used here, over a Unix socket, with processes of this machine
//! for containers.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::stage::alive;
use crate::InstanceId;

/// The one port that nothing listens on, from which the ports of containers are counted.
const FIRST_PORT: u16 = 40_000;

/// An engine. It ends, with its containers, when it is dropped.
#[derive(Clone)]
pub(super) struct MockEngine(Arc<State>);

struct State {
    folder: PathBuf,
    containers: Mutex<BTreeMap<String, Container>>,
    images: Mutex<BTreeSet<String>>,
    /// Every request as `METHOD /path?query`, with its body.
    pub(super) asked: Mutex<Vec<(String, Value)>>,
}

#[derive(Clone)]
struct Container {
    body: Value,
    name: String,
    port: u16,
    pid: Option<Pid>,
    /// The exit code, once it has ended.
    code: watch::Receiver<Option<i64>>,
    ended: Arc<watch::Sender<Option<i64>>>,
}

impl Drop for State {
    fn drop(&mut self) {
        for container in self.containers.lock().unwrap().values() {
            container.signal(Signal::KILL);
        }
    }
}

impl Container {
    fn runs(&self) -> bool {
        self.pid.is_some() && self.code.borrow().is_none()
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid.filter(|_| self.runs()) {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }

    async fn wait(&self) -> i64 {
        let mut code = self.code.clone();
        let code = *code.wait_for(Option::is_some).await.unwrap();
        code.unwrap()
    }

    fn port_key(&self) -> String {
        let ports = self.body["ExposedPorts"].as_object();
        ports.and_then(|ports| ports.keys().next().cloned()).unwrap_or_default()
    }

    fn inspected(&self, id: &str) -> Value {
        let published = json!([{ "HostIp": "127.0.0.1", "HostPort": self.port.to_string() }]);
        let network = self.body["HostConfig"]["NetworkMode"].as_str();
        let networks = network.map_or(json!({}), |network| json!({ network: { "IPAddress": "172.18.0.7" } }));
        let ports = if network.is_some() { json!({}) } else { json!({ self.port_key(): published }) };
        json!({ "Id": id, "NetworkSettings": { "Ports": ports, "Networks": networks } })
    }

    fn summary(&self, id: &str) -> Value {
        let port = self.port_key().trim_end_matches("/tcp").parse::<u16>().unwrap_or(0);
        let published = json!({ "IP": "127.0.0.1", "PrivatePort": port, "PublicPort": self.port, "Type": "tcp" });
        let ports = if self.body["HostConfig"]["NetworkMode"].is_string() { json!([]) } else { json!([published]) };
        let state = if self.runs() { "running" } else { "exited" };
        json!({ "Id": id, "Labels": self.body["Labels"], "State": state, "Ports": ports })
    }
}

impl MockEngine {
    pub(super) async fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let state = Arc::new(State {
            folder: socket.with_extension("containers"),
            containers: Mutex::default(),
            images: Mutex::new(BTreeSet::from(["todo:1".to_owned()])),
            asked: Mutex::default(),
        });
        std::fs::create_dir(&state.folder).unwrap();
        let serving = Arc::downgrade(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(state) = serving.upgrade() else { break };
                let service = service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(answer(&state, request).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self(state)
    }

    /// What was asked, of requests that begin like this, with their bodies.
    pub(super) fn asked(&self, beginning: &str) -> Vec<(String, Value)> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().filter(|(line, _)| line.starts_with(beginning)).cloned().collect()
    }

    /// How many containers there are, running or not.
    pub(super) fn containers(&self) -> usize {
        self.0.containers.lock().unwrap().len()
    }
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let body = Full::new(body.into());
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

fn tell(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    reply(status, json!({ "message": message }).to_string())
}

async fn answer(state: &Arc<State>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = parts.uri.path();
    // `/v1.47/containers/…`: the version goes first, if there is one.
    let path = path.strip_prefix("/v1.").and_then(|path| path.find('/').map(|at| &path[at..])).unwrap_or(path);
    let query: BTreeMap<String, String> = parts.uri.query().unwrap_or("").split('&').filter_map(pair).collect();
    let line = format!("{} {path}?{}", parts.method, parts.uri.query().unwrap_or(""));
    state.asked.lock().unwrap().push((line, body.clone()));
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (&parts.method, words.as_slice()) {
        (&Method::GET, ["version"]) => {
            reply(StatusCode::OK, json!({ "ApiVersion": "1.47", "MinAPIVersion": "1.24" }).to_string())
        }
        (&Method::POST, ["images", "create"]) => pull(state, &query),
        (&Method::POST, ["containers", "create"]) => create(state, &query, body),
        (&Method::GET, ["containers", "json"]) => list(state, &query),
        (method, ["containers", id, rest @ ..]) => {
            let container = state.containers.lock().unwrap().get(*id).cloned();
            let Some(container) = container else {
                return tell(StatusCode::NOT_FOUND, &format!("No such container: {id}"));
            };
            of_container(state, method, (id, &container), rest, &query).await
        }
        _ => tell(StatusCode::NOT_FOUND, "page not found"),
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let mut decoded = Vec::new();
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    Some((name.to_owned(), String::from_utf8(decoded).ok()?))
}

fn pull(state: &State, query: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
    let image = query["fromImage"].clone();
    if image.starts_with("missing") {
        return tell(StatusCode::NOT_FOUND, &format!("manifest for {image} not found"));
    }
    state.images.lock().unwrap().insert(image);
    reply(StatusCode::OK, "{\"status\":\"Pulling\"}\n{\"status\":\"Done\"}\n")
}

fn create(state: &State, query: &BTreeMap<String, String>, body: Value) -> Response<Full<Bytes>> {
    let image = body["Image"].as_str().unwrap_or("");
    let tagged =
        if image.rsplit('/').next().unwrap().contains(':') { image.to_owned() } else { format!("{image}:latest") };
    if !state.images.lock().unwrap().contains(&tagged) {
        return tell(StatusCode::NOT_FOUND, &format!("No such image: {image}"));
    }
    let mut containers = state.containers.lock().unwrap();
    let name = query["name"].clone();
    if containers.values().any(|container| container.name == name) {
        return tell(StatusCode::CONFLICT, "the container name is already in use");
    }
    let id = format!("{:064x}", fastrand::u64(..));
    let port = FIRST_PORT + u16::try_from(containers.len()).unwrap();
    let (ended, code) = watch::channel(None);
    containers.insert(id.clone(), Container { body, name, port, pid: None, code, ended: Arc::new(ended) });
    reply(StatusCode::CREATED, json!({ "Id": id, "Warnings": [] }).to_string())
}

fn list(state: &State, query: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
    let filters: Value = query.get("filters").map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let wanted = |container: &Container| {
        let labels = filters["label"].as_array().cloned().unwrap_or_default();
        labels.iter().all(|label| {
            let (name, value) = label.as_str().unwrap().split_once('=').unwrap();
            container.body["Labels"][name] == *value
        })
    };
    let all = query.get("all").is_some_and(|all| all == "true");
    let containers = state.containers.lock().unwrap();
    let listed = containers.iter().filter(|(_, container)| wanted(container) && (all || container.runs()));
    reply(StatusCode::OK, Value::Array(listed.map(|(id, container)| container.summary(id)).collect()).to_string())
}

async fn of_container(
    state: &Arc<State>,
    method: &Method,
    (id, container): (&str, &Container),
    rest: &[&str],
    query: &BTreeMap<String, String>,
) -> Response<Full<Bytes>> {
    match (method, rest) {
        (&Method::POST, ["start"]) => run(state, id, container),
        (&Method::POST, ["stop"]) => {
            if !container.runs() {
                return reply(StatusCode::NOT_MODIFIED, "");
            }
            container.signal(Signal::TERM);
            let seconds = query["t"].parse().unwrap();
            if timeout(Duration::from_secs(seconds), container.wait()).await.is_err() {
                container.signal(Signal::KILL);
                container.wait().await;
            }
            reply(StatusCode::NO_CONTENT, "")
        }
        (&Method::POST, ["wait"]) => reply(StatusCode::OK, json!({ "StatusCode": container.wait().await }).to_string()),
        (&Method::DELETE, []) => {
            container.signal(Signal::KILL);
            if container.pid.is_some() {
                container.wait().await;
            }
            state.containers.lock().unwrap().remove(id);
            reply(StatusCode::NO_CONTENT, "")
        }
        (&Method::GET, ["json"]) => reply(StatusCode::OK, container.inspected(id).to_string()),
        (&Method::GET, ["stats"]) => reply(StatusCode::OK, stats(container).to_string()),
        (&Method::GET, ["logs"]) => reply(StatusCode::OK, logs(&state.folder.join(id))),
        _ => tell(StatusCode::NOT_FOUND, "page not found"),
    }
}

fn run(state: &Arc<State>, id: &str, container: &Container) -> Response<Full<Bytes>> {
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let words = strings(&container.body["Cmd"]);
    let log = std::fs::File::create(state.folder.join(id)).unwrap();
    let mut command = tokio::process::Command::new(&words[0]);
    command.args(&words[1..]).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).process_group(0);
    for variable in strings(&container.body["Env"]) {
        let (name, value) = variable.split_once('=').unwrap();
        command.env(name, value);
    }
    command.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
    let Ok(mut child) = command.spawn() else {
        return tell(StatusCode::BAD_REQUEST, "exec: executable file not found in $PATH");
    };
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).unwrap()));
    state.containers.lock().unwrap().get_mut(id).unwrap().pid = pid;
    let ended = Arc::clone(&container.ended);
    let instance = strings(&container.body["Env"])
        .iter()
        .find_map(|it| InstanceId::from_text(it.strip_prefix("EQUIPOISE_INSTANCE=")?));
    tokio::spawn(async move {
        let status = child.wait().await.unwrap();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        // What is in a container ends with its first process.
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        // Killed is not gone yet.
        if let Some(instance) = &instance {
            while !alive(instance).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        ended.send_replace(Some(i64::from(code)));
    });
    reply(StatusCode::NO_CONTENT, "")
}

fn stats(container: &Container) -> Value {
    let pid = container.pid.map_or(0, |pid| pid.as_raw_nonzero().get());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<u64> =
        stat.rsplit(')').next().unwrap().split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    let field = |at: usize| fields.get(at).copied().unwrap_or(0);
    json!({
        "cpu_stats": { "cpu_usage": { "total_usage": (field(12) + field(13)) * 10_000_000 } },
        "memory_stats": { "usage": field(22) * 4096 + 1000, "stats": { "inactive_file": 1000 } },
        "networks": { "eth0": { "rx_bytes": 5, "tx_bytes": 7 }, "eth1": { "rx_bytes": 1, "tx_bytes": 2 } },
    })
}

/// One frame of standard output: a header of eight bytes, and what was written.
fn logs(path: &Path) -> Vec<u8> {
    let written = std::fs::read(path).unwrap_or_default();
    let mut frame = vec![1, 0, 0, 0];
    frame.extend(u32::try_from(written.len()).unwrap().to_be_bytes());
    frame.extend(written);
    frame
}
