//! Streams: bytes, names, and the many ways to end.

use std::prelude::v1::*;

use std::vec;

use super::{address, listen, pair, read, watch, woken, write};
use crate::{BUFFER_BYTES, Error, How, Interest, Loopback, Readiness, TryError};

const BLOCKED: TryError = TryError::WouldBlock;

#[test]
fn bytes_go_both_ways_and_wake_who_waits() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    assert_eq!(net.try_connect(client), Ok(()));
    assert_eq!(read(&mut net, server), Err(BLOCKED));
    let reader = watch(&mut net, server, Interest::Read);
    write(&mut net, client, "hello");
    assert_eq!(reader.count(), 0, "nobody is woken inside of a call");
    assert_eq!(woken(&mut net, &reader), 1);
    let mut three = [0; 3];
    assert_eq!(net.peek(server, &mut three), Ok(3));
    assert_eq!(&three, b"hel");
    assert_eq!(read(&mut net, server), Ok("hello".into()));
    write(&mut net, server, "good bye");
    assert_eq!(read(&mut net, client), Ok("good bye".into()));
    assert_eq!(net.try_read(client, &mut []), Ok(0));
    assert_eq!(net.try_write(client, &[]), Ok(0));
}

#[test]
fn a_full_buffer_makes_the_writer_wait_for_the_reader() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    let many = vec![7; BUFFER_BYTES + 1];
    assert_eq!(net.try_write(client, &many), Ok(BUFFER_BYTES));
    assert_eq!(net.try_write(client, &many), Err(BLOCKED));
    let full = Readiness::default();
    assert_eq!(net.readiness(client), Ok(full));
    let writer = watch(&mut net, client, Interest::Write);
    assert_eq!(net.peek(server, &mut [0; 10]), Ok(10));
    assert_eq!(woken(&mut net, &writer), 0);
    assert_eq!(net.try_read(server, &mut [0; 10]), Ok(10));
    assert_eq!(woken(&mut net, &writer), 1);
    assert_eq!(net.try_write(client, &many), Ok(10));
    // The other direction has a buffer of its own.
    assert_eq!(net.try_write(server, &many), Ok(BUFFER_BYTES));
}

#[test]
fn both_ends_know_the_names_of_both() {
    for (at, to, from) in [
        ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1"),
        ("127.1.2.3:80", "127.1.2.3:80", "127.0.0.1"),
        ("[::1]:80", "[::1]:80", "::1"),
        ("0.0.0.0:80", "127.0.0.9:80", "127.0.0.1"),
    ] {
        let mut net = Loopback::new();
        let listener = listen(&mut net, at);
        assert_eq!(net.local_addr(listener), Ok(address(at)));
        let client = net.connect(address(to)).expect(to);
        let server = net.try_accept(listener).expect("a connection");
        let own = net.local_addr(client).expect("a name");
        assert_eq!(own.ip().to_string(), from);
        assert_ne!(own.port(), 0);
        assert_eq!(net.peer_addr(client), Ok(address(to)));
        assert_eq!(net.peer_addr(server), Ok(own));
        assert_eq!(net.local_addr(server), Ok(address(to)));
        assert_eq!(net.peer_addr(listener), Err(Error::NotConnected));
    }
}

#[test]
fn this_machine_is_the_loopback_address_and_ipv6_sees_ipv4_mapped() {
    let mut net = Loopback::new();
    let listener = listen(&mut net, "[::]:80");
    let ip = |it: Result<core::net::SocketAddr, Error>| it.expect("a name").ip().to_string();
    for (to, client_sees, server_sees) in [
        ("0.0.0.0:80", "127.0.0.1", "::ffff:127.0.0.1"),
        ("[::]:80", "::1", "::1"),
        ("[::1]:80", "::1", "::1"),
        ("127.0.0.1:80", "127.0.0.1", "::ffff:127.0.0.1"),
        (
            "[::ffff:127.0.0.1]:80",
            "::ffff:127.0.0.1",
            "::ffff:127.0.0.1",
        ),
        (
            "[::ffff:0.0.0.0]:80",
            "::ffff:127.0.0.1",
            "::ffff:127.0.0.1",
        ),
    ] {
        let client = net.connect(address(to)).expect(to);
        let server = net.try_accept(listener).expect("a connection");
        assert_eq!(ip(net.peer_addr(client)), client_sees, "{to}");
        assert_eq!(ip(net.local_addr(client)), client_sees, "{to}");
        assert_eq!(ip(net.peer_addr(server)), server_sees, "{to}");
        assert_eq!(ip(net.local_addr(server)), server_sees, "{to}");
    }
}

#[test]
fn a_half_close_ends_one_direction() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    write(&mut net, client, "request");
    let reader = watch(&mut net, server, Interest::Read);
    net.shutdown(client, How::Write).expect("connected");
    assert_eq!(woken(&mut net, &reader), 1);
    assert_eq!(net.try_write(client, b"x"), Err(Error::BrokenPipe.into()));
    assert_eq!(read(&mut net, server), Ok("request".into()));
    assert_eq!(read(&mut net, server), Ok("".into()));
    assert_eq!(read(&mut net, server), Ok("".into()));
    write(&mut net, server, "answer");
    net.close(server).expect("open");
    assert_eq!(read(&mut net, client), Ok("answer".into()));
    assert_eq!(read(&mut net, client), Ok("".into()));
    assert_eq!(net.shutdown(client, How::Both), Err(Error::NotConnected));
}

#[test]
fn who_reads_no_more_still_gets_what_is_there() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    write(&mut net, client, "early");
    let reader = watch(&mut net, server, Interest::Read);
    net.shutdown(server, How::Read).expect("connected");
    assert_eq!(woken(&mut net, &reader), 1, "a reader learns of the end");
    assert_eq!(read(&mut net, server), Ok("early".into()));
    assert_eq!(read(&mut net, server), Ok("".into()));
    write(&mut net, client, "late");
    write(&mut net, server, "writing goes on");
}

#[test]
fn bytes_for_one_who_ended_both_ways_break_the_connection() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    write(&mut net, client, "before");
    net.shutdown(client, How::Both).expect("connected");
    let reader = watch(&mut net, client, Interest::Read);
    assert_eq!(read(&mut net, server), Ok("before".into()));
    assert_eq!(net.try_write(server, b"x"), Err(Error::BrokenPipe.into()));
    assert_eq!(woken(&mut net, &reader), 1);
    assert_eq!(read(&mut net, client), Err(Error::ConnectionReset.into()));
    assert_eq!(read(&mut net, client), Ok("".into()));
    assert_eq!(net.shutdown(server, How::Write), Err(Error::NotConnected));
}

#[test]
fn a_close_delivers_what_was_written() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    write(&mut net, client, "last words");
    let (reader, writer) = (
        watch(&mut net, server, Interest::Read),
        watch(&mut net, server, Interest::Write),
    );
    net.close(client).expect("open");
    assert_eq!((woken(&mut net, &reader), writer.count()), (1, 1));
    assert_eq!(net.try_write(server, b"x"), Err(Error::BrokenPipe.into()));
    assert_eq!(read(&mut net, server), Ok("last words".into()));
    assert_eq!(read(&mut net, server), Ok("".into()));
    assert_eq!(net.take_error(server), Ok(None));
    assert!(net.peer_addr(server).is_ok());
}

#[test]
fn a_close_with_unread_bytes_resets() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    write(&mut net, client, "never read");
    write(&mut net, server, "but this is");
    net.close(server).expect("open");
    assert_eq!(read(&mut net, client), Ok("but this is".into()));
    assert_eq!(read(&mut net, client), Err(Error::ConnectionReset.into()));
    // Told once, as on Linux; after that the stream is simply over.
    assert_eq!(read(&mut net, client), Ok("".into()));
    assert_eq!(net.try_write(client, b"x"), Err(Error::BrokenPipe.into()));
    assert_eq!(net.shutdown(client, How::Both), Err(Error::NotConnected));
}

#[test]
fn a_reset_is_told_to_the_first_who_asks() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    write(&mut net, client, "never read");
    net.close(server).expect("open");
    let reset = Error::ConnectionReset;
    assert_eq!(net.try_write(client, b"x"), Err(reset.into()));
    assert_eq!(net.try_write(client, b"x"), Err(Error::BrokenPipe.into()));
    let (client, server) = pair(&mut net);
    write(&mut net, client, "never read");
    net.close(server).expect("open");
    assert_eq!(net.take_error(client), Ok(Some(reset)));
    assert_eq!(net.take_error(client), Ok(None));
}

#[test]
fn a_reset_after_the_end_is_for_writers() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    net.shutdown(server, How::Write).expect("connected");
    write(&mut net, client, "never read");
    net.close(server).expect("open");
    assert_eq!(read(&mut net, client), Ok("".into()));
    assert_eq!(net.try_write(client, b"x"), Err(Error::BrokenPipe.into()));
}

#[test]
fn lingering_for_no_time_resets() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    net.options(client).expect("open").linger_ns = Some(0);
    net.close(client).expect("open");
    assert_eq!(read(&mut net, server), Err(Error::ConnectionReset.into()));
    let (client, server) = pair(&mut net);
    net.options(client).expect("open").linger_ns = Some(1);
    net.close(client).expect("open");
    assert_eq!(read(&mut net, server), Ok("".into()));
}

#[test]
fn options_are_kept() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    let options = net.options(client).expect("open");
    assert!(!options.nodelay && options.ttl == 64);
    (options.nodelay, options.ttl) = (true, 3);
    assert!(
        net.options(client)
            .is_ok_and(|it| it.nodelay && it.ttl == 3)
    );
    assert!(net.options(server).is_ok_and(|it| !it.nodelay));
}

#[test]
fn readiness_says_what_the_calls_would() {
    let mut net = Loopback::new();
    let (client, server) = pair(&mut net);
    let writable = Readiness {
        writable: true,
        ..Readiness::default()
    };
    let both = Readiness {
        readable: true,
        writable: true,
    };
    assert_eq!(net.readiness(server), Ok(writable));
    write(&mut net, client, "x");
    assert_eq!(net.readiness(server), Ok(both));
    assert_eq!(read(&mut net, server), Ok("x".into()));
    assert_eq!(net.readiness(server), Ok(writable));
    net.close(client).expect("open");
    assert_eq!(net.readiness(server), Ok(both));
    assert_eq!(net.readiness(client), Err(Error::NoSuchSocket));
}

#[test]
fn nobody_there_is_refused_and_foreign_addresses_are_not_for_us() {
    let mut net = Loopback::new();
    let refused = Err(Error::ConnectionRefused);
    assert_eq!(net.connect(address("127.0.0.1:80")), refused);
    let listener = listen(&mut net, "127.0.0.1:80");
    assert_eq!(net.connect(address("127.0.0.2:80")), refused);
    assert_eq!(net.connect(address("[::1]:80")), refused);
    assert_eq!(net.connect(address("127.0.0.1:81")), refused);
    assert_eq!(
        net.connect(address("192.0.2.1:80")),
        Err(Error::InvalidInput)
    );
    // Who connects has a port, but nobody can connect to it.
    let client = net.connect(address("127.0.0.1:80")).expect("a listener");
    let own = net.local_addr(client).expect("a name");
    assert_eq!(net.connect(own), refused);
    // Calls for another kind of socket.
    assert_eq!(read(&mut net, listener), Err(Error::NotConnected.into()));
    assert_eq!(net.try_accept(client), Err(Error::InvalidInput.into()));
    let result = net.try_send_to(client, b"x", None);
    assert_eq!(result, Err(Error::WrongKind.into()));
}
