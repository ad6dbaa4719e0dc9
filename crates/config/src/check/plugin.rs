//! Plugins.

use std::time::Duration;

use equipoise_target::PluginName;

use super::Checker;
use super::range::MINUTE;
use crate::code::Code;
use crate::config;
use crate::document::{Plugin, World};
use crate::finding::{At, Finding};
use crate::json;
use crate::path::KeyPath;
use crate::size::Size;

/// Shortest call that is worth a clock.
const SHORTEST: Duration = Duration::from_micros(100);
/// Default of the largest memory of one instance.
const MEMORY: Size = Size::mib(16);

impl Checker<'_> {
    pub(super) fn plugin(&mut self, name: &PluginName, written: &Plugin) -> Option<config::Plugin> {
        let path = KeyPath::root().key("plugin").key(name.as_str());
        self.plugin_essentials(&path, name, written);
        self.plugin_config(&path, written);
        let digest = self.digest(&path, written.digest.as_deref());
        let world = written.world.unwrap_or(World::Router);
        let time = written.limits.time.unwrap_or(longest_call(world));
        let memory = written.limits.memory.unwrap_or(MEMORY);
        let limits = path.key("limits");
        self.duration(&limits, "time", time, SHORTEST..=MINUTE);
        self.size(&limits, "memory", memory, Size::kib(64)..=Size::mib(1024));
        let mut grants = written.grants.clone();
        grants.sort();
        grants.dedup();
        Some(config::Plugin {
            name: name.clone(),
            component: self.resolve(written.component.as_ref()?, &path.key("component")),
            world: written.world?,
            time,
            memory,
            fallback: written.fallback,
            grants,
            digest,
            config: written.config.clone(),
        })
    }

    fn plugin_essentials(&mut self, path: &KeyPath, name: &PluginName, written: &Plugin) {
        if written.component.is_none() {
            let message = format!("plugin `{name}` has no component");
            let help = "write `component = \"…\"` with the path of a WebAssembly component";
            self.missing(path, "component", message, help);
        }
        if written.world.is_none() {
            let message = format!("plugin `{name}` has no world");
            let help = "write `world = \"…\"` with \"router\", \"balancer\" or \"health-check\"";
            self.missing(path, "world", message, help);
        }
    }

    fn plugin_config(&mut self, path: &KeyPath, written: &Plugin) {
        for (key, _) in written.config.iter().filter(|(_, value)| !json::fits(value)) {
            let at = At::Value(path.key("config").key(key));
            let finding = Finding::error(Code::InvalidValue, at, "JSON has no infinite numbers and no `nan`");
            self.say(finding.help("a plugin gets its configuration as JSON: write a finite number or a text"));
        }
    }

    fn digest(&mut self, path: &KeyPath, text: Option<&str>) -> Option<[u8; 32]> {
        let digest = text.map(|text| text.strip_prefix("sha256:").and_then(parse_hex));
        if digest == Some(None) {
            let at = At::Value(path.key("digest"));
            let finding = Finding::error(Code::InvalidValue, at, "a digest is `sha256:` and 64 hexadecimal digits");
            self.say(finding.help("`sha256sum FILE` prints the digits"));
        }
        digest.flatten()
    }
}

/// Default of the longest call: a request waits for a router and a balancer, and nobody waits for a health check.
fn longest_call(world: World) -> Duration {
    match world {
        World::Router | World::Balancer => Duration::from_millis(10),
        World::HealthCheck => Duration::from_secs(5),
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}
