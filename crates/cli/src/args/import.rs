//! Arguments of `import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;

/// What to make a configuration of.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Make a configuration of Terraform files
    ///
    /// Reads the *.tf and *.tf.json files of a folder, the values in terraform.tfvars and *.auto.tfvars, and modules below
    /// it. Load balancers, listeners, rules, target groups, security groups, Auto Scaling groups, ECS services, scaling
    /// policies and alarms become tables; what has no counterpart is listed with file and line. Nothing is asked of AWS.
    #[command(after_help = "Example:\n  equipoise import terraform infrastructure --out equipoise.toml")]
    Terraform(TerraformArgs),
}

/// Arguments of `import terraform`.
#[derive(Debug, Args)]
pub(crate) struct TerraformArgs {
    /// The folder
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Where the configuration is written; without it, it is printed and the list goes to standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
