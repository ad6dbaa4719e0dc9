//! What guests may ask of the host: one file for each interface that they import.

pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod log;
pub(crate) mod random;
pub(crate) mod request;
pub(crate) mod targets;
pub(crate) mod wasi;

/// How wasmtime finds an interface's implementation in a store: always in its [`State`](crate::state::State).
pub(crate) struct InState;

impl wasmtime::component::HasData for InState {
    type Data<'a> = &'a mut crate::state::State;
}
