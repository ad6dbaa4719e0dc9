//! Are the plugin files what the configuration says? Looked at, not compiled.

use std::path::PathBuf;

use equipoise_config::Loaded;
use serde_json::{Value, json};

use crate::output::Style;

/// Something wrong with one plugin's file.
#[derive(Debug)]
pub(crate) struct Problem {
    plugin: String,
    path: PathBuf,
    code: &'static str,
    message: String,
    help: String,
}

impl Problem {
    pub(crate) fn text(&self, style: Style) -> String {
        let Self { plugin, path, code, message, help } = self;
        let head = style.error(&format!("error[{code}]:"));
        let help_word = style.strong("help:");
        format!("{head} plugin `{plugin}`: {message}\n  --> {}\n  {help_word} {help}\n", path.display())
    }

    pub(crate) fn json(&self) -> Value {
        let Self { plugin, path, code, message, help } = self;
        json!({
            "code": code,
            "severity": "error",
            "message": message,
            "key": format!("plugin.{plugin}.component"),
            "location": { "path": path.to_string_lossy() },
            "label": null,
            "related": [],
            "help": help,
        })
    }
}

/// Every problem of every plugin's file.
#[cfg(feature = "wasm")]
pub(crate) fn problems(loaded: &Loaded) -> Vec<Problem> {
    loaded.config.plugins.iter().flat_map(look::problems).collect()
}

/// Without plugins in this build, `run` refuses every one; so does this.
#[cfg(not(feature = "wasm"))]
pub(crate) fn problems(loaded: &Loaded) -> Vec<Problem> {
    let refused = |plugin: &equipoise_config::Plugin| Problem {
        plugin: plugin.name.to_string(),
        path: plugin.component.clone(),
        code: "no-plugins",
        message: "this program was built without plugins".to_owned(),
        help: "build it with the feature `wasm`".to_owned(),
    };
    loaded.config.plugins.iter().map(refused).collect()
}

#[cfg(feature = "wasm")]
mod look {
    use equipoise_config::Plugin;
    use equipoise_plugin::{Inspection, inspect};

    use super::Problem;
    use crate::command::inspect::read;

    pub(super) fn problems(plugin: &Plugin) -> Vec<Problem> {
        let problem = |(code, message, help): (&'static str, String, String)| {
            let (name, path) = (plugin.name.to_string(), plugin.component.clone());
            Problem { plugin: name, path, code, message, help }
        };
        let inspection = match read(&plugin.component) {
            Ok(bytes) => inspect(&bytes).map_err(|error| {
                let help = "name a WebAssembly component; `equipoise plugin inspect FILE` tells what a file is";
                ("not-a-component", error.to_string(), help.to_owned())
            }),
            Err(error) => {
                let help = "the path is relative to the configuration file that names it";
                Err(("unreadable-component", format!("the file cannot be read: {error}"), help.to_owned()))
            }
        };
        match inspection {
            Ok(inspection) => {
                let found = [world(plugin, &inspection), grants(plugin, &inspection), digest(plugin, &inspection)];
                found.into_iter().flatten().map(problem).collect()
            }
            Err(error) => vec![problem(error)],
        }
    }

    type Found = Option<(&'static str, String, String)>;

    fn world(plugin: &Plugin, inspection: &Inspection) -> Found {
        let want = plugin.world.as_str();
        match inspection.world {
            Some(world) if world.as_str() == want => None,
            Some(world) => {
                let message = format!("the component is a {world}, not a {want}");
                Some(("wrong-world", message, format!("write `world = \"{world}\"`, or name another file")))
            }
            None => {
                let message = format!("the component is not a {want} of this version of Equipoise");
                Some(("wrong-world", message, format!("build it against the world `{want}` in `wit/`")))
            }
        }
    }

    fn grants(plugin: &Plugin, inspection: &Inspection) -> Found {
        let granted = |wanted: &str| plugin.grants.iter().any(|grant| grant.as_str() == wanted);
        let missing = inspection.capabilities.iter().map(|wanted| wanted.as_str()).filter(|wanted| !granted(wanted));
        let missing: Vec<_> = missing.map(|wanted| format!("\"{wanted}\"")).collect();
        if missing.is_empty() {
            return None;
        }
        let missing = missing.join(", ");
        let message = format!("the component asks for what it was not granted: {missing}");
        Some(("missing-grant", message, format!("add {missing} to its `grants`, if you trust it with that")))
    }

    fn digest(plugin: &Plugin, inspection: &Inspection) -> Found {
        let want: String = plugin.digest?.iter().map(|byte| format!("{byte:02x}")).collect();
        (want != inspection.digest).then(|| {
            let message = format!("the file has digest sha256:{}, the configuration pins another", inspection.digest);
            ("wrong-digest", message, "pin the new digest if the change is yours, else find out whose it is".to_owned())
        })
    }
}
