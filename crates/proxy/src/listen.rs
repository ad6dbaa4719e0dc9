//! The listening side: sockets, whoever bound them, and who may come in through them.

pub(crate) mod accept;
pub(crate) mod acceptor;
pub(crate) mod access;
pub(crate) mod announce;
pub(crate) mod bind;
pub(crate) mod descriptors;
pub(crate) mod greeting;
pub(crate) mod inherited;
pub(crate) mod places;
pub(crate) mod seat;
pub(crate) mod socket;
pub(crate) mod socket_file;
pub(crate) mod sources;
