//! A connection inside TLS as one more byte stream.

use std::future::Future;
use std::io::{ErrorKind, IoSlice};
use std::time::Duration;

use bytes::BytesMut;
use equipoise_stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Ca, server, shake};

async fn ends() -> (Stream, Stream) {
    let ca = Ca::new("ours");
    let (near, far) = shake(&ca.client(None), &server(vec![ca.ecdsa(&["a.example"])]), "a.example").await;
    (near.unwrap(), far.unwrap())
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(5), future).await.unwrap()
}

#[tokio::test]
async fn what_is_said_on_one_side_is_heard_on_the_other_in_pieces_and_whole() {
    let (mut near, mut far) = ends().await;
    let long = vec![7; 300_000];
    let write = async {
        let slices = [IoSlice::new(b"head"), IoSlice::new(b"body")];
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 8);
        near.write_all(&long).await.unwrap();
        near.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(write, far.read_to_end(&mut heard));
    read.unwrap();
    assert_eq!(&heard[..8], b"headbody");
    assert_eq!(heard[8..], long);
}

#[tokio::test]
async fn bytes_that_are_decrypted_already_make_it_readable() {
    let (mut near, mut far) = ends().await;
    near.write_all(b"two requests").await.unwrap();
    near.flush().await.unwrap();
    soon(far.readable()).await.unwrap();
    let mut first = [0; 4];
    far.read_exact(&mut first).await.unwrap();
    // The socket is empty now; the rest waits inside.
    soon(far.readable()).await.unwrap();
    let mut rest = BytesMut::with_capacity(64);
    assert_eq!(far.try_read_buf(&mut rest).unwrap(), 8);
    assert_eq!(&rest[..], b"requests");
    assert_eq!(far.try_read_buf(&mut rest).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn it_waits_without_a_buffer_and_hears_what_comes_later() {
    let (mut near, mut far) = ends().await;
    let wait = async {
        let mut heard = BytesMut::with_capacity(64);
        loop {
            far.readable().await.unwrap();
            match far.try_read_buf(&mut heard) {
                Ok(_) => break heard,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    };
    let say = async {
        near.write_all(b"late").await.unwrap();
        near.flush().await.unwrap();
    };
    let (heard, ()) = soon(async { tokio::join!(wait, say) }).await;
    assert_eq!(&heard[..], b"late");
}

#[tokio::test]
async fn what_is_written_at_once_arrives_too() {
    let (mut near, mut far) = ends().await;
    assert_eq!(near.try_write(b"at once").unwrap(), 7);
    let mut heard = [0; 7];
    soon(far.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"at once");
}

#[tokio::test]
async fn an_end_that_was_not_announced_is_an_error_and_not_the_end_of_the_message() {
    let (mut near, mut far) = ends().await;
    far.write_all(b"x").await.unwrap();
    far.flush().await.unwrap();
    // With it come the tickets: what is unread when a socket is closed resets the connection.
    near.read_exact(&mut [0]).await.unwrap();
    drop(near);
    let error = soon(far.read(&mut [0; 16])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}
