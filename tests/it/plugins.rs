//! Plugins while requests run.
