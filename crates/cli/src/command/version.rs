//! `version`: what this program is and what was built into it.

use std::env::consts::{ARCH, OS};

use serde::Serialize;

use crate::args::OutputArgs;
use crate::failure::Failure;
use crate::output::{Format, json_to_stdout, to_stdout};

#[derive(Serialize)]
struct Version {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
    profile: &'static str,
    features: Vec<&'static str>,
}

pub(crate) fn run(arguments: OutputArgs) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        os: OS,
        arch: ARCH,
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        features: features(),
    };
    match arguments.output {
        Format::Json => json_to_stdout(&version),
        Format::Table => {
            let Version { version, os, arch, profile, features } = version;
            let features = if features.is_empty() { "no features".to_owned() } else { features.join(", ") };
            to_stdout(&format!("equipoise {version} ({arch}-{os}, {profile}, {features})\n"))
        }
    }
}

fn features() -> Vec<&'static str> {
    let all = [("wasm", cfg!(feature = "wasm")), ("scaling", cfg!(feature = "scaling"))];
    all.into_iter().filter(|(_, is_in)| *is_in).map(|(name, _)| name).collect()
}
