//! What the operating system says of this process, under the names that every Prometheus client uses.
//!
//! Linux only; elsewhere nothing is said. Opt in with `registry.collect(process::read)`.

use std::fs;

use crate::Sample;

/// Clock ticks in a second. `sysconf(_SC_CLK_TCK)` has answered this on every Linux architecture for two decades, since
/// the kernel scales what it shows in `/proc` to it.
const TICKS: f64 = 100.0;

/// Adds `process_*` values: processor time, memory, threads and file descriptors. What cannot be read is left out.
pub fn read(sample: &mut Sample) {
    if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
        stat_values(&stat, sample);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        status_values(&status, sample);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // One of them is the descriptor of this very listing.
        let open = (descriptors.count() as u64).saturating_sub(1);
        sample.gauge("process_open_fds", "Open file descriptors", &[], open);
    }
}

/// `man 5 proc_pid_stat`: the second field is the program's name in parentheses and may hold anything, so fields are
/// counted from the last parenthesis.
fn stat_values(stat: &str, sample: &mut Sample) {
    let Some((_, fields)) = stat.rsplit_once(')') else { return };
    let field = |number: usize| fields.split_whitespace().nth(number - 3)?.parse::<u64>().ok();
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        let seconds = (user + system) as f64 / TICKS;
        sample.counter("process_cpu_seconds", "User and system processor time in seconds", &[], seconds);
    }
    if let Some(threads) = field(20) {
        sample.gauge("process_threads", "Threads", &[], threads);
    }
}

fn status_values(status: &str, sample: &mut Sample) {
    let bytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024))
    };
    if let Some(resident) = bytes("VmRSS") {
        sample.gauge("process_resident_memory_bytes", "Resident memory in bytes", &[], resident);
    }
    if let Some(size) = bytes("VmSize") {
        sample.gauge("process_virtual_memory_bytes", "Virtual memory in bytes", &[], size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    #[test]
    fn a_hostile_program_name_does_not_shift_the_fields() {
        let registry = Registry::new();
        registry.collect(|sample| {
            stat_values("1 (a) b 9 9) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 1 1 1", sample);
            status_values("Name:\tx\nVmSize:\t    2048 kB\nVmRSS:\t    1 kB\n", sample);
        });
        let text = registry.encode();
        for want in ["process_cpu_seconds_total 2.0", "process_threads 7", "process_resident_memory_bytes 1024"] {
            assert!(text.contains(want), "{want} in {text}");
        }
    }

    #[test]
    fn garbage_is_left_out() {
        let registry = Registry::new();
        registry.collect(|sample| {
            stat_values(") x", sample);
            stat_values("nothing", sample);
            status_values("VmRSS: lots kB\nVmSize: 1 MB", sample);
        });
        assert_eq!(registry.encode(), "# EOF\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_threads() {
        let registry = Registry::new();
        registry.collect(read);
        let text = registry.encode();
        for want in
            ["process_cpu_seconds_total", "process_threads", "process_resident_memory_bytes", "process_open_fds"]
        {
            assert!(text.contains(want), "{want} in {text}");
        }
    }
}
