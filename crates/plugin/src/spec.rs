//! What a plugin is asked to be.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use equipoise_target::PluginName;

/// The question that a plugin answers: one world of `wit/` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum World {
    /// Where does a request go?
    Router,
    /// Which target takes a request?
    Balancer,
    /// Is a target healthy?
    HealthCheck,
}

impl World {
    /// Every world that this version speaks.
    pub const ALL: [Self; 3] = [Self::Router, Self::Balancer, Self::HealthCheck];

    /// The name in `wit/` and in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Balancer => "balancer",
            Self::HealthCheck => "health-check",
        }
    }

    /// The interface that a component of this world exports, and no other does.
    pub(crate) fn export(self) -> &'static str {
        match self {
            Self::Router => "routing",
            Self::Balancer => "balancing",
            Self::HealthCheck => "checking",
        }
    }

    /// Interfaces that every plugin of this world may import without a grant.
    pub(crate) fn own_imports(self) -> &'static [&'static str] {
        match self {
            Self::Router => &["types", "request"],
            Self::Balancer => &["types", "request", "targets"],
            Self::HealthCheck => &["types", "http", "tcp"],
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a world: use `router`, `balancer` or `health-check`")]
pub struct UnknownWorld {
    /// The refused text.
    pub text: String,
}

impl FromStr for World {
    type Err = UnknownWorld;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|world| world.as_str() == text)
            .ok_or_else(|| UnknownWorld { text: text.chars().take(64).collect() })
    }
}

/// What a plugin may do beyond its world; denied unless granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// `equipoise:plugin/log`: lines in the balancer's log.
    Log,
    /// `equipoise:plugin/clock` and `wasi:clocks`: time.
    Clock,
    /// `equipoise:plugin/random` and `wasi:random`: randomness.
    Random,
}

impl Capability {
    /// Every capability that this version can grant.
    pub const ALL: [Self; 3] = [Self::Log, Self::Clock, Self::Random];

    /// The name in `wit/` and in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Random => "random",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == name)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a request, or to a target, when the plugin fails (a trap, a loop, a bad answer) or rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fallback {
    /// As if the plugin were not there: a router continues with the rule, a balancer picks round robin, a health check
    /// says nothing about the target.
    #[default]
    Continue,
    /// A router refuses the request, a balancer picks nobody, a health check fails the target.
    Refuse,
}

/// How much a plugin may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest call, by the wall clock and rounded up to the next half millisecond; waiting inside host functions counts.
    pub time: Duration,
    /// Largest sum of an instance's memories and tables, in bytes.
    pub memory: u64,
}

impl Limits {
    /// Fits small guests: 10 ms for a router or balancer and 5 s for a health check, 16 MiB.
    #[must_use]
    pub fn of(world: World) -> Self {
        let time = match world {
            World::Router | World::Balancer => Duration::from_millis(10),
            World::HealthCheck => Duration::from_secs(5),
        };
        Self { time, memory: 16 << 20 }
    }
}

/// Everything that makes one loaded plugin. Two equal specs give the same plugin, so a caller may keep the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSpec {
    /// The name that configuration, log and metrics use.
    pub name: PluginName,
    /// The component's bytes.
    pub component: Vec<u8>,
    /// The question that it must answer.
    pub world: World,
    /// What it may take.
    pub limits: Limits,
    /// What happens when it fails.
    pub fallback: Fallback,
    /// JSON text that its `configure` gets.
    pub config: String,
    /// What it may do beyond its world.
    pub grants: Vec<Capability>,
}

impl PluginSpec {
    /// A plugin with its world's default limits, no configuration and no grants.
    #[must_use]
    pub fn new(name: PluginName, world: World, component: Vec<u8>) -> Self {
        Self {
            name,
            component,
            world,
            limits: Limits::of(world),
            fallback: Fallback::default(),
            config: "{}".to_owned(),
            grants: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_reads_back_from_its_name() {
        for world in World::ALL {
            assert_eq!(world.as_str().parse(), Ok(world));
        }
        assert!("proxy".parse::<World>().is_err());
    }
}
