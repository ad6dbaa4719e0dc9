//! Connections and datagrams that are passed on, through the whole program.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_tests::{Program, eventually, free_ports, metric};

const PATIENCE: Duration = Duration::from_secs(20);

/// A target that repeats what it hears, for as long as the program of the test lives.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut write = stream.try_clone().expect("a descriptor");
                let _ = std::io::copy(&mut &stream, &mut write);
            });
        }
    });
    port
}

/// The same for datagrams.
fn datagram_echo() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(&bytes[..length], from);
        }
    });
    port
}

/// A TCP and a UDP listener with a group each.
fn text(tcp: u16, udp: u16, connections: &[u16], datagrams: &[u16]) -> String {
    let list = |ports: &[u16]| ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
    format!(
        "[listener.tcp]\nbind = \"127.0.0.1:{tcp}\"\nprotocol = \"tcp\"\ndefault = {{ forward = \"connections\" }}\n\
         [listener.udp]\nbind = \"127.0.0.1:{udp}\"\nprotocol = \"udp\"\ndeny = \"127.0.0.2\"\n\
         default = {{ forward = \"datagrams\" }}\n\
         [target-group.connections]\nprotocol = \"tcp\"\ntargets = [{}]\n\
         [target-group.datagrams]\nprotocol = \"udp\"\ntargets = [{}]\n",
        list(connections),
        list(datagrams)
    )
}

/// What a program that passes on needs, and something of everything passed on by it, for those who look at its metrics.
pub(crate) fn some(tcp: u16, udp: u16) -> (String, impl FnOnce()) {
    let pass = move || {
        let mut stream = connect(tcp);
        say(&mut stream, b"hello").expect("passed on");
        ask(([127, 0, 0, 1], udp).into(), b"hello");
        let denied = UdpSocket::bind("127.0.0.2:0").expect("a port");
        denied.send_to(b"x", ("127.0.0.1", udp)).expect("sent");
    };
    (text(tcp, udp, &[echo()], &[datagram_echo()]), pass)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("accepted");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

fn say(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)?;
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got)?;
    assert_eq!(got, bytes);
    Ok(())
}

fn ask(address: SocketAddr, bytes: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    socket.send_to(bytes, address).expect("sent");
    let mut got = [0; 2048];
    let (length, from) = socket.recv_from(&mut got).expect("an answer");
    assert_eq!((&got[..length], from), (bytes, address));
}

/// Clients that speak without a pause: half of them on one connection, half on a new one each time.
struct Talk {
    stop: Arc<AtomicBool>,
    said: Arc<AtomicUsize>,
    clients: Vec<std::thread::JoinHandle<Result<(), ErrorKind>>>,
}

impl Talk {
    fn start(port: u16) -> Self {
        let (stop, said) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |number: usize| {
            let (stop, said) = (Arc::clone(&stop), Arc::clone(&said));
            std::thread::spawn(move || {
                let mut stream = connect(port);
                let bytes = vec![number as u8; 100 + 10_000 * number];
                while !stop.load(SeqCst) {
                    say(&mut stream, &bytes).map_err(|error| error.kind())?;
                    said.fetch_add(1, SeqCst);
                    if number.is_multiple_of(2) {
                        stream = connect(port);
                    }
                }
                Ok(())
            })
        };
        let clients = (0..6).map(client).collect();
        Self { stop, said, clients }
    }

    fn said(&self) -> usize {
        self.said.load(SeqCst)
    }

    fn end(self) {
        self.stop.store(true, SeqCst);
        for client in self.clients {
            assert_eq!(client.join().expect("no panic"), Ok(()), "no connection was broken");
        }
    }
}

#[test]
fn reloads_under_load_break_no_connection() {
    let ([tcp, udp], targets) = (free_ports(), [echo(), echo(), echo()]);
    let names = [datagram_echo()];
    let text = |n: usize| {
        let algorithm = ["round-robin = {}", "least-connections = {}", "consistent-hash = { key = \"source\" }"][n % 3];
        let chosen = if n.is_multiple_of(2) { &targets[..2] } else { &targets[1..] };
        let idle = 60 + n;
        text(tcp, udp, chosen, &names).replace(
            "[target-group.datagrams]",
            &format!("balance = {{ {algorithm} }}\n[listener.tcp.tcp]\nidle = \"{idle}s\"\n[target-group.datagrams]"),
        )
    };
    let program = Program::start(&text(0));
    let talk = Talk::start(tcp);
    for n in 1..=20 {
        program.configure(&text(n));
        let output = program.reload();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        ask(([127, 0, 0, 1], udp).into(), b"still there");
        let before = talk.said();
        eventually("everybody goes on", || (talk.said() > before + 20).then_some(()));
    }
    talk.end();
    let page = program.metrics();
    assert!(metric(&page, "equipoise_relayed_connections_total", &["listener=\"tcp\"", "group=\"connections\""]) > 6.0);
}

#[test]
fn a_target_that_is_killed_costs_no_new_connection() {
    let ([tcp, udp], there) = (free_ports(), echo());
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = gone.local_addr().expect("bound").port();
    let program = Program::start(&text(tcp, udp, &[port, there], &[datagram_echo()]));
    let mut kept = (0..4).map(|_| connect(tcp)).collect::<Vec<_>>();
    let taken = [gone.accept().expect("its share"), gone.accept().expect("its share")];
    drop((gone, taken));
    for _ in 0..20 {
        say(&mut connect(tcp), b"hello").expect("the other target answers");
    }
    let heard = kept.iter_mut().filter_map(|stream| say(stream, b"hello").ok()).count();
    assert_eq!(heard, 2, "those that went to the other target go on");
    let failures = metric(&program.metrics(), "equipoise_upstream_connect_failures_total", &["group=\"connections\""]);
    assert!(failures > 0.0);
}
