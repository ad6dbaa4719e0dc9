//! Requests and rules for tests, written as text.

use std::time::Duration;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use equipoise_target::PluginName;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Action, Decision, Router, RouterSource, Rule, RuleSet};

/// An address that tests do not look at.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// A request head from `GET /path`, followed by lines of `name: value`.
#[track_caller]
pub(crate) fn head(text: &str) -> Parts {
    let mut lines = text.lines().map(str::trim);
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let request = lines.fold(http::Request::builder().method(method).uri(target), |request, line| {
        let (name, value) = line.split_once(':').unwrap();
        request.header(name, value.trim())
    });
    request.body(()).unwrap().into_parts().0
}

/// The fields of a head as lines, in the order of their names.
pub(crate) fn fields(head: &Parts) -> String {
    let mut lines: Vec<_> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.join("\n")
}

/// A value from the right-hand side of a TOML line.
pub(crate) fn read<T: DeserializeOwned>(value: &str) -> Result<T, toml::de::Error> {
    #[derive(Deserialize)]
    struct Line<T> {
        value: T,
    }
    toml::from_str::<Line<T>>(&format!("value = {value}")).map(|line| line.value)
}

/// What is said about a value that is refused, and the text that it is said of.
#[track_caller]
pub(crate) fn refusal<T: DeserializeOwned + fmt::Debug>(value: &str) -> (String, String) {
    let error = read::<T>(value).unwrap_err();
    let text = format!("value = {value}");
    (error.message().to_owned(), text[error.span().unwrap()].to_owned())
}

/// A router that always decides the same.
#[derive(Debug, Clone)]
pub(crate) struct Always(pub(crate) Decision);

impl Router for Always {
    fn route(&self, _: &mut Parts, _: IpAddr) -> Decision {
        self.0.clone()
    }
}

/// Routers by name.
#[derive(Debug, Default)]
pub(crate) struct Routers(pub(crate) BTreeMap<String, Arc<dyn Router>>);

impl RouterSource for Routers {
    fn router(&self, name: &PluginName) -> Option<Arc<dyn Router>> {
        self.0.get(name.as_str()).cloned()
    }
}

impl Routers {
    pub(crate) fn one(name: &str, decision: Decision) -> Self {
        Self(BTreeMap::from([(name.to_owned(), Arc::new(Always(decision)) as Arc<dyn Router>)]))
    }
}

/// The rules of a listener, as they stand in TOML.
#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) default: Action,
    #[serde(default)]
    pub(crate) rule: Vec<Rule>,
}

#[track_caller]
pub(crate) fn listener(text: &str) -> Listener {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub(crate) fn rules(text: &str, routers: &Routers) -> RuleSet {
    let Listener { default, rule } = listener(text);
    RuleSet::build(&rule, &default, routers).unwrap()
}

/// Longest time that a rule may take for the longest value. The build that tests are of is slower by this factor.
pub(crate) const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 25 } else { 1 });

/// What `work` costs this thread, at best of a few times: others use the machine too.
pub(crate) fn cost(work: impl Fn()) -> Duration {
    let spent = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let one = || match (spent(), work(), spent()) {
        (Some(before), (), Some(after)) => after - before,
        _ => Duration::ZERO, // only Linux tells
    };
    (0..5).map(|_| one()).min().unwrap_or_default()
}
