//! Sessions, as bytes.

use super::*;
use crate::site::{self, State};
use std::string::String;

/// Sends `bytes`, `step` at a time; what comes back, and how it goes on.
fn send(mut bytes: &[u8], step: usize) -> (String, Next, State) {
    let mut connection = Connection::default();
    let (mut answer, mut state) = (Vec::new(), State::default());
    loop {
        let next = connection.serve(&mut state, 784_111_777);
        assert!(connection.output().len() < 2 * FLUSH);
        answer.extend_from_slice(connection.output());
        connection.sent();
        match next {
            Next::Serve => continue,
            Next::Receive if !bytes.is_empty() => {}
            next => return (String::from_utf8(answer).unwrap(), next, state),
        }
        let room = connection.room();
        let count = room.len().min(step).min(bytes.len());
        assert!(count > 0);
        room[..count].copy_from_slice(&bytes[..count]);
        connection.received(count);
        bytes = &bytes[count..];
    }
}

#[track_caller]
fn expect(request: &str, status: &str, next: Next) -> String {
    let (answer, then, _) = send(request.as_bytes(), usize::MAX);
    assert!(
        answer.starts_with(&std::format!("HTTP/1.1 {status}\r\n")),
        "{answer}"
    );
    assert_eq!(then, next, "{answer}");
    let connection = if next == Next::Close {
        "close"
    } else {
        "keep-alive"
    };
    assert!(
        answer.contains(&std::format!("\r\nConnection: {connection}\r\n")),
        "{answer}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.split("Content-Length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    if !request.starts_with("HEAD") {
        assert_eq!(body.len(), length, "{answer}");
    }
    answer
}

#[test]
fn pages_and_errors() {
    let page = expect("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", Next::Receive);
    assert!(page.contains("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert!(page.contains("<h1>Hello"));
    let head = expect(
        "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        "200 OK",
        Next::Receive,
    );
    assert!(head.ends_with("\r\n\r\n") && !head.contains("Content-Length: 0"));
    expect(
        "HEAD /bytes/99999999 HTTP/1.1\r\nHost: x\r\n\r\n",
        "200 OK",
        Next::Receive,
    );
    expect("GET / HTTP/1.0\r\n\r\n", "200 OK", Next::Close);
    expect(
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "200 OK",
        Next::Receive,
    );
    expect(
        "GET /no HTTP/1.1\r\nHost: x\r\n\r\n",
        "404 Not Found",
        Next::Receive,
    );
    let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    let post = expect(post, "405 Method Not Allowed", Next::Receive);
    assert!(post.contains("\r\nAllow: GET, HEAD\r\n"));
    expect(
        "BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        "501 Not Implemented",
        Next::Receive,
    );
    expect("GET / HTTP/1.1\r\n\r\n", "400 Bad Request", Next::Close);
    expect(
        "GET / HTTP/3.0\r\n\r\n",
        "505 HTTP Version Not Supported",
        Next::Close,
    );
    let large = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n";
    expect(large, "413 Content Too Large", Next::Close);
    let asks = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    expect(asks, "405 Method Not Allowed", Next::Close);
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(chunked, "501 Not Implemented", Next::Close);
    expect(&"a".repeat(10_000), "414 URI Too Long", Next::Close);
    let fields = std::format!("GET / HTTP/1.1\r\nHost: x\r\n{}", "A: b\r\n".repeat(2000));
    expect(&fields, "431 Request Header Fields Too Large", Next::Close);
}

#[test]
fn requests_in_a_row_are_answered_in_order_however_they_are_cut() {
    let mut requests = String::new();
    for number in 0..200 {
        requests +=
            &std::format!("GET /bytes/{number} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    }
    let (whole, next, state) = send(requests.as_bytes(), usize::MAX);
    assert_eq!((next, state.requests), (Next::Receive, 200));
    assert_eq!(state.bytes, whole.len() as u64);
    let mut rest = whole.as_str();
    for number in 0..200 {
        let (head, after) = rest.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&std::format!("\r\nContent-Length: {number}\r\n")));
        rest = &after[number..];
    }
    assert_eq!(rest, "");
    for step in [1, 13, 1000] {
        assert_eq!(send(requests.as_bytes(), step).0, whole, "{step}");
    }
}

#[test]
fn nothing_follows_the_last_request() {
    let two = "GET /hello HTTP/1.0\r\n\r\nGET /hello HTTP/1.0\r\n\r\n";
    let (answer, next, state) = send(two.as_bytes(), usize::MAX);
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
    assert_eq!((next, state.requests), (Next::Close, 1));
}

#[test]
fn a_large_body_is_made_in_pieces() {
    let (answer, _, _) = send(b"GET /bytes/1000001 HTTP/1.1\r\nHost: x\r\n\r\n", 99);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), 1_000_001);
    let mut expected = vec![0; 1_000_001];
    site::generate(0, &mut expected);
    assert!(body.as_bytes() == expected);
}

#[test]
fn an_idle_client_has_begun_nothing() {
    let mut connection = Connection::default();
    assert!(connection.is_idle());
    connection.room()[0] = b'G';
    connection.received(1);
    assert_eq!(connection.serve(&mut State::default(), 0), Next::Receive);
    assert!(!connection.is_idle());
}
