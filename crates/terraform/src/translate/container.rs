//! Container definitions of a task: JSON in a text.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Value as Toml;

use super::script::Started;
use super::template::Launch;
use crate::NoteKind;
use crate::view::View;

/// What a task definition says of the container `wanted`, or of its first one.
pub(super) fn launch(task: &View<'_>, origin: &str, wanted: Option<&str>) -> Launch {
    let (json, _) = task.raw("container_definitions").map(|json| json.in_template()).unwrap_or_default();
    let containers = match serde_json::from_str(&json) {
        Ok(Value::Array(containers)) => containers,
        _ => {
            task.note("container_definitions", NoteKind::Complete, "not known: name the program that instances run");
            return Launch { source: format!("{origin}, whose containers are not known"), ..Launch::default() };
        }
    };
    let name = |container: &Value| container["name"].as_str().map(str::to_owned);
    let is_wanted = |container: &&Value| wanted.is_none() || name(container).as_deref() == wanted;
    let Some(container) = containers.iter().find(is_wanted).or_else(|| containers.first()) else {
        task.note(
            "container_definitions",
            NoteKind::Complete,
            "there is no container: name the program that instances run",
        );
        return Launch { source: format!("{origin}, which holds no container"), ..Launch::default() };
    };
    for other in containers.iter().filter(|other| !std::ptr::eq(*other, container)) {
        let message = format!("container `{}`: an instance is one program", name(other).unwrap_or_default());
        task.note("container_definitions", NoteKind::Left, message);
    }
    task.note(
        "container_definitions",
        NoteKind::Complete,
        "the program that instances run: complete the `command` that was made of it",
    );
    leftovers(task, container);
    for secret in pairs(&container["secrets"], "valueFrom").keys() {
        let message = format!("secrets: put `{secret}` into a file, and name it in `environment-files`");
        task.note("container_definitions", NoteKind::Complete, message);
    }
    let list = |name: &str| texts(&container[name]);
    let command = [list("entryPoint"), list("command")].concat();
    let script = container["image"].as_str().map_or_else(String::new, |image| format!("image {image}"));
    Launch {
        started: Started {
            command,
            environment: pairs(&container["environment"], "value"),
            image: container["image"].as_str().map(str::to_owned),
        },
        source: format!("container `{}` of {origin}", name(container).unwrap_or_default()),
        script,
        secrets: pairs(&container["secrets"], "valueFrom"),
        limits: limits(task, container),
        stop_timeout: container["stopTimeout"].as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
        port: None,
    }
}

/// The port that the container listens on.
pub(super) fn port(task: &View<'_>) -> Option<u32> {
    let json = task.raw("container_definitions")?.in_template().0;
    let containers: Value = serde_json::from_str(&json).ok()?;
    containers[0]["portMappings"][0]["containerPort"].as_u64().and_then(|port| u32::try_from(port).ok())
}

fn leftovers(task: &View<'_>, container: &Value) {
    const KNOWN: [&str; 14] = [
        "name",
        "image",
        "essential",
        "portMappings",
        "entryPoint",
        "command",
        "environment",
        "secrets",
        "cpu",
        "memory",
        "memoryReservation",
        "stopTimeout",
        "ulimits",
        "logConfiguration",
    ];
    for (key, value) in container.as_object().into_iter().flatten() {
        let empty = matches!(value, Value::Null | Value::Bool(false)) || value.as_array().is_some_and(Vec::is_empty);
        let why = match key.as_str() {
            key if empty || KNOWN.contains(&key) => continue,
            "healthCheck" => "the target group's health check says whether it is healthy",
            "workingDirectory" => "set `folder`",
            "user" => "set `user`",
            _ => "it has no counterpart",
        };
        task.note("container_definitions", NoteKind::Left, format!("{key}: {why}"));
    }
    if !container["logConfiguration"].is_null() {
        task.note(
            "container_definitions",
            NoteKind::Left,
            "logConfiguration: an instance's last lines are kept, `log-lines`",
        );
    }
}

/// What the whole task may use, or else the container.
fn limits(task: &View<'_>, container: &Value) -> Vec<(&'static str, Toml)> {
    let of = |name: &str| task.number(name).or_else(|| container[name].as_f64()).filter(|number| *number > 0.0);
    let mut limits = Vec::new();
    // A task's processors are counted in parts of 1,024.
    limits.extend(of("cpu").map(|cpu| ("cpu", Toml::from(cpu / 1024.0))));
    let memory = of("memory").or_else(|| container["memoryReservation"].as_f64());
    limits.extend(memory.map(|memory| ("memory", Toml::from(format!("{}MiB", memory.max(1.0).round())))));
    let files = container["ulimits"].as_array().into_iter().flatten().find(|limit| limit["name"] == "nofile");
    limits.extend(files.and_then(|files| files["softLimit"].as_i64()).map(|files| ("open-files", Toml::from(files))));
    limits
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn pairs(value: &Value, of: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pair = |item: &Value| Some((item["name"].as_str()?.to_owned(), text(&item[of])));
    let is_name = |(name, _): &(String, String)| !name.is_empty() && !name.contains(['=', '\0']);
    value.as_array().into_iter().flatten().filter_map(pair).filter(is_name).collect()
}
