//! Asks the todo service how it is, and believes what it says rather than that it says something: a service whose port
//! is open while its storage is gone is not healthy.

use std::cell::RefCell;

use serde::Deserialize;

wit_bindgen::generate!({ path: "../../wit", world: "health-check" });

use equipoise::plugin::http::{self, Request};
use exports::equipoise::plugin::checking::{Guest as Checking, Target, Verdict};
use exports::equipoise::plugin::configuration::Guest as Configuration;

/// `config = { … }` of the plugin, all of it optional.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Config {
    path: String,
    /// Field of the JSON answer that must hold `expected`.
    field: String,
    expected: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "/api/v1/health".into(), field: "status".into(), expected: "healthy".into() }
    }
}

thread_local! {
    static CONFIG: RefCell<Config> = RefCell::default();
}

struct TodoHealth;
export!(TodoHealth);

impl Configuration for TodoHealth {
    fn configure(config: String) -> Result<(), String> {
        let config: Config = serde_json::from_str(&config).map_err(|error| error.to_string())?;
        if !config.path.starts_with('/') {
            return Err("`path` must start with `/`".into());
        }
        CONFIG.set(config);
        Ok(())
    }
}

impl Checking for TodoHealth {
    fn check(_: Target) -> Verdict {
        let config = CONFIG.with_borrow(Config::clone);
        let request =
            Request { method: "GET".into(), path: config.path.clone(), headers: Vec::new(), body: Vec::new() };
        match http::send(&request) {
            Ok(answer) => judge(&config, answer.status, &answer.body),
            Err(reason) => Verdict::Unhealthy(reason),
        }
    }
}

fn judge(config: &Config, status: u16, body: &[u8]) -> Verdict {
    let answer: serde_json::Value = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(_) => return Verdict::Unhealthy(format!("status {status}, and the body is not JSON")),
    };
    match answer.get(&config.field).and_then(serde_json::Value::as_str) {
        Some(value) if value == config.expected && (200..300).contains(&status) => Verdict::Healthy,
        Some(value) => {
            let why = answer.get("reason").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
            Verdict::Unhealthy(format!("status {status}, `{}` is `{value}`: {why}", config.field))
        }
        None => Verdict::Unhealthy(format!("status {status}, and the answer has no text in `{}`", config.field)),
    }
}
