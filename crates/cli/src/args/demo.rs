//! Arguments of `demo`.

use clap::Args;

use super::CacheArgs;

/// Where the demo listens.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Port of the listener
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Port of the admin address
    #[arg(long, default_value_t = 9900, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) admin_port: u16,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}
