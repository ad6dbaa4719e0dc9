//! Arguments of the commands that ask a running balancer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use equipoise_admin::client::Client;

use super::OutputArgs;
use crate::failure::Failure;

/// Port of the admin address when none is written.
const PORT: u16 = 9900;

/// Which balancer to ask.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running balancer")]
pub(crate) struct AdminArgs {
    /// Admin address of the running balancer
    #[arg(
        id = "admin",
        long,
        global = true,
        env = "EQUIPOISE_ADMIN",
        default_value = "127.0.0.1:9900",
        value_name = "ADDRESS",
        value_parser = address
    )]
    address: String,
    /// Token that the admin address asks for
    #[arg(id = "admin-token", long, global = true, env = "EQUIPOISE_ADMIN_TOKEN", hide_env_values = true)]
    #[arg(value_name = "TOKEN")]
    token: Option<String>,
    /// File whose first line is that token
    #[arg(id = "admin-token-file", long, global = true, env = "EQUIPOISE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    #[arg(conflicts_with = "admin-token")] // on the command line; see `variables` for the rest
    token_file: Option<PathBuf>,
}

impl AdminArgs {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let token = match &self.token_file {
            Some(file) => Some(first_line(file)?),
            None => self.token.clone(),
        };
        Ok(Client::new(&self.address, token.filter(|token| !token.is_empty())))
    }

    #[cfg(test)]
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

fn first_line(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).with_context(|| format!("reading the admin token from {}", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Arguments of `drain`.
#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// Longest wait for requests under way, as `30s`; without it, what the configuration says
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Return as soon as the drain has begun
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `HOST`, `HOST:PORT` or `http://HOST:PORT`, as `HOST:PORT`.
fn address(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let uri: http::uri::Authority =
        bare.parse().map_err(|_| format!("`{text}` is not HOST:PORT, such as 127.0.0.1:{PORT}"))?;
    if uri.host().is_empty() || bare.contains('@') {
        return Err(format!("`{text}` names no host; write HOST:PORT, such as 127.0.0.1:{PORT}"));
    }
    match bare.strip_prefix(uri.host()) {
        Some("") => Ok(format!("{bare}:{PORT}")),
        _ if uri.port_u16().is_some_and(|port| port != 0) => Ok(bare.to_owned()),
        _ => Err(format!("`{text}` has no usable port; write HOST:PORT, such as 127.0.0.1:{PORT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        assert_eq!(address(text).ok().as_deref(), want, "{text}");
    }

    #[test]
    fn an_admin_address_is_a_host_with_a_port_or_the_usual_one() {
        check("127.0.0.1:9900", Some("127.0.0.1:9900"));
        check("localhost", Some("localhost:9900"));
        check("[::1]", Some("[::1]:9900"));
        check("[::1]:1", Some("[::1]:1"));
        check("http://127.0.0.1:9900/", Some("127.0.0.1:9900"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", ":9900", "a b", "https://x:1", "host:", "host:0", "host:99999", "user@host:1", "host/path"] {
            check(text, None);
        }
    }
}
