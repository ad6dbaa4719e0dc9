//! Picks a target group by the client's country.
//!
//! The country comes from a header field that something in front of us has set (a content delivery network, another
//! balancer), or from `?country=` for trying it out.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

wit_bindgen::generate!({ path: "../../wit", world: "router" });

use equipoise::plugin::request;
use equipoise::plugin::types::{Field, HeaderEdit};
use exports::equipoise::plugin::configuration::Guest as Configuration;
use exports::equipoise::plugin::routing::{Action, Decision, Guest as Routing};

/// `config = { … }` of the plugin, all of it optional.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Config {
    /// Field that names the country, in lower case.
    header: String,
    /// Country when there is none.
    default_country: String,
    /// Target group of each country; others continue with the rule.
    groups: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { header: "x-country".into(), default_country: "unknown".into(), groups: BTreeMap::new() }
    }
}

static CONFIG: OnceLock<Config> = OnceLock::new();

struct GeoRouter;
export!(GeoRouter);

impl Configuration for GeoRouter {
    fn configure(config: String) -> Result<(), String> {
        let config = serde_json::from_str(&config).map_err(|error| error.to_string())?;
        let _ = CONFIG.set(config);
        Ok(())
    }
}

impl Routing for GeoRouter {
    fn route() -> Decision {
        let config = CONFIG.get_or_init(Config::default);
        let country = country(config);
        let action = match config.groups.get(&country) {
            Some(group) => Action::Forward(group.clone()),
            None => Action::Continue,
        };
        Decision {
            action,
            request_edits: vec![set("x-geo-country", country)],
            response_edits: vec![set("x-routed-by", "geo-router/rust".to_owned())],
            path: None,
            host: None,
        }
    }
}

/// The client's country in lower case.
fn country(config: &Config) -> String {
    let from_header = request::header(&config.header).and_then(|value| String::from_utf8(value).ok());
    match from_header.or_else(country_of_query) {
        Some(mut country) if !country.is_empty() && country.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            country.make_ascii_lowercase();
            country
        }
        _ => config.default_country.clone(),
    }
}

fn country_of_query() -> Option<String> {
    let query = request::query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("country=")).map(str::to_owned)
}

fn set(name: &str, value: String) -> HeaderEdit {
    HeaderEdit::Set(Field { name: name.to_owned(), value: value.into_bytes() })
}
