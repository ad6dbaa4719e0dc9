//! Arguments of `sample-service`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use equipoise_sample_service::Options;

/// One instance.
#[derive(Debug, Clone, Args)]
pub(crate) struct InstanceArgs {
    /// Port to listen on; 0 lets the system choose, and the choice is printed
    #[arg(long, default_value_t = 6400)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Folder for the data file; made when it is missing
    #[arg(long, default_value = "todo-data", value_name = "FOLDER")]
    data: PathBuf,
    /// Name in every answer; `todo-PORT` when none is given
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Milliseconds of CPU that every request costs
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(..=10_000))]
    work: u64,
    /// End when standard input does: the instance cannot outlive the program that started it
    #[arg(long, hide = true)]
    pub(crate) until_stdin_ends: bool,
}

impl InstanceArgs {
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new(self.data.clone());
        options.bind = SocketAddr::new(self.address, self.port);
        options.name.clone_from(&self.name);
        options.work = Duration::from_millis(self.work);
        options
    }
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("write 1 to 64 visible ASCII characters without spaces".to_owned()) }
}
