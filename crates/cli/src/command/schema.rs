//! `schema`: what editors check a configuration with.

use crate::failure::Failure;
use crate::output::to_stdout;

pub(crate) fn run() -> Result<(), Failure> {
    let mut schema = equipoise_config::schema();
    schema.push('\n');
    to_stdout(&schema)
}
