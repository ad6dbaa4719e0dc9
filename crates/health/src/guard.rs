//! When most targets fail at once, who is judged: the targets, or the check?

mod settings;

pub use settings::GuardSettings;
