//! The responder against clients that are slow, many, or wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::*;
use crate::metrics::client;

fn serve(address: &Address, text: &'static str) -> Address {
    serve_for(PATIENCE, address, text)
}

fn serve_for(patience: Duration, address: &Address, text: &'static str) -> Address {
    let bound = Bound::bind(address, None).unwrap();
    let local = bound.local().clone();
    let mut server = Server::new(bound, Arc::new(move || text.to_owned())).unwrap();
    server.patience = patience;
    std::thread::spawn(move || server.serve());
    local
}

fn tcp(text: &'static str) -> SocketAddr {
    match serve(&"127.0.0.1:0".parse().unwrap(), text) {
        Address::Tcp(address) => address,
        Address::Unix(_) => unreachable!(),
    }
}

fn ask(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_scrape_has_length_and_type_and_ends() {
    let answer = ask(tcp("x 1\n"), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("Content-Type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(answer.contains("Content-Length: 4\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nx 1\n"), "{answer}");
}

#[test]
fn other_requests_get_what_they_deserve() {
    let to = tcp("x 1\n");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /metrics?a=b HTTP/1.0\r\n\r\n", "200"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("GET /metrics\r\n\r\n", "400"),
        ("GET /metrics HTTP/3\r\n\r\n", "505"),
        ("\0\u{1}\r\n\r\n", "400"),
    ] {
        let answer = ask(to, request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request:?}");
    }
    let head = ask(to, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(
        head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let long = format!(
        "GET /metrics HTTP/1.1\r\nA: {}",
        "a".repeat(LONGEST_REQUEST)
    );
    assert_eq!(ask(to, &long).split(' ').nth(1), Some("431"));
}

#[test]
fn a_request_in_pieces_is_answered_beside_others() {
    let to = tcp("x 1\n");
    let mut slow = TcpStream::connect(to).unwrap();
    slow.write_all(b"GET /met").unwrap();
    for _ in 0..20 {
        assert!(ask(to, "GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
    }
    slow.write_all(b"rics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("200 OK"));
}

#[test]
fn clients_that_never_ask_are_cut_off_and_others_served_then() {
    let any = "127.0.0.1:0".parse().unwrap();
    let Address::Tcp(to) = serve_for(Duration::from_millis(300), &any, "x 1\n") else {
        unreachable!()
    };
    let silent: Vec<TcpStream> = (0..CONNECTIONS * 2)
        .map(|_| TcpStream::connect(to).unwrap())
        .collect();
    // It waits its turn behind two rounds of silence, and gets it.
    assert!(ask(to, "GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
    for mut one in silent {
        assert_eq!(one.read(&mut [0; 1]).unwrap(), 0);
    }
}

#[test]
fn a_client_that_does_not_read_costs_its_own_connection_only() {
    let large: &'static str = "x 1\n".repeat(4 << 20).leak();
    let to = tcp(large);
    let mut lazy = TcpStream::connect(to).unwrap();
    lazy.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let whole = ask(to, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(whole.len() > large.len());
    assert!(whole.ends_with("x 1\nx 1\n"));
}

#[test]
fn a_socket_left_behind_is_replaced_and_one_alive_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metrics.sock");
    let address = Address::Unix(path.clone());
    drop(Bound::bind(&address, None).unwrap());
    assert!(UnixStream::connect(&path).is_err());
    serve(&address, "x{a=\"b\"} 7\n");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let samples = client::fetch(&address, PATIENCE).unwrap();
    assert_eq!(samples[0].label("a"), Some("b"));
    let error = Bound::bind(&address, None).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert!(Bound::bind(&Address::Unix(file.clone()), None).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}
