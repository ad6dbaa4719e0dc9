//! How much memory an instance may hold.

use wasmtime::{ResourceLimiter, Result};

/// A table element is a pointer in the host.
const BYTES_PER_ELEMENT: usize = 8;

/// Counts every memory and table of one instance against one sum, unlike wasmtime's own limits, which hold for each
/// memory and each table by itself.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: usize,
    held: usize,
    /// A growth was refused: when the guest fails afterwards, this is why.
    refused: bool,
}

impl Limiter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), held: 0, refused: false }
    }

    /// Bytes held by memories and tables.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether less than a quarter is left: such an instance leaks, or soon fails.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.held > self.limit / 4 * 3
    }

    fn grow(&mut self, by: usize) -> bool {
        let held = self.held.saturating_add(by);
        if held > self.limit {
            self.refused = true;
            return false;
        }
        self.held = held;
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // Growth beyond the memory's own maximum fails without us and must not be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(BYTES_PER_ELEMENT)))
    }

    /// Python guests have 22 core instances.
    fn instances(&self) -> usize {
        100
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        100
    }
}
