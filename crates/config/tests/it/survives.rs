//! What holds for any text. The fuzzer's target `config` is this file, too.

use equipoise_config::{MAX_PROBLEMS, Sources, effective};

/// A report or a configuration, and no panic.
pub(crate) fn survives(text: &str) {
    let outcome = Sources::from_text("x.toml", text).check(&|name| (name.len() < 4).then(|| "1".to_owned()), &[]);
    match outcome {
        Ok(loaded) => drop(effective(&loaded.config)),
        Err(report) => {
            assert!(report.has_errors());
            assert!(report.diagnostics().len() <= MAX_PROBLEMS);
            drop((report.render(true), report.to_json()));
        }
    }
}
