//! The same calls on this host's own loopback interface must come to the same.
//!
//! Every sequence of a few calls on both ends of a stream, and what both ends find after it. The
//! documented difference, a write after the other end's close, ends the comparison of a sequence.

use std::cell::RefCell;
use std::format;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::prelude::v1::*;
use std::time::{Duration, Instant};

use super::{address, pair};
use crate::{Error, How, ListenOptions, Loopback, SocketId, TryError};

/// A call on one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Write,
    Read,
    EndWriting,
    EndReading,
    EndBoth,
    TakeError,
    Close,
    /// Close with a linger time of zero.
    Abort,
}

const CALLS: [Call; 8] = [
    Call::Write,
    Call::Read,
    Call::EndWriting,
    Call::EndReading,
    Call::EndBoth,
    Call::TakeError,
    Call::Close,
    Call::Abort,
];

/// What both ends find in the end.
const LAST: [(usize, Call); 8] = [
    (0, Call::Read),
    (1, Call::Read),
    (0, Call::Write),
    (1, Call::Write),
    (0, Call::Read),
    (1, Call::Read),
    (0, Call::EndWriting),
    (1, Call::EndWriting),
];

type Outcome = Result<usize, ErrorKind>;

fn kind(error: Error) -> ErrorKind {
    io::Error::from_raw_os_error(error.errno()).kind()
}

/// Two ends of a stream inside of a guest.
struct Inside {
    net: Loopback,
    ends: [Option<SocketId>; 2],
}

impl Inside {
    fn new() -> Self {
        let mut net = Loopback::new();
        let (client, server) = pair(&mut net);
        let ends = [Some(client), Some(server)];
        Self { net, ends }
    }

    fn call(&mut self, end: usize, call: Call) -> Option<Outcome> {
        let (net, id) = (&mut self.net, self.ends[end]?);
        let shut = |net: &mut Loopback, how| net.shutdown(id, how).map(|()| 0).map_err(kind);
        let tried = |result: Result<usize, TryError>| match result {
            Ok(count) => Ok(count),
            Err(TryError::WouldBlock) => Err(ErrorKind::WouldBlock),
            Err(TryError::Failed(error)) => Err(kind(error)),
        };
        Some(match call {
            Call::Write => tried(net.try_write(id, b"bytes")),
            Call::Read => tried(net.try_read(id, &mut [0; 100])),
            Call::EndWriting => shut(net, How::Write),
            Call::EndReading => shut(net, How::Read),
            Call::EndBoth => shut(net, How::Both),
            Call::TakeError => match net.take_error(id).expect("open") {
                Some(error) => Err(kind(error)),
                None => Ok(0),
            },
            Call::Close | Call::Abort => {
                self.ends[end] = None;
                if call == Call::Abort {
                    net.options(id).expect("open").linger_ns = Some(0);
                }
                net.close(id).map(|()| 0).map_err(kind)
            }
        })
    }

    /// Whether that end writes to nobody: the documented difference.
    fn has_lost_its_reader(&mut self, end: usize) -> bool {
        self.ends[1 - end].is_none_or(|other| {
            let stream = self
                .net
                .socket(other)
                .and_then(crate::socket::Socket::stream);
            stream.is_ok_and(|stream| stream.reads_no_more && stream.writes_no_more)
        })
    }
}

/// Two ends of a stream of the host.
struct Linux([Option<TcpStream>; 2]);

impl Linux {
    fn new(listener: &TcpListener) -> Self {
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("a listener");
        let (server, _) = listener.accept().expect("a connection");
        for end in [&client, &server] {
            end.set_nonblocking(true).expect("a socket");
        }
        Self([Some(client), Some(server)])
    }

    fn call(&mut self, end: usize, call: Call) -> Option<Outcome> {
        let mut stream = self.0[end].as_ref()?;
        let result = match call {
            Call::Write => stream.write(b"bytes"),
            Call::Read => stream.read(&mut [0; 100]),
            Call::EndWriting => stream.shutdown(Shutdown::Write).map(|()| 0),
            Call::EndReading => stream.shutdown(Shutdown::Read).map(|()| 0),
            Call::EndBoth => stream.shutdown(Shutdown::Both).map(|()| 0),
            Call::TakeError => match stream.take_error().expect("open") {
                Some(error) => Err(error),
                None => Ok(0),
            },
            Call::Close | Call::Abort => {
                if call == Call::Abort {
                    abort_on_close(stream);
                }
                self.0[end] = None;
                Ok(0)
            }
        };
        Some(result.map_err(|error| error.kind()))
    }
}

impl Drop for Linux {
    /// Leaves no port behind that waits.
    fn drop(&mut self) {
        self.0.iter().flatten().for_each(abort_on_close);
    }
}

fn abort_on_close(stream: &TcpStream) {
    let set = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
    set.expect("a socket");
}

/// What Linux says, once it says the same or has had its time: packets may be under way.
fn agrees(linux: &mut Linux, end: usize, call: Call, expected: Option<Outcome>) -> Option<Outcome> {
    let start = Instant::now();
    loop {
        let outcome = linux.call(end, call);
        // Two successes that differ stay different; all else may change when packets arrive.
        let settled = matches!((expected, outcome), (Some(Ok(_)), Some(Ok(_))));
        if outcome == expected || settled || start.elapsed() > Duration::from_secs(2) {
            return outcome;
        }
        std::thread::yield_now();
    }
}

#[test]
fn streams_do_what_those_of_linux_do() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let steps: Vec<(usize, Call)> = (0..2)
        .flat_map(|end| CALLS.map(|call| (end, call)))
        .collect();
    let mut compared = 0;
    for first in &steps {
        for second in &steps {
            for third in &steps {
                compared += compare(&listener, &[*first, *second, *third]);
            }
        }
    }
    assert!(compared > 10_000, "only {compared} calls were compared");
}

/// Plays a sequence on both; says how many calls were compared.
fn compare(listener: &TcpListener, sequence: &[(usize, Call)]) -> usize {
    let (mut inside, mut linux) = (Inside::new(), Linux::new(listener));
    let mut compared = 0;
    for (end, call) in sequence.iter().chain(&LAST) {
        let lonely = inside.has_lost_its_reader(*end);
        let ours = inside.call(*end, *call);
        if *call == Call::Write && lonely && ours == Some(Err(ErrorKind::BrokenPipe)) {
            return compared;
        }
        let theirs = agrees(&mut linux, *end, *call, ours);
        assert_eq!(
            ours, theirs,
            "end {end}, {call:?}, in {sequence:?} and {LAST:?}"
        );
        compared += usize::from(ours.is_some());
    }
    compared
}

/// Addresses that share ports with some of each other. `[::]` takes IPv4, too, as std's does.
const PLACES: [&str; 5] = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::]"];

/// Whether a second socket can be bound to the port of a first one.
fn shares<T>(bind: impl Fn(SocketAddr) -> Option<(T, u16)>, first: &str, second: &str) -> bool {
    let (_first, port) = bind(address(&format!("{first}:0"))).expect("a free port");
    bind(address(&format!("{second}:{port}"))).is_some()
}

#[test]
fn ports_are_shared_as_on_linux() {
    let has_v6 = TcpListener::bind("[::1]:0").is_ok();
    let places = &PLACES[..if has_v6 { 5 } else { 3 }];
    for first in places {
        for second in places {
            let net = RefCell::new(Loopback::new());
            let ours = |streams: bool| {
                let bind = |at| {
                    let mut net = net.borrow_mut();
                    let options = ListenOptions::default();
                    let id = match streams {
                        true => net.listen(at, options),
                        false => net.bind_datagram(at, false),
                    };
                    let id = id.ok()?;
                    Some((id, net.local_addr(id).ok()?.port()))
                };
                shares(bind, first, second)
            };
            let tcp = |at| {
                let socket = TcpListener::bind::<SocketAddr>(at).ok()?;
                let port = socket.local_addr().ok()?.port();
                Some((socket, port))
            };
            let udp = |at| {
                let socket = UdpSocket::bind::<SocketAddr>(at).ok()?;
                let port = socket.local_addr().ok()?.port();
                Some((socket, port))
            };
            let pair = format!("{first} and {second}");
            assert_eq!(ours(true), shares(tcp, first, second), "streams: {pair}");
            assert_eq!(ours(false), shares(udp, first, second), "datagrams: {pair}");
        }
    }
}

#[test]
fn a_default_peer_that_is_not_there_is_told_as_on_linux() {
    let theirs = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let gone = UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr();
    theirs.connect(gone.expect("a name")).expect("an address");
    theirs.set_nonblocking(true).expect("a socket");
    let mut net = Loopback::new();
    let ours = net
        .bind_datagram(address("127.0.0.1:1"), false)
        .expect("free");
    net.set_peer(ours, Some(address("127.0.0.1:9")))
        .expect("an address");
    for _ in 0..3 {
        let sent = net.try_send_to(ours, b"x", None).map(|()| 1);
        assert_eq!(
            sent.map_err(as_kind),
            told(|| theirs.send(b"x"), sent.is_ok())
        );
        let got = net
            .try_receive_from(ours, &mut [0], true)
            .map(|it| it.bytes);
        let expected = got.map_err(as_kind);
        assert_eq!(expected, told(|| theirs.recv(&mut [0]), true));
    }
}

fn as_kind(error: TryError) -> ErrorKind {
    match error {
        TryError::WouldBlock => ErrorKind::WouldBlock,
        TryError::Failed(error) => kind(error),
    }
}

/// What Linux tells, once packets that are under way have arrived.
fn told(mut call: impl FnMut() -> io::Result<usize>, at_once: bool) -> Outcome {
    let start = Instant::now();
    loop {
        let outcome = call().map_err(|error| error.kind());
        let waits = outcome == Err(ErrorKind::WouldBlock) || (outcome.is_ok() && !at_once);
        if !waits || start.elapsed() > Duration::from_secs(2) {
            return outcome;
        }
        std::thread::yield_now();
    }
}
