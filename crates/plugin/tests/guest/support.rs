//! Guests written as WebAssembly text, made into components by the same library that toolchains use.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use equipoise_balance::{PickRequest, Picker, Tried};
use equipoise_plugin::{Fallback, HostOptions, Plugin, PluginHost, PluginSpec, World};
use equipoise_rule::{ClientCertificate, Decision};
use equipoise_target::{Availability, Condition, GroupName, Member, Membership, PluginName, Snapshot, Target};
use http::Request;
use http::request::Parts;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, WorldId};

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const CONFIGURE: &str = "equipoise:plugin/configuration@0.1.0#configure";

/// A component of `world` around a core module's text.
pub(crate) fn component(world: World, module: &str) -> Vec<u8> {
    encode(module, |resolve, package| resolve.select_world(&[package], Some(world.as_str())).unwrap())
}

/// A router that also imports interfaces of other packages: the packages' text, and the imports' names.
pub(crate) fn importing_router(module: &str, packages: &[&str], imports: &[&str]) -> Vec<u8> {
    encode(module, |resolve, _| {
        for (n, text) in packages.iter().enumerate() {
            resolve.push_str(format!("package-{n}.wit"), text).unwrap();
        }
        let imports: String = imports.iter().map(|import| format!("import {import};\n")).collect();
        let world = format!("package test:router; world guest {{ include equipoise:plugin/router@0.1.0; {imports} }}");
        let package = resolve.push_str("test.wit", &world).unwrap();
        resolve.select_world(&[package], Some("guest")).unwrap()
    })
}

fn encode(module: &str, world: impl FnOnce(&mut Resolve, PackageId) -> WorldId) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = world(&mut resolve, package);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The parts that every module here has: memory, an allocator that forgets everything after a call, and a `configure`
/// that runs `configure` and returns the zeroed record at 16, which means success.
fn module(imports: &str, globals: &str, configure: &str, exports: &str) -> String {
    format!(
        r#"(module
          {imports}
          (memory (export "memory") 2)
          (global $top (mut i32) (i32.const 65536))
          {globals}
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
            (global.get $top)
            (global.set $top (i32.add (global.get $top) (local.get 3))))
          (func (export "{CONFIGURE}") (param i32 i32) (result i32) {configure} (i32.const 16))
          (func (export "cabi_post_{CONFIGURE}") (param i32) (global.set $top (i32.const 65536)))
          {exports})"#
    )
}

/// A guest under construction. Memory below 1,024 is zero, the record that `route`, `pick` and `check` return is at 256.
#[derive(Default)]
pub(crate) struct Guest {
    pub(crate) imports: String,
    pub(crate) globals: String,
    pub(crate) configure: String,
    /// Body of the world's function, before it returns.
    pub(crate) body: String,
    /// Body of `targets-changed`.
    pub(crate) changed: String,
}

impl Guest {
    pub(crate) fn body(body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::default() }
    }

    pub(crate) fn import(mut self, interface: &str, function: &str, signature: &str) -> Self {
        let name = function.replace('-', "_");
        self.imports.push_str(&format!("(import \"{interface}\" \"{function}\" (func ${name} {signature}))\n"));
        self
    }

    pub(crate) fn build(self, world: World) -> Vec<u8> {
        component(world, &self.text(world))
    }

    /// The core module.
    pub(crate) fn text(&self, world: World) -> String {
        let (interface, call, params) = match world {
            World::Router => ("routing", "route", ""),
            World::Balancer => ("balancing", "pick", ""),
            World::HealthCheck => ("checking", "check", "(param i32 i32)"),
        };
        let name = format!("equipoise:plugin/{interface}@0.1.0");
        let mut exports = format!(
            r#"(func $call (export "{name}#{call}") {params} (result i32) {} (i32.const 256))
               (func (export "cabi_post_{name}#{call}") (param i32) (global.set $top (i32.const 65536)))"#,
            self.body
        );
        if world == World::Balancer {
            exports.push_str(&format!(
                r#"(func (export "{name}#targets-changed") (param i32 i32) {}
                     (global.set $top (i32.const 65536)))"#,
                self.changed
            ));
        }
        module(&self.imports, &self.globals, &self.configure, &exports)
    }
}

/// Code that stores `text` at `at`.
pub(crate) fn text_at(at: u32, text: &str) -> String {
    let store = |(n, byte): (usize, u8)| format!("(i32.store8 (i32.const {}) (i32.const {byte}))\n", at as usize + n);
    text.bytes().enumerate().map(store).collect()
}

/// Code that stores words at offsets of the returned record.
pub(crate) fn words(words: &[(u32, u32)]) -> String {
    let store = |(offset, word): &(u32, u32)| format!("(i32.store (i32.const {}) (i32.const {word}))\n", 256 + offset);
    words.iter().map(store).collect()
}

pub(crate) fn host() -> PluginHost {
    PluginHost::new(HostOptions::default()).unwrap()
}

pub(crate) fn spec(world: World, component: Vec<u8>) -> PluginSpec {
    PluginSpec::new(PluginName::new("under-test").unwrap(), world, component)
}

pub(crate) fn load(world: World, guest: Guest) -> Arc<Plugin> {
    host().load(spec(world, guest.build(world))).unwrap()
}

/// A plugin that has `time` for a call.
pub(crate) fn load_within(time: Duration, fallback: Fallback, world: World, guest: Guest) -> Arc<Plugin> {
    let mut spec = spec(world, guest.build(world));
    spec.limits.time = time;
    spec.fallback = fallback;
    host().load(spec).unwrap()
}

/// Why `spec` does not load: the error and its sources.
pub(crate) fn load_error(spec: PluginSpec) -> String {
    let error = host().load(spec).map(|_| ()).unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

pub(crate) fn request(path: &str, fields: &[(&str, &str)]) -> Parts {
    let request = fields.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

pub(crate) fn route(plugin: &Plugin) -> Decision {
    let mut head = request("/a?b=c", &[("host", "example.org"), ("x-a", "1"), ("x-a", "2")]);
    let shown = ClientCertificate { subject: "alice".into(), serial: "0a1b".into(), ..ClientCertificate::default() };
    head.extensions.insert(Arc::new(shown));
    let decision = plugin.router().unwrap().route(&mut head, CLIENT);
    assert_eq!((head.uri.path(), head.headers.len()), ("/a", 3), "the request comes back whole");
    decision
}

/// A snapshot of targets `127.0.0.1:1…` with these weights; 0 is unavailable.
pub(crate) fn snapshot(weights: &[u32]) -> Snapshot {
    let member = |(n, weight): (usize, &u32)| {
        let target = Arc::new(Target::new(SocketAddr::from(([127, 0, 0, 1], n as u16 + 1))));
        Member { target, weight: *weight, priority: 0 }
    };
    let members = weights.iter().enumerate().map(member).collect();
    let membership = Arc::new(Membership::new(GroupName::new("g").unwrap(), members));
    let availability = Availability::compute(&membership, |_| Condition::Ready, true);
    Snapshot::new(membership, Arc::new(availability))
}

pub(crate) fn pick(picker: &dyn Picker, snapshot: &Snapshot, tried: &Tried) -> Option<usize> {
    let mut head = request("/", &[]);
    let picked = picker.pick(snapshot, &mut PickRequest { head: &mut head, client: CLIENT, tried });
    picked.map(equipoise_target::TargetIndex::get)
}
