//! Plugins for tests: prebuilt ones, and ones of every temper that are written as WebAssembly text in `fixtures/`.

use std::path::PathBuf;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The text of `fixtures/NAME.wat`.
///
/// # Panics
/// When there is no such file.
#[must_use]
pub fn fixture_text(name: &str) -> String {
    let path = root().join("tests/fixtures").join(format!("{name}.wat"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The component of `world` that is made of `fixtures/NAME.wat`.
///
/// # Panics
/// When the text is not a core module of that world.
#[must_use]
pub fn fixture(world: &str, name: &str) -> Vec<u8> {
    component(world, &fixture_text(name))
}

/// The component of `world` around the text of a core module, as toolchains make it: the world's types are those of
/// `wit/`, so that a fixture that no longer fits the contract fails here.
///
/// # Panics
/// When the text is not a core module of that world.
#[must_use]
pub fn component(world: &str, module: &str) -> Vec<u8> {
    let mut module = wasm(module);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).expect("the contract parses");
    let world = resolve.select_world(&[package], Some(world)).expect("a world of the contract");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("embeddable");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("a core module");
    encoder.encode().expect("a module of that world")
}

/// WebAssembly text as bytes, whatever it is: a core module, or a component that is written out by hand.
///
/// # Panics
/// When it is not WebAssembly text.
#[must_use]
pub fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("WebAssembly text")
}

/// The bytes of `plugins/prebuilt/NAME.wasm`.
///
/// # Panics
/// When there is no such file.
#[must_use]
pub fn prebuilt(name: &str) -> Vec<u8> {
    let path = root().join("plugins/prebuilt").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
