//! Variables of what is started: few, and nothing of this program's own.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// What of this program's environment is passed on.
const KEPT: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// The variables that everything gets that is started here.
pub fn kept() -> impl Iterator<Item = (&'static str, OsString)> {
    KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// A variable's value from a file, without the end of its last line. Errors name the file, never what is in it.
pub(super) fn secret(name: &str, path: &Path) -> Result<String, String> {
    let failed = |reason: &str| format!("reading {} for the variable {name}: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| failed(&error.to_string()))?;
    let value = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if value.contains('\0') { Err(failed("it holds a zero byte")) } else { Ok(value.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_loses_the_end_of_its_last_line_and_is_not_told_in_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            secret("KEY", &path)
        };
        assert_eq!(read("hush\n"), Ok("hush".to_owned()));
        assert_eq!(read("hush\r\n"), Ok("hush".to_owned()));
        assert_eq!(read(" hush\n\n"), Ok(" hush\n".to_owned()));
        let refused = read("hu\0sh").unwrap_err();
        assert!(refused.contains("KEY") && !refused.contains("sh\n") && !refused.contains("hu"), "{refused}");
        assert!(secret("KEY", &folder.path().join("none")).is_err());
    }
}
