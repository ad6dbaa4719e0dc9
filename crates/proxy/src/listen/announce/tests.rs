use proptest::prelude::*;
use proxy_header::{ProxiedAddress, Tlv};

use super::*;

fn v2(source: &str, destination: &str, tlvs: Vec<Tlv<'_>>) -> Vec<u8> {
    let address = ProxiedAddress::stream(source.parse().unwrap(), destination.parse().unwrap());
    let mut bytes = Vec::new();
    ProxyHeader::with_tlvs(Some(address), tlvs).encode_v2(&mut bytes).unwrap();
    bytes
}

/// Every beginning of `header` is incomplete, the whole is read, and what comes behind it is left alone.
#[track_caller]
fn check(header: &[u8], source: Option<&str>) {
    for length in 0..header.len() {
        assert_eq!(read(&header[..length]), Announced::Incomplete, "{length} bytes");
    }
    for behind in [&b""[..], b"GET / HTTP/1.1\r\n", b"\r\n", b"PROXY ", &[0; 200]] {
        match read(&[header, behind].concat()) {
            Announced::Header { length, ends } => {
                assert_eq!(length, header.len());
                let found = ends.map(|ends| ends.source.to_string());
                assert_eq!(found.as_deref(), source);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn both_versions_are_read_byte_by_byte() {
    check(b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", Some("192.0.2.1:4711"));
    check(b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n", Some("[2001:db8::1]:4711"));
    check(b"PROXY UNKNOWN\r\n", None);
    check(b"PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n", None);
    check(&v2("192.0.2.1:4711", "198.51.100.1:443", vec![]), Some("192.0.2.1:4711"));
    check(&v2("[2001:db8::1]:4711", "[2001:db8::2]:443", vec![]), Some("[2001:db8::1]:4711"));
}

#[test]
fn a_mapped_address_is_the_ipv4_address_that_it_maps() {
    check(b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 4711 443\r\n", Some("192.0.2.1:4711"));
}

#[test]
fn extensions_are_passed_over() {
    let tlvs = vec![Tlv::Authority("a.example".into()), Tlv::UniqueId((&[7; 100][..]).into())];
    check(&v2("192.0.2.1:4711", "198.51.100.1:443", tlvs), Some("192.0.2.1:4711"));
}

/// A header of version 2 with this command, family and content.
fn raw(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [BINARY, &[command, family], &length, content].concat()
}

#[test]
fn a_proxy_may_speak_for_itself() {
    check(&raw(0x20, 0, b""), None);
    check(&raw(0x20, 0x11, &[1; 12]), None);
    check(&raw(0x21, 0, b""), None);
    check(&raw(0x21, 0x31, &[1; 216]), None);
}

#[test]
fn what_is_no_header_is_told_from_a_bad_one() {
    for text in ["GET / HTTP/1.1\r\n", "POST", "PRI * HTTP/2.0\r\n", "PROXX", "\r\nGET", "\x16\x03\x01", "\0"] {
        assert_eq!(read(text.as_bytes()), Announced::Absent, "{text:?}");
    }
    let long = format!("PROXY TCP4 {}", "1".repeat(200));
    let unknown = format!("PROXY UNKNOWN {}\r\n", "x".repeat(200));
    for text in [
        "PROXY / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 99999\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 4711 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\rx",
        "PROXY TCP4 2001:db8::1 198.51.100.1 4711 443\r\n",
        &long,
        &unknown,
    ] {
        assert_eq!(read(text.as_bytes()), Announced::Malformed, "{text:?}");
    }
    for bytes in
        [raw(0x11, 0x11, &[0; 12]), raw(0x22, 0x11, &[0; 12]), raw(0x21, 0x44, &[0; 12]), raw(0x21, 0x11, &[0; 11])]
    {
        assert_eq!(read(&bytes), Announced::Malformed, "{bytes:?}");
    }
}

#[test]
fn a_header_that_is_too_long_is_refused_before_it_has_come() {
    let huge = raw(0x21, 0x11, &[0; LONGEST]);
    assert_eq!(read(&huge[..FIXED]), Announced::Malformed);
    check(&raw(0x21, 0x11, &[0; LONGEST - FIXED]), Some("0.0.0.0:0"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_wait_for_ever(start in 0..4usize, bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
        let begin: &[u8] = [&b""[..], TEXT, BINARY, b"PROXY TCP4 "][start];
        let bytes = [begin, &bytes].concat();
        let read = read(&bytes);
        if bytes.len() > LONGEST {
            prop_assert_ne!(read, Announced::Incomplete);
        }
        if let Announced::Header { length, .. } = read {
            prop_assert!(length <= bytes.len() && length <= LONGEST);
        }
    }
}
