//! What an instance may use, in numbers.

use bytesize::ByteSize;

use super::ProviderError;
use crate::ResourceLimits;

/// The limits of a launch template, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Limits {
    /// Processors.
    pub(super) cpu: Option<f64>,
    /// Bytes.
    pub(super) memory: Option<u64>,
    /// Processes and threads.
    pub(super) tasks: Option<u64>,
    pub(super) open_files: Option<u64>,
    /// Bytes.
    pub(super) core: Option<u64>,
    /// Bytes.
    pub(super) address_space: Option<u64>,
}

impl Limits {
    pub(super) fn read(limits: &ResourceLimits) -> Result<Self, ProviderError> {
        Ok(Self {
            cpu: limits.cpu,
            memory: size("memory", limits.memory.as_deref())?,
            tasks: limits.tasks,
            open_files: limits.open_files,
            core: limits.core,
            address_space: size("address-space", limits.address_space.as_deref())?,
        })
    }

    /// How many processors 100 percent are.
    pub(super) fn processors(&self) -> f64 {
        self.cpu.unwrap_or(1.0)
    }
}

fn size(key: &str, text: Option<&str>) -> Result<Option<u64>, ProviderError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<ByteSize>() {
        Ok(size) => Ok(Some(size.as_u64())),
        Err(_) => Err(ProviderError::Launch {
            attempt: format!("reading `limits.{key}`"),
            reason: format!("`{text}` is not a size such as \"256MiB\""),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_what_is_none_is_refused() {
        let limits = |memory: &str| ResourceLimits { memory: Some(memory.to_owned()), ..ResourceLimits::default() };
        assert_eq!(Limits::read(&limits("256MiB")).unwrap().memory, Some(256 << 20));
        let refused = Limits::read(&limits("much")).unwrap_err().to_string();
        assert_eq!(refused, "reading `limits.memory`: `much` is not a size such as \"256MiB\"");
        assert!((Limits::default().processors() - 1.0).abs() < f64::EPSILON);
    }
}
