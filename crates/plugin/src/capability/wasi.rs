//! WASI 0.2 as an empty world, so that what standard libraries link in does not keep a component from loading.
//!
//! A guest sees no arguments, no environment, no files, no network, and cannot wait: nothing here blocks the worker that
//! the guest runs on, which is why this is not `wasmtime-wasi`. Standard output and error go to the log, if `log` is
//! granted; the end of standard error explains a trap. Time and secure randomness need their grant. Every other function
//! exists, and traps by name when it is called.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceAny, ResourceType, Val};
use wasmtime::{Result, StoreContextMut, bail};

use super::{clock, random};
use crate::Capability;
use crate::bindings::router::equipoise::plugin::log::Level;
use crate::state::State;

/// Packages that standard libraries import; others mean that the component was made for something else.
const PACKAGES: [&str; 6] =
    ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/", "wasi:sockets/"];
/// How much of standard error is kept to explain a trap.
const LAST_WORDS: usize = 1024;
/// What a stream takes at once.
const CHUNK: u64 = 4096;
const MOST_RANDOM_BYTES: u64 = 64 << 10;

/// Every resource of WASI that we hand out is a number: 0 standard input, 1 output, 2 error, 3 something always ready.
struct Handle;
const ERROR: u32 = 2;
const READY: u32 = 3;

/// What the guest wrote to standard error last.
#[derive(Debug, Default)]
pub(crate) struct Output {
    error: Vec<u8>,
}

impl Output {
    fn keep_error(&mut self, bytes: &[u8]) {
        self.error.extend_from_slice(bytes);
        let excess = self.error.len().saturating_sub(LAST_WORDS);
        self.error.drain(..excess);
    }

    pub(crate) fn clear(&mut self) {
        self.error.clear();
    }

    pub(crate) fn take_error_text(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.error)).into_owned()
    }
}

/// Whether an import is one that [`link`] defines.
pub(crate) fn is_offered(import: &str) -> bool {
    PACKAGES.iter().any(|package| import.starts_with(package)) && version(import).starts_with("0.2.")
}

fn version(import: &str) -> &str {
    import.split_once('@').map_or("", |(_, version)| version)
}

/// Defines whatever `component` imports from WASI, in the version that it asks for.
pub(crate) fn link(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    let engine = component.engine().clone();
    for (name, item) in component.component_type().imports(&engine) {
        let (true, ComponentItem::ComponentInstance(interface)) = (is_offered(name), item.ty) else { continue };
        let mut instance = linker.instance(name)?;
        let short = name.split_once('@').map_or(name, |(short, _)| short);
        for (name, item) in interface.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => define(&mut instance, short, name)?,
                ComponentItem::Resource(_) => {
                    instance.resource(name, ResourceType::host::<Handle>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn define(instance: &mut LinkerInstance<'_, State>, interface: &str, function: &str) -> Result<()> {
    let call = format!("{interface}#{function}");
    instance.func_new(function, move |mut store, _, params, results| {
        let stream = take_handles(&mut store, params)?;
        let answer = answer(&mut store, &call, stream, params)?;
        if let (Some(result), Some(answer)) = (results.first_mut(), answer) {
            *result = answer;
        }
        Ok(())
    })
}

/// Takes the handles out of a call's parameters, which gives back those that were lent, and returns the number of the
/// first: the stream or pollable whose method was called.
fn take_handles(store: &mut StoreContextMut<'_, State>, params: &[Val]) -> Result<Option<u32>> {
    let mut first = None;
    for param in params {
        if let Val::Resource(handle) = param {
            let number = Resource::<Handle>::try_from_resource_any(*handle, &mut *store)?.rep();
            first = first.or(Some(number));
        }
    }
    Ok(first)
}

/// The answer of one function, `None` when it returns nothing.
fn answer(
    store: &mut StoreContextMut<'_, State>,
    call: &str,
    stream: Option<u32>,
    params: &[Val],
) -> Result<Option<Val>> {
    let ok = |value: Option<Val>| Val::Result(Ok(value.map(Box::new)));
    let (interface, function) = call.split_once('#').unwrap_or((call, ""));
    Ok(Some(match (interface, function) {
        ("wasi:cli/environment", "initial-cwd") => Val::Option(None),
        ("wasi:cli/environment", _) | ("wasi:filesystem/preopens", _) => Val::List(Vec::new()),
        ("wasi:cli/exit", _) => bail!("it exited"),
        ("wasi:cli/stdin", _) => handle(store, 0)?,
        ("wasi:cli/stdout", _) => handle(store, 1)?,
        ("wasi:cli/stderr", _) => handle(store, ERROR)?,
        ("wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr", _) => Val::Option(None),
        ("wasi:io/streams", "[method]output-stream.check-write") => ok(Some(Val::U64(CHUNK))),
        ("wasi:io/streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => {
            write(store, stream, params);
            ok(None)
        }
        ("wasi:io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => ok(None),
        ("wasi:io/streams", "[method]output-stream.subscribe" | "[method]input-stream.subscribe") => {
            handle(store, READY)?
        }
        ("wasi:io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            Val::Result(Err(Some(Box::new(Val::Variant("closed".into(), None)))))
        }
        ("wasi:io/poll", "[method]pollable.ready") => Val::Bool(true),
        // Only what is always ready is ever handed out.
        ("wasi:io/poll", "[method]pollable.block") => return Ok(None),
        ("wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock", _) => {
            return time(store, interface, function).map(Some);
        }
        ("wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed", _) => {
            return random(store, interface, function, params).map(Some);
        }
        _ => bail!("it called `{call}`, which plugins do not have"),
    }))
}

fn handle(store: &mut StoreContextMut<'_, State>, number: u32) -> Result<Val> {
    ResourceAny::try_from_resource(Resource::<Handle>::new_own(number), store).map(Val::Resource)
}

fn write(store: &mut StoreContextMut<'_, State>, stream: Option<u32>, params: &[Val]) {
    let [_, Val::List(bytes)] = params else { return };
    let byte = |value: &Val| if let Val::U8(byte) = value { *byte } else { 0 };
    let bytes: Vec<u8> = bytes.iter().take(CHUNK as usize).map(byte).collect();
    let state = store.data_mut();
    if stream == Some(ERROR) {
        state.output.keep_error(&bytes);
    }
    if state.plugin.grants(Capability::Log) {
        let level = if stream == Some(ERROR) { Level::Warn } else { Level::Info };
        for line in String::from_utf8_lossy(&bytes).lines() {
            state.log_line(level, line);
        }
    }
}

fn time(store: &StoreContextMut<'_, State>, interface: &str, function: &str) -> Result<Val> {
    need(store, Capability::Clock, interface, function)?;
    let datetime = |seconds, nanoseconds| {
        Val::Record(vec![("seconds".into(), Val::U64(seconds)), ("nanoseconds".into(), Val::U32(nanoseconds))])
    };
    Ok(match (interface, function) {
        ("wasi:clocks/monotonic-clock", "now") => Val::U64(store.data().monotonic()),
        ("wasi:clocks/monotonic-clock", "resolution") => Val::U64(1),
        ("wasi:clocks/wall-clock", "now") => datetime(clock::wall().as_secs(), clock::wall().subsec_nanos()),
        ("wasi:clocks/wall-clock", "resolution") => datetime(0, 1),
        _ => bail!("it called `{interface}#{function}`: a plugin cannot wait"),
    })
}

fn random(store: &StoreContextMut<'_, State>, interface: &str, function: &str, params: &[Val]) -> Result<Val> {
    // The insecure ones seed hash maps, which every guest needs.
    let secure = interface == "wasi:random/random";
    if secure {
        need(store, Capability::Random, interface, function)?;
    }
    Ok(match params {
        [] if interface == "wasi:random/insecure-seed" => {
            Val::Tuple(vec![Val::U64(random::number()), Val::U64(random::number())])
        }
        [] => Val::U64(u64::from_le_bytes(random::bytes(8, secure)?.try_into().unwrap_or_default())),
        [Val::U64(count)] if *count <= MOST_RANDOM_BYTES => {
            Val::List(random::bytes(*count as usize, secure)?.into_iter().map(Val::U8).collect())
        }
        _ => bail!("it asked `{interface}#{function}` for more than {MOST_RANDOM_BYTES} bytes"),
    })
}

fn need(store: &StoreContextMut<'_, State>, capability: Capability, interface: &str, function: &str) -> Result<()> {
    if !store.data().plugin.grants(capability) {
        bail!("it called `{interface}#{function}`, for which the configuration does not grant `{capability}`");
    }
    Ok(())
}
