//! Load by wrk and h2load.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::process::{for_load, is_installed, pinned};

/// What came of a load.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) rate: f64,
    /// Microseconds; 0 when it was not measured.
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// Errors, if there were any.
    pub(super) complaint: Option<String>,
}

pub(super) fn require(program: &str, package: &str) -> Result<()> {
    ensure!(is_installed(program), "{program} is not installed (Debian: apt-get install {package})");
    Ok(())
}

pub(super) fn wrk(url: &str, fields: &[&str], connections: u32, length: Duration) -> Result<Load> {
    let mut command = Command::new("wrk");
    command.args(["-t1", "--latency", "-c", &connections.to_string(), "-d", &format!("{}s", length.as_secs())]);
    for field in fields {
        command.args(["-H", field]);
    }
    let text = output(command.arg(url))?;
    let percentile = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|time| micros(time.trim())).unwrap_or(0.0)
    };
    let errors = text.lines().filter(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    let complaint = errors.map(str::trim).collect::<Vec<_>>().join("; ");
    Ok(Load {
        requests: number_before(&text, " requests in ")?,
        rate: number_after(&text, "Requests/sec:")?,
        p50: percentile("50%"),
        p99: percentile("99%"),
        complaint: Some(complaint).filter(|text| !text.is_empty()),
    })
}

pub(super) fn h2load(url: &str, length: Duration) -> Result<Load> {
    let mut command = Command::new("h2load");
    command.args(["-c", "16", "-m", "8", "-t", "1", "--warm-up-time=0", "-D", &length.as_secs().to_string(), url]);
    let text = output(&mut command)?;
    ensure!(text.contains("Application protocol: h2"), "HTTP/2 was not spoken");
    let failed: f64 = number_before(&text, " failed, ")?;
    Ok(Load {
        requests: number_before(&text, " succeeded, ")?,
        rate: number_before(&text, " req/s")?,
        complaint: (failed > 0.0).then(|| format!("{failed} failed")),
        ..Load::default()
    })
}

fn output(command: &mut Command) -> Result<String> {
    let output = pinned(&for_load(1), command).output().with_context(|| format!("running {command:?}"))?;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}: {said}{complained}");
    Ok(said.into_owned())
}

fn number_before<T: std::str::FromStr>(text: &str, mark: &str) -> Result<T> {
    let (before, _) = text.split_once(mark).with_context(|| format!("no `{mark}` in {text}"))?;
    let word = before.rsplit([' ', '\n']).next().and_then(|word| word.parse().ok());
    word.with_context(|| format!("no number before `{mark}`"))
}

fn number_after(text: &str, mark: &str) -> Result<f64> {
    let (_, after) = text.split_once(mark).with_context(|| format!("no `{mark}` in {text}"))?;
    Ok(after.split_whitespace().next().unwrap_or_default().parse()?)
}

/// A time as wrk writes it: `812.00us`, `1.20ms`, `2.00s`.
fn micros(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let factor = match &text[unit..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        _ => return None,
    };
    Some(text[..unit].parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_wrk_writes_them() {
        for (text, want) in [("812.00us", 812.0), ("1.20ms", 1200.0), ("2.00s", 2e6), ("1.00m", 6e7)] {
            assert_eq!(micros(text), Some(want));
        }
        assert_eq!(micros("nan"), None);
    }
}
