//! What a message may look like, and what is changed on its way through. Pure: heads in, heads or refusals out.
//!
//! hyper is a parser, not an edge: it passes on what a proxy must refuse. Everything that decides *whether* a message
//! goes on, and which fields go with it, is in this module.

mod directed;
mod fields;
mod forwarded;
mod path;
mod request;
mod response;
mod trailers;
mod upgrade;
mod wire;

pub(crate) use directed::is_directed;
pub(crate) use forwarded::{Facts, client, disbelieve, forward, request_id};
pub use path::PathForm;
pub(crate) use path::normalize;
pub(crate) use request::{Admitted, Refusal, admit};
pub(crate) use response::{BadResponse, clean, clean_interim, is_events};
pub(crate) use trailers::keep_safe;
pub(crate) use upgrade::Upgrade;
pub(crate) use wire::{Defect, Refused, Scanner};
