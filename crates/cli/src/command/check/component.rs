//! Are the plugin files what the configuration says? Looked at, not compiled.

use equipoise_config::{Config, Report};

/// Adds what is wrong with the files of plugins.
#[cfg(feature = "wasm")]
pub(crate) fn look_at_all(config: &Config, report: &mut Report) {
    for plugin in &config.plugins {
        for (code, key, message, help) in look::problems(plugin) {
            let message = format!("plugin `{}`: {message}", plugin.name);
            report.add(code, &["plugin", plugin.name.as_str(), key], message, help);
        }
    }
}

/// Without plugins in this build, `run` refuses every one; so does this.
#[cfg(not(feature = "wasm"))]
pub(crate) fn look_at_all(config: &Config, report: &mut Report) {
    for plugin in &config.plugins {
        let message = format!("plugin `{}`: this program was built without plugins", plugin.name);
        let path = ["plugin", plugin.name.as_str(), "component"];
        report.add(equipoise_config::Code::NoPlugins, &path, message, "build it with the feature `wasm`");
    }
}

#[cfg(feature = "wasm")]
mod look {
    use equipoise_config::{Code, Plugin};
    use equipoise_plugin::{Inspection, inspect};

    use crate::command::inspect::read;

    /// A code, the key that it is about, what is wrong, and what to do.
    type Problem = (Code, &'static str, String, String);

    pub(super) fn problems(plugin: &Plugin) -> Vec<Problem> {
        let inspection = match read(&plugin.component) {
            Ok(bytes) => inspect(&bytes).map_err(|error| {
                let help = "name a WebAssembly component; `equipoise plugin inspect FILE` tells what a file is";
                (Code::NotAComponent, "component", error.to_string(), help.to_owned())
            }),
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", plugin.component.display());
                let help = "the path is relative to the configuration file that names it";
                Err((Code::UnreadableComponent, "component", message, help.to_owned()))
            }
        };
        match inspection {
            Ok(inspection) => {
                let found = [world(plugin, &inspection), grants(plugin, &inspection), digest(plugin, &inspection)];
                found.into_iter().flatten().collect()
            }
            Err(problem) => vec![problem],
        }
    }

    fn world(plugin: &Plugin, inspection: &Inspection) -> Option<Problem> {
        let want = plugin.world.as_str();
        match inspection.world {
            Some(world) if world.as_str() == want => None,
            Some(world) => {
                let message = format!("the component is a {world}, not a {want}");
                Some((Code::WrongWorld, "world", message, format!("write `world = \"{world}\"`, or name another file")))
            }
            None => {
                let message = format!("the component is not a {want} of this version of Equipoise");
                Some((Code::WrongWorld, "world", message, format!("build it against the world `{want}` in `wit/`")))
            }
        }
    }

    fn grants(plugin: &Plugin, inspection: &Inspection) -> Option<Problem> {
        let granted = |wanted: &str| plugin.grants.iter().any(|grant| grant.as_str() == wanted);
        let missing = inspection.capabilities.iter().map(|wanted| wanted.as_str()).filter(|wanted| !granted(wanted));
        let missing: Vec<_> = missing.map(|wanted| format!("\"{wanted}\"")).collect();
        if missing.is_empty() {
            return None;
        }
        let missing = missing.join(", ");
        let message = format!("the component asks for what it was not granted: {missing}");
        Some((
            Code::MissingGrant,
            "grants",
            message,
            format!("add {missing} to its `grants`, if you trust it with that"),
        ))
    }

    fn digest(plugin: &Plugin, inspection: &Inspection) -> Option<Problem> {
        let want: String = plugin.digest?.iter().map(|byte| format!("{byte:02x}")).collect();
        (want != inspection.digest).then(|| {
            let message = format!("the file has digest sha256:{}, the configuration pins another", inspection.digest);
            (
                Code::WrongDigest,
                "digest",
                message,
                "pin the new digest if the change is yours, else find out whose it is".to_owned(),
            )
        })
    }
}
