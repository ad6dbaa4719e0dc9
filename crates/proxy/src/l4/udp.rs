//! Datagrams: each source has a session with one target, through a socket of its own, so that answers find their way back.
//!
//! A worker's sockets are among those that share the address, and the kernel sends a source to the same one each time, so
//! a session belongs to one worker like everything else.

mod session;
mod table;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use equipoise_target::Endpoint;
use socket2::Socket;
use tokio::net::UdpSocket;

use crate::listen::accept::Listening;
use crate::worker::Worker;
use crate::worker::local::Front;

pub(crate) use table::Table;

/// Datagrams that are taken at a time before others have their turn.
const BATCH: usize = 64;

/// Takes datagrams from `socket`, for the listener at `bind`, until its table is over.
pub(crate) fn listen(worker: &Rc<Worker>, bind: Endpoint, front: &Rc<Front>, socket: Socket) -> io::Result<()> {
    let socket = UdpSocket::from_std(socket.into())?;
    let table = Rc::new(Table::new(bind, socket, front));
    worker.tables.borrow_mut().push(Rc::clone(&table));
    tokio::task::spawn_local(run(Rc::clone(worker), table));
    Ok(())
}

async fn run(worker: Rc<Worker>, table: Rc<Table>) {
    let _listening = Listening::new(&worker);
    loop {
        tokio::select! {
            biased;
            () = table.over() => break,
            readable = table.socket().readable() => if readable.is_err() { break },
        }
        let mut buffer = worker.stock.buffer();
        let taken = take(&worker, &table, &mut buffer);
        worker.stock.keep_buffer(buffer);
        if taken == BATCH {
            tokio::task::yield_now().await;
        }
    }
    worker.tables.borrow_mut().retain(|other| !Rc::ptr_eq(other, &table));
}

/// Takes what waits, up to a batch. How many there were.
fn take(worker: &Rc<Worker>, table: &Rc<Table>, buffer: &mut [u8]) -> usize {
    for count in 0..BATCH {
        match table.socket().try_recv_from(buffer) {
            Ok((length, from)) => table.take(worker, from, &buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return count,
            // What came back from a client that is gone is no concern of others.
            Err(error) => tracing::debug!(%error, bind = %table.bind, "taking a datagram"),
        }
    }
    BATCH
}

/// A socket for the datagrams of one session.
fn open(target: SocketAddr) -> io::Result<UdpSocket> {
    let any = if target.is_ipv4() { SocketAddr::from(([0; 4], 0)) } else { SocketAddr::from(([0_u16; 8], 0)) };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(target)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
