//! Plugins come and go, and leave nothing behind.

use std::sync::Arc;
use std::thread;

use equipoise_metrics::Registry;
use equipoise_plugin::{HostOptions, PluginHost, World};

use equipoise_rule::Verdict;

use crate::support::{CLIENT, Guest, host, request, spec};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn two_hundred_loads_leave_no_instance_and_no_memory() {
    let mut options = HostOptions::default();
    let registry = Registry::new();
    options.registry = Some(registry.clone());
    let host = PluginHost::new(options).unwrap();
    let component = Guest::default().build(World::Router);
    let mut after_some = 0;
    for round in 0..200 {
        let plugin = host.load(spec(World::Router, component.clone())).unwrap();
        let router = plugin.router().unwrap();
        drop(plugin);
        // The last request outlives its plugin's generation.
        let mut head = request("/", &[]);
        router.route(&mut head, CLIENT);
        assert!(registry.encode().contains("equipoise_plugin_instances{plugin=\"under-test\",world=\"router\"} 1"));
        drop(router);
        if round == 50 {
            after_some = resident_kib();
        }
    }
    assert!(!registry.encode().contains("under-test"), "{}", registry.encode());
    // Other tests run beside this one: a leak of compiled code alone would be over 100 KiB a round.
    let grown = resident_kib().saturating_sub(after_some);
    assert!(grown < 64 * 1024, "{grown} KiB");
}

#[test]
fn every_worker_has_its_instance_and_all_end_with_the_plugin() {
    let plugin = host().load(spec(World::Router, Guest::default().build(World::Router))).unwrap();
    let router = plugin.router().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    router.route(&mut request("/", &[]), CLIENT);
                }
            });
        }
    });
    let stats = plugin.stats();
    assert_eq!((stats.calls, stats.failures), (400, 0));
    assert!((1..=4).contains(&stats.instances), "{stats:?}");
}

#[test]
fn a_plugin_outlives_its_host() {
    let host = host();
    let plugin = host.load(spec(World::Router, Guest::default().build(World::Router))).unwrap();
    drop(host);
    let router = plugin.router().unwrap();
    router.route(&mut request("/", &[]), CLIENT);
    assert_eq!(plugin.stats().failures, 0);
}

#[test]
fn hosts_end_their_threads() {
    let before = threads();
    let hosts: Vec<_> = (0..50).map(|_| host()).collect();
    let clones: Vec<_> = hosts.iter().map(PluginHost::clone).collect();
    drop(hosts);
    drop(clones);
    // Other tests start and end threads meanwhile, but not fifty.
    assert!(threads() < before + 50, "{} after {before}", threads());
}

#[test]
fn compiled_code_is_kept_in_a_private_folder() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    let mut options = HostOptions::default();
    options.cache_dir = Some(cache.clone());
    let component = Guest::default().build(World::Router);
    for _ in 0..2 {
        let host = PluginHost::new(options.clone()).unwrap();
        host.load(spec(World::Router, component.clone())).unwrap();
    }
    assert!(walk(&cache) > 0);

    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = PluginHost::new(options).unwrap_err().to_string();
    assert!(error.contains("can be written by others"), "{error}");
}

#[test]
fn an_instance_is_replaced_after_its_time_without_a_request_waiting() {
    // Answers with the number of its calls, as a status from 200 on while that lasts.
    let guest = Guest {
        globals: "(global $calls (mut i32) (i32.const 200))".into(),
        ..Guest::body(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.lt_u (global.get $calls) (i32.const 600)) (then
               (i32.store8 (i32.const 256) (i32.const 4)) (i32.store (i32.const 260) (global.get $calls)))
             (else (i32.store8 (i32.const 256) (i32.const 0))))",
        )
    };
    let mut spec = spec(World::Router, guest.build(World::Router));
    spec.limits.time = std::time::Duration::from_secs(5);
    let plugin = host().load(spec).unwrap();
    let router = plugin.router().unwrap();
    let mut head = request("/", &[]);
    let young = |verdict| matches!(verdict, Verdict::Respond { .. });
    assert!(young(router.route(&mut head, CLIENT).verdict));
    let mut calls = 1_u32;
    while calls < 1_000 || !young(router.route(&mut head, CLIENT).verdict) {
        if calls < 1_000 {
            router.route(&mut head, CLIENT);
        }
        calls += 1;
        assert!(calls < 2_000_000, "never replaced");
    }
    assert!(calls >= 100_000, "{calls}");
    assert_eq!(plugin.stats().last_failure, None);
}

fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}

#[test]
fn a_cache_folder_that_cannot_be_made_is_named() {
    let mut options = HostOptions::default();
    options.cache_dir = Some("/proc/no/such".into());
    let error = PluginHost::new(options).unwrap_err();
    assert!(error.to_string().contains("/proc/no/such"), "{error}");
}

#[test]
fn an_instance_that_leaks_is_replaced_before_it_fails() {
    // A page for each call: 16 MiB would be reached after 256.
    let guest = Guest::body("(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))");
    let plugin = host().load(spec(World::Router, guest.build(World::Router))).unwrap();
    let router = plugin.router().unwrap();
    for _ in 0..1000 {
        router.route(&mut request("/", &[]), CLIENT);
    }
    let stats = plugin.stats();
    assert_eq!((stats.calls, &stats.last_failure), (1000, &None));
    assert!(stats.memory_high_water > 12 << 20 && stats.memory_high_water <= 16 << 20, "{stats:?}");
    let _keep = Arc::clone(&plugin);
}
