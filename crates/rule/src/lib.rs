//! Where does a request go?

mod router;

pub use router::{Decision, HeaderEdit, Router, RouterSource, Verdict};
