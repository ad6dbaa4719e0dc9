//! Reads the Terraform files of a load balancer and an Auto Scaling group, and writes an Equipoise configuration that does
//! the same on any machine.
//!
//! ```no_run
//! let import = equipoise_terraform::import("infrastructure".as_ref())?;
//! println!("{}", import.toml);
//! for note in &import.notes {
//!     eprintln!("{note}");
//! }
//! # Ok::<(), equipoise_terraform::ImportError>(())
//! ```
//!
//! Files are read as Terraform reads them (`source`, `syntax`), their expressions are worked out as far as
//! they do not ask AWS (`eval`), and each resource that has a counterpart becomes a table (`translate`). What has none is
//! noted with its file and line: what nobody asked a `View` for is noted when it goes away, so that nothing is
//! forgotten silently.
//!
//! This crate refuses to know how a configuration is checked or run. It reads nothing outside of the folder, runs nothing
//! and asks nobody.

mod error;
mod eval;
mod import;
mod module;
mod note;
mod source;
mod syntax;
mod toml_text;
mod translate;
mod value;
mod view;
mod world;

pub use error::{ImportError, SyntaxError};
pub use import::{Import, import};
pub use note::{Note, NoteKind};
