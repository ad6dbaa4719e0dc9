//! Clients that keep an HTTP/2 connection busy with nothing: what each kind costs, and what others notice of it.
//!
//! The figures are those of a release build on an idle machine: `cargo test --release -p equipoise-proxy --test floods --
//! --nocapture`. Elsewhere the test only holds that each kind is bounded.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails and shows its figures")]

#[path = "it/support.rs"]
#[allow(dead_code, unused_imports, reason = "other tests use the rest of it")]
mod support;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use support::{Origin, Running, get};

const FRAMES: u32 = 50_000;

/// CPU that 50,000 frames may take.
const CPU: Duration = Duration::from_millis(200);
/// Longest that another client may wait meanwhile.
const WAIT: Duration = Duration::from_millis(100);
/// Memory that a flood may take.
const MEMORY: usize = 8 << 20;

/// Whether figures mean anything here.
fn is_measured() -> bool {
    !cfg!(debug_assertions) && std::env::var_os("EQUIPOISE_MEASURE").is_some()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// `GET http://a/`, in the tables that every peer has.
const GET: &[u8] = b"\x82\x86\x84\x41\x01a";
/// The same as a POST.
const POST: &[u8] = b"\x83\x86\x84\x41\x01a";

fn begin() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

/// The streams that a client may open, in order.
fn streams() -> impl Iterator<Item = u32> {
    (0..FRAMES).map(|n| 2 * n + 1)
}

fn each(frames: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    frames.flatten().collect()
}

fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let many = |one: Vec<u8>| one.repeat(FRAMES as usize);
    let cancel = 8_u32.to_be_bytes();
    // A name and a value of 4,000 bytes into the table, and then that entry again and again.
    let entry = [b"\x82\x86\x84\x41\x01a\x40\x01x\x7f\xa1\x1e".as_slice(), &[b'y'; 4000]].concat();
    let bomb = |stream| {
        let mut block = entry.clone();
        block.extend(vec![0xbe; 12_000]);
        frame(HEADERS, 5, stream, &block)
    };
    vec![
        (
            "rapid reset",
            each(streams().map(|n| [frame(HEADERS, 5, n, GET), frame(RST_STREAM, 0, n, &cancel)].concat())),
        ),
        (
            "made you reset",
            each(streams().map(|n| [frame(HEADERS, 4, n, POST), frame(WINDOW_UPDATE, 0, n, &[0; 4])].concat())),
        ),
        ("data after the end", each(streams().map(|n| [frame(HEADERS, 5, n, GET), frame(DATA, 0, n, b"x")].concat()))),
        ("requests without a path", each(streams().map(|n| frame(HEADERS, 5, n, b"\x82\x86\x41\x01a")))),
        ("CONTINUATION", [frame(HEADERS, 1, 1, GET), many(frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y"))].concat()),
        ("empty CONTINUATION", [frame(HEADERS, 1, 1, GET), many(frame(CONTINUATION, 0, 1, b""))].concat()),
        ("SETTINGS", many(frame(SETTINGS, 0, 0, &[]))),
        ("SETTINGS of the table", many(frame(SETTINGS, 0, 0, b"\0\x01\0\0\0\0\0\x01\0\0\x10\0"))),
        ("PING", many(frame(PING, 0, 0, b"12345678"))),
        ("PRIORITY", many(frame(PRIORITY, 0, 1, b"\0\0\0\x03\x10"))),
        ("empty DATA", [frame(HEADERS, 4, 1, POST), many(frame(DATA, 0, 1, b""))].concat()),
        ("WINDOW_UPDATE", many(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01"))),
        ("unknown frames", many(frame(0xfa, 0, 0, b""))),
        ("HPACK bomb", each((0..200).map(|n| bomb(2 * n + 1)))),
    ]
}

/// User and system time of the worker's thread.
fn worker_cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let nanos = tasks.filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let spent = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        name.starts_with("worker-").then(|| spent.split(' ').next()?.parse::<u64>().ok())?
    });
    Duration::from_nanos(nanos.sum())
}

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Sends it all, and reads what comes back until the last question is answered, or reads nothing for a while. Whether
/// the connection was ended.
async fn flood(running: &Running, bytes: &[u8], reads: bool) -> bool {
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let all = [begin(), bytes.to_vec(), frame(PING, 0, 0, b"the last")].concat();
    // Goes on to its end, whatever is read; a client that goes away would end it all by itself.
    let writing = tokio::spawn(async move { (writer.write_all(&all).await.is_err(), writer) });
    let read = async {
        let mut seen = Vec::new();
        let mut space = [0; 4096];
        while reads && !seen.windows(8).any(|eight| eight == b"the last") {
            match reader.read(&mut space).await {
                Ok(count) if count > 0 => seen = [&seen[seen.len().saturating_sub(8)..], &space[..count]].concat(),
                _ => return true,
            }
        }
        if !reads {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        false
    };
    let ended = read.await;
    writing.abort();
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_flood_is_bounded_and_others_are_served_meanwhile() {
    let origin = Origin::answering("ok").await;
    let running = Running::before(&[origin.address]).await;
    get(running.address, "/").await;
    let faults =
        |reason: &str| running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"));
    println!("{:<28}{:>8}{:>12}{:>10}{:>12}", "kind", "ended", "CPU ms", "KiB more", "worst ms");
    for (name, bytes) in kinds() {
        for reads in [true, false] {
            let (cpu, memory) = (worker_cpu(), resident());
            let flooding = flood(&running, &bytes, reads);
            let mut flooding = std::pin::pin!(flooding);
            let (mut worst, mut most) = (Duration::ZERO, 0);
            let ended = loop {
                let asked = Instant::now();
                tokio::select! {
                    ended = &mut flooding => break ended,
                    answer = get(running.address, "/") => assert_eq!(answer.text(), "ok"),
                }
                worst = worst.max(asked.elapsed());
                // Others are few: their price is not to be the flood's.
                tokio::time::sleep(Duration::from_millis(2)).await;
                most = most.max(resident().saturating_sub(memory));
            };
            // What the kernel still holds of it is taken in.
            assert_eq!(get(running.address, "/").await.text(), "ok");
            let cpu = worker_cpu() - cpu;
            let figures = (cpu.as_millis(), most >> 10, worst.as_millis());
            let way = if reads { "" } else { ", unread" };
            println!("{:<28}{ended:>8}{:>12}{:>10}{:>12}", format!("{name}{way}"), figures.0, figures.1, figures.2);
            let (cpu_limit, wait_limit) = if is_measured() { (CPU, WAIT) } else { (CPU * 5, WAIT * 50) };
            assert!(ended || cpu <= cpu_limit, "{name}: {cpu:?}");
            assert!(worst <= wait_limit, "{name}: {worst:?}");
            assert!(most <= MEMORY, "{name}: {most} bytes");
        }
    }
    assert!(faults("http2-flood") > 0.0 && faults("http2-protocol") > 0.0, "{}", running.registry.encode());
}
