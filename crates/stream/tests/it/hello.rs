//! The first message of a client, however it comes.

use equipoise_stream::tls::{ClientTls, ClientTlsSettings, HELLO_LIMIT, Hello, HelloReader, Peek, Trust};
use tokio::io::AsyncReadExt;

use crate::support::pair;

/// What a client says first when it asks for `name`.
async fn said(name: &str, alpn: &[&str]) -> Vec<u8> {
    let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let client = ClientTls::new(ClientTlsSettings { trust: Trust::Anybody, identity: None, alpn }).unwrap();
    let (near, mut far) = pair().await;
    let name = name.parse().unwrap();
    let mut bytes = vec![0; 5];
    tokio::select! {
        _ = client.connect(near.into(), &name) => panic!("nobody answers"),
        read = far.read_exact(&mut bytes) => drop(read.unwrap()),
    }
    let length = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
    bytes.resize(5 + length, 0);
    far.read_exact(&mut bytes[5..]).await.unwrap();
    bytes
}

#[track_caller]
fn whole(peek: Peek) -> Hello {
    match peek {
        Peek::Hello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_is_read_in_one_piece_and_byte_by_byte() {
    let bytes = said("A.example", &["h2", "http/1.1"]).await;
    assert!(bytes.len() > 1000, "with a post-quantum key it is long");
    let hello = whole(HelloReader::new().feed(&bytes));
    assert_eq!(hello.server_name(), Some("a.example"));
    assert_eq!(hello.alpn(), [b"h2".to_vec(), b"http/1.1".to_vec()]);
    let mut reader = HelloReader::new();
    let (last, all) = bytes.split_last().unwrap();
    for byte in all {
        assert!(matches!(reader.feed(&[*byte]), Peek::NeedMore));
    }
    assert_eq!(whole(reader.feed(&[*last])).server_name(), Some("a.example"));
}

#[tokio::test]
async fn it_may_be_cut_into_many_records() {
    let bytes = said("a.example", &["h2"]).await;
    let mut records = Vec::new();
    for piece in bytes[5..].chunks(7) {
        records.extend_from_slice(&[22, 3, 1, 0, u8::try_from(piece.len()).unwrap()]);
        records.extend_from_slice(piece);
    }
    assert_eq!(whole(HelloReader::new().feed(&records)).server_name(), Some("a.example"));
    let mut reader = HelloReader::new();
    let (first, second) = records.split_at(records.len() / 2);
    assert!(matches!(reader.feed(first), Peek::NeedMore));
    assert_eq!(whole(reader.feed(second)).server_name(), Some("a.example"));
}

#[tokio::test]
async fn an_address_is_no_name() {
    let bytes = said("127.0.0.1", &[]).await;
    let hello = whole(HelloReader::new().feed(&bytes));
    assert_eq!((hello.server_name(), hello.alpn()), (None, Vec::new()));
}

#[test]
fn what_is_not_tls_is_known_by_its_first_byte() {
    for text in ["GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\0", "PRI * HTTP/2.0"] {
        assert!(matches!(HelloReader::new().feed(text.as_bytes()), Peek::NotTls), "{text:?}");
    }
    assert!(matches!(HelloReader::new().feed(b""), Peek::NeedMore));
}

#[test]
fn garbage_behind_the_first_byte_is_answered_with_an_alert() {
    for bytes in [b"\x16\x03\x01\x00\x04\x02\x00\x00\x00".as_slice(), b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"] {
        match HelloReader::new().feed(bytes) {
            Peek::Broken(mut broken) => assert_eq!(broken.alert()[0], 21),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_without_end_is_given_up() {
    let mut reader = HelloReader::new();
    // 64 KiB of a first message are announced, in records of one kibibyte.
    let mut record = vec![22, 3, 1, 4, 0];
    record.extend_from_slice(&[1, 0, 0xff, 0xff]);
    record.resize(5 + 1024, 0);
    let mut fed = 0;
    loop {
        fed += record.len();
        match reader.feed(&record) {
            Peek::NeedMore => record[5..9].fill(0),
            Peek::TooLong => break,
            other => panic!("{other:?} after {fed}"),
        }
        assert!(fed <= HELLO_LIMIT + 1024);
    }
    assert!(fed >= HELLO_LIMIT);
}
