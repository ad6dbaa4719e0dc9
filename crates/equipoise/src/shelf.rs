//! The plugins of one generation.

#[cfg(feature = "wasm")]
mod wasm;
#[cfg(not(feature = "wasm"))]
mod without;

#[cfg(feature = "wasm")]
pub(crate) use wasm::{Host, Shelf};
#[cfg(not(feature = "wasm"))]
pub(crate) use without::{Host, Shelf};
