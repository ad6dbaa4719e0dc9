use super::*;

/// What becomes of the bytes: how many messages were whole, or the defect.
fn verdict(mut scanner: Scanner, bytes: &[u8], part: usize) -> Result<bool, Defect> {
    for part in bytes.chunks(part) {
        scanner.scan(part).map_err(|refused| refused.defect)?;
    }
    Ok(scanner.is_between())
}

#[track_caller]
fn check_all(scanner: fn() -> Scanner, bytes: &str, want: Result<bool, Defect>) {
    for part in [bytes.len(), 1, 2, 3, 7] {
        assert_eq!(verdict(scanner(), bytes.as_bytes(), part), want, "in parts of {part}: {bytes:?}");
    }
}

#[track_caller]
fn check(bytes: &str, want: Result<bool, Defect>) {
    check_all(Scanner::of_requests, bytes, want);
}

/// A body under `Transfer-Encoding: chunked`.
#[track_caller]
fn chunks(body: &str, want: Result<bool, Defect>) {
    check(&format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), want);
}

#[test]
fn messages_are_followed_to_their_end() {
    for whole in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-LENGTH:\t3 \r\n\r\na\nbGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding:CHUNKED \r\n\r\n3\r\na\nb\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        check(whole, Ok(true));
    }
    for begun in ["G", "\r", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"] {
        check(begun, Ok(false));
    }
}

#[test]
fn lines_of_heads_end_in_two_characters() {
    for bytes in ["\n", "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\n\n"] {
        check(bytes, Err(Defect::BareLineFeed));
        check_all(Scanner::of_responses, bytes, Err(Defect::BareLineFeed));
    }
}

#[test]
fn a_request_is_framed_once() {
    let both = ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"];
    for both in both {
        check(&format!("POST / HTTP/1.1\r\n{both}\r\n\r\nabc"), Err(Defect::TwoFramings));
    }
    check("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\ncontent-length: 3\r\n\r\n", Err(Defect::TwoFramings));
    check("POST / HTTP/1.1\r\nContent-Length: 3\r\nX: 1\r\nContent-Length: 3\r\n\r\n", Err(Defect::ManyLengths));
    for bad in ["", "+3", "-3", "3, 3", "0x3", "3 3", "18446744073709551614", "99999999999999999999"] {
        check(&format!("POST / HTTP/1.1\r\nContent-Length: {bad}\r\n\r\n"), Err(Defect::Length));
    }
    let padded = format!("POST / HTTP/1.1\r\nContent-Length:{}3\r\n\r\n", " ".repeat(64));
    check(&padded, Err(Defect::LongFraming));
    let padded = format!("POST / HTTP/1.1\r\nTransfer-Encoding:{}chunked\r\n\r\n", "\t".repeat(64));
    check(&padded, Err(Defect::LongFraming));
}

#[test]
fn what_hyper_or_the_policy_refuse_is_theirs() {
    for theirs in ["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"] {
        check(&format!("POST / HTTP/1.1\r\n{theirs}\r\n\r\n\n\n\n"), Ok(false));
    }
    check("POST / HTTP/1.1\r\nContent-Length : 3\r\n Content-Length: 3\r\n\r\n", Ok(true));
}

#[test]
fn chunks_end_where_they_say() {
    chunks("00a\r\n0123456789\r\nFF\r\n", Ok(false));
    chunks("ffffffffffffffff\r\n", Ok(false));
    for bad in ["\r\n", "+1\r\n", "-1\r\n", "g\r\n", "0x1\r\n", " 1\r\n", "1 2\r\n", "1\r1", "1 \r\n", "1\n", "1\0\r\n"]
    {
        chunks(bad, Err(Defect::Chunk));
    }
    for bad in ["11111111111111111\r\n", "00000000000000001\r\n", "1\r\nab", "1\r\na\n", "1\r\na\r\r", "0\r\r"] {
        chunks(bad, Err(Defect::Chunk));
    }
}

#[test]
fn extensions_are_short_and_plain() {
    chunks("1;a=b; c=\"d e\"\r\na\r\n0 \t;x\r\n\r\n", Ok(true));
    for bad in ["1;a\0\r\n", "1;a\x1b\r\n", "1;a\x7f\r\n"] {
        chunks(bad, Err(Defect::Extension));
    }
    chunks("1;a\n", Err(Defect::BareLineFeed));
    chunks("1;a\rb", Err(Defect::Chunk));
    let half = format!("1;{}\r\na\r\n", "x".repeat(2047));
    chunks(&(half.clone() + &half), Ok(false));
    chunks(&(half.clone() + &half + "1;"), Err(Defect::LongExtensions));
    chunks(&format!("1{}", " ".repeat(4097)), Err(Defect::LongExtensions));
}

#[test]
fn trailers_are_short_and_their_lines_end_in_two_characters() {
    chunks("0\r\nx-a: 1\r\nx-b: 2\r\n\r\n", Ok(true));
    chunks("0\r\nx-a: 1\n\r\n", Err(Defect::BareLineFeed));
    chunks("0\r\n\n", Err(Defect::BareLineFeed));
    chunks(&format!("0\r\nx: {}\r\n", "y".repeat(16_000)), Ok(false));
    chunks(&format!("0\r\nx: {}\r\n", "y".repeat(17_000)), Err(Defect::LongTrailers));
    chunks(&format!("0\r\n{}", "x: y\r\n".repeat(3000)), Err(Defect::LongTrailers));
}

#[track_caller]
fn answers(bytes: &str, bodiless: bool, want: Result<bool, Defect>) {
    for part in [bytes.len(), 1, 5] {
        let mut scanner = Scanner::of_responses();
        scanner.expect(bodiless);
        assert_eq!(verdict(scanner, bytes.as_bytes(), part), want, "in parts of {part}: {bytes:?}");
    }
}

#[test]
fn some_answers_have_no_body_whatever_they_say() {
    let length = "Content-Length: 3\r\n\r\n";
    answers(&format!("HTTP/1.1 200 OK\r\n{length}"), true, Ok(true));
    answers(&format!("HTTP/1.1 200 OK\r\n{length}"), false, Ok(false));
    answers(&format!("HTTP/1.1 304 Not Modified\r\n{length}"), false, Ok(true));
    answers("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, Ok(true));
    answers(&format!("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n{length}abc"), false, Ok(true));
}

#[test]
fn what_comes_after_a_switch_or_without_an_end_is_not_looked_at() {
    answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\n\n", false, Ok(false));
    answers("HTTP/1.0 200 OK\r\n\r\n\n\n", false, Ok(false));
    answers("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n", false, Err(Defect::Chunk));
}

#[test]
fn the_good_bytes_before_a_defect_are_counted() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\nHost: a\r\n\r\n";
    let want = Err(Refused { good: 43, defect: Defect::BareLineFeed });
    assert_eq!(Scanner::of_requests().scan(bytes), want);
    let bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n";
    let want = Err(Refused { good: bytes.len() - 3, defect: Defect::Chunk });
    assert_eq!(Scanner::of_requests().scan(bytes), want);
}
