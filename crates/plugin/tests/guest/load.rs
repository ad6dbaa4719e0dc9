//! What is refused at load, and in which words.

use equipoise_plugin::{Capability, InspectError, LARGEST_COMPONENT, PluginSpec, World, inspect};

use crate::support::{Guest, component, host, load_error, spec};

const LOG: &str = "equipoise:plugin/log@0.1.0";

#[track_caller]
fn refused(spec: PluginSpec, words: &[&str]) {
    let text = load_error(spec);
    for word in words {
        assert!(text.contains(word), "{text}");
    }
    assert!(text.contains("`under-test`"), "{text}");
}

/// A router that writes a line for each call.
fn chatty() -> Vec<u8> {
    let guest = Guest::body("(call $write (i32.const 2) (i32.const 600) (i32.const 5))");
    guest.import(LOG, "write", "(param i32 i32 i32)").build(World::Router)
}

#[test]
fn what_is_no_component_is_named() {
    let module = wat::parse_str("(module)").unwrap();
    let cases: [(&[u8], InspectError); 4] = [
        (b"", InspectError::Empty),
        (b"  (component)", InspectError::Text),
        (b"#!/bin/sh", InspectError::NotWasm),
        (&module, InspectError::CoreModule),
    ];
    for (bytes, want) in cases {
        assert_eq!(inspect(bytes), Err(want.clone()));
        refused(spec(World::Router, bytes.to_vec()), &[&want.to_string()]);
    }
    let large = vec![0; LARGEST_COMPONENT + 1];
    assert_eq!(inspect(&large), Err(InspectError::TooLarge { size: large.len() }));
}

#[test]
fn a_component_says_what_it_is_and_needs() {
    let bytes = chatty();
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(inspection.world, Some(World::Router));
    assert_eq!(inspection.capabilities, [Capability::Log]);
    assert!(inspection.imports.contains(&LOG.to_owned()), "{inspection:?}");
    assert_eq!((inspection.size, inspection.digest.len()), (bytes.len(), 64));
}

#[test]
fn a_component_of_another_world_is_refused() {
    let router = Guest::default().build(World::Router);
    refused(spec(World::Balancer, router), &["world `balancer`", "is of world `router`"]);
    let other = wat::parse_str("(component)").unwrap();
    refused(spec(World::Router, other), &["does not export `equipoise:plugin/routing@0.1.0`"]);
    let newer = br#"(component (component $c) (instance $i (instantiate $c))
        (export "equipoise:plugin/routing@7.0.0" (instance $i)))"#;
    refused(spec(World::Router, wat::parse_bytes(newer).unwrap().into()), &["routing@7.0.0", "speaks `0.1`"]);
}

#[test]
fn an_import_that_was_not_granted_is_refused_by_name() {
    refused(spec(World::Router, chatty()), &["`equipoise:plugin/log@0.1.0`", "does not grant: add `log`"]);
    let mut granted = spec(World::Router, chatty());
    granted.grants = vec![Capability::Log];
    assert!(host().load(granted).is_ok());
}

#[test]
fn imports_from_elsewhere_are_refused_by_name() {
    let import = |name: &str| {
        // A router that also imports an empty interface of this name.
        let text = format!(
            r#"(component
                 (import "{name}" (instance (export "f" (func))))
                 (component $c) (instance $i (instantiate $c))
                 (export "equipoise:plugin/configuration@0.1.0" (instance $i))
                 (export "equipoise:plugin/routing@0.1.0" (instance $i)))"#
        );
        spec(World::Router, wat::parse_str(text).unwrap())
    };
    refused(import("example:other/thing@1.0.0"), &["`example:other/thing@1.0.0`", "does not offer"]);
    refused(import("wasi:http/outgoing-handler@0.2.0"), &["wasi:http", "does not offer"]);
    refused(import("equipoise:plugin/log@9.0.0"), &["log@9.0.0", "a version of the contract"]);
    refused(import("equipoise:plugin/tcp@0.1.0"), &["tcp@0.1.0", "world `router` does not have"]);
}

#[test]
fn exports_of_the_right_name_and_the_wrong_type_are_refused() {
    let text = r#"(component
        (component $c) (instance $i (instantiate $c))
        (export "equipoise:plugin/configuration@0.1.0" (instance $i))
        (export "equipoise:plugin/routing@0.1.0" (instance $i)))"#;
    refused(
        spec(World::Router, wat::parse_str(text).unwrap()),
        &["using its exports", "does not have export `configure`"],
    );
}

#[test]
fn a_guest_that_refuses_its_configuration_says_why() {
    // `err("bad port")`: discriminant at 16, text behind it.
    let guest = Guest {
        configure: crate::support::text_at(600, "bad port")
            + "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 600))
               (i32.store (i32.const 24) (i32.const 8))",
        ..Guest::default()
    };
    refused(spec(World::Router, guest.build(World::Router)), &["refuses its configuration: bad port"]);
}

#[test]
fn a_guest_that_cannot_start_is_refused_in_time() {
    let guest = |configure: &str| Guest { configure: configure.into(), ..Guest::default() };
    refused(spec(World::Router, guest("unreachable").build(World::Router)), &["it trapped"]);
    refused(spec(World::Router, guest("(loop $l (br $l))").build(World::Router)), &["longer than its limit of 1s"]);
    refused(spec(World::HealthCheck, guest("(loop $l (br $l))").build(World::HealthCheck)), &["longer than its limit"]);
    let huge = component(World::Router, &huge_module());
    refused(spec(World::Router, huge), &["memory"]);
}

/// Wants a gigabyte before it starts.
fn huge_module() -> String {
    r#"(module (memory (export "memory") 16384)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "equipoise:plugin/configuration@0.1.0#configure") (param i32 i32) (result i32) (i32.const 16))
        (func (export "equipoise:plugin/routing@0.1.0#route") (result i32) (i32.const 16)))"#
        .to_owned()
}
