use std::task::Waker;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Both ends of a connection.
async fn pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (far, near) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.unwrap().0.into(), far.unwrap())
}

#[tokio::test]
async fn an_idle_connection_holds_no_buffer_and_no_pipe_whatever_it_moved_before() {
    let (stock, flow) = (Stock::default(), Flow::default());
    let ((mut client, mut far_client), (mut target, mut far_target)) = (pair().await, pair().await);
    let mut pump = Pump::new(Vec::new());
    let mut cx = Context::from_waker(Waker::noop());
    for size in [10, 300_000, 10, 300_000] {
        let sent = vec![7; size];
        let both = async {
            let mut got = vec![0; size];
            tokio::join!(far_client.write_all(&sent), far_target.read_exact(&mut got)).0.unwrap();
            got
        };
        tokio::pin!(both);
        let got = std::future::poll_fn(|cx| {
            assert!(pump.poll(cx, (&mut client, &mut target), &stock, &flow).is_pending());
            both.as_mut().poll(cx)
        })
        .await;
        assert!(pump.poll(&mut cx, (&mut client, &mut target), &stock, &flow).is_pending());
        assert!(pump.holds_nothing());
        assert!(got == sent);
    }
    assert!(cfg!(not(target_os = "linux")) || stock.has_pipes(), "large transfers are the kernel's");
}

#[tokio::test]
async fn what_was_read_before_goes_first() {
    let (stock, flow) = (Stock::default(), Flow::default());
    let ((mut client, mut far_client), (mut target, mut far_target)) = (pair().await, pair().await);
    let mut pump = Pump::new(b"first, ".to_vec());
    far_client.write_all(b"then").await.unwrap();
    far_client.shutdown().await.unwrap();
    far_target.shutdown().await.unwrap();
    let done = std::future::poll_fn(|cx| pump.poll(cx, (&mut client, &mut target), &stock, &flow));
    done.await.unwrap();
    drop(target);
    let mut got = String::new();
    far_target.read_to_string(&mut got).await.unwrap();
    assert_eq!((&*got, flow.received.get()), ("first, then", 11));
}

#[tokio::test]
async fn the_last_words_of_a_target_that_takes_no_more_arrive() {
    let (stock, flow) = (Stock::default(), Flow::default());
    let ((mut client, mut far_client), (mut target, mut far_target)) = (pair().await, pair().await);
    let mut pump = Pump::new(Vec::new());
    far_target.write_all(b"enough").await.unwrap();
    drop(far_target);
    // Writes go on until the target's refusal has come back.
    let done = std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = pump.poll(cx, (&mut client, &mut target), &stock, &flow) {
            return Poll::Ready(done);
        }
        let _ = far_client.try_write(b"more and more");
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    assert!(matches!(done.await, Err(Broken::Deaf(Side::Target))));
    let mut got = [0; 6];
    far_client.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"enough");
}
