//! A guest that talks to itself: 127.0.0.0/8 and ::1 are its own.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use core::time::Duration;

use crate::pattern::Pattern;
use crate::{expect_error, failure};
use rt::io::{ErrorKind, Read, Result, Write};
use rt::net::{self, Options, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use rt::time::Instant;
use rt::{println, thread};

const CHUNK_BYTES: usize = 10_000;

/// Servers and clients of this guest, many streams at once, and nothing left of them.
pub(crate) fn check(streams: usize, bytes: usize) -> Result<()> {
    let before = net::loopback_stats();
    for at in ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0"] {
        converse(at, streams, bytes)?;
    }
    ports()?;
    endings()?;
    datagrams()?;
    let after = net::loopback_stats();
    if after != before {
        return Err(failure(format!(
            "left behind: {after:?}, before: {before:?}"
        )));
    }
    match net::stats() {
        Some(stats) => Err(failure(format!("the device was brought up: {stats:?}"))),
        None => {
            println!("nothing is left, and no device was touched");
            Ok(())
        }
    }
}

/// An echo server, and clients in threads of their own.
fn converse(at: &str, streams: usize, bytes: usize) -> Result<()> {
    let start = Instant::now();
    let listener = TcpListener::bind(at)?;
    let address = listener.local_addr()?;
    if address.port() == 0 {
        return Err(failure("no port was chosen"));
    }
    let server = thread::spawn(move || {
        let echoes: Vec<_> = listener
            .incoming()
            .take(streams)
            .map(|stream| stream.map(|stream| thread::spawn(move || echo(stream))))
            .collect::<Result<_>>()?;
        // So that no client is reset, the listener stays until all are served.
        echoes
            .into_iter()
            .try_for_each(|echo| echo.join().expect("no panic"))
    });
    let clients: Vec<_> = (0..streams)
        .map(|number| thread::spawn(move || client(address, number, bytes)))
        .collect();
    for client in clients {
        client.join().expect("no panic")?;
    }
    server.join().expect("no panic")?;
    println!(
        "{address}: {streams} streams, {bytes} bytes each way, {} ms",
        start.elapsed().as_millis()
    );
    Ok(())
}

/// One listener on all addresses takes `outside` connections from the host and as many from this
/// guest; echoes to all. The two kinds of addresses share their ports.
pub(crate) fn everywhere(at: SocketAddr, outside: usize) -> Result<()> {
    let own = SocketAddr::new(
        match at {
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => net::Ipv6Addr::LOCALHOST.into(),
        },
        at.port(),
    );
    let narrow = TcpListener::bind(own)?;
    expect_error("all after one", ErrorKind::AddrInUse, TcpListener::bind(at))?;
    drop(narrow);
    let listener = TcpListener::bind(at)?;
    expect_error(
        "one after all",
        ErrorKind::AddrInUse,
        TcpListener::bind(own),
    )?;
    expect_error("all twice", ErrorKind::AddrInUse, TcpListener::bind(at))?;

    let clients =
        thread::spawn(move || (0..outside).try_for_each(|number| client(own, number, 1000)));
    println!("listening at {}", listener.local_addr()?);
    let (mut inside, mut echoes) = (0, Vec::new());
    for _ in 0..2 * outside {
        let (stream, from) = listener.accept()?;
        inside += usize::from(from.ip().to_canonical().is_loopback());
        echoes.push(thread::spawn(move || echo(stream)));
    }
    echoes
        .into_iter()
        .try_for_each(|echo| echo.join().expect("no panic"))?;
    clients.join().expect("no panic")?;
    if inside != outside {
        return Err(failure(format!("{inside} connections came from inside")));
    }
    drop(listener);
    // The port is free again in this guest.
    drop(TcpListener::bind(own)?);
    let any = SocketAddr::new(at.ip(), 0);
    let some = TcpListener::bind(any)?.local_addr()?;
    println!(
        "{inside} connections from each side; a free port was {}",
        some.port()
    );
    match net::loopback_stats().sockets {
        0 => Ok(()),
        left => Err(failure(format!("{left} sockets are left"))),
    }
}

fn echo(mut stream: TcpStream) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}

fn client(address: SocketAddr, number: usize, bytes: usize) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let own = stream.local_addr()?;
    if stream.peer_addr()? != address || !own.ip().is_loopback() || own.port() == 0 {
        return Err(failure(format!(
            "{own} is connected to {:?}",
            stream.peer_addr()
        )));
    }
    let (mut sent, mut received) = (Pattern::new(number), Pattern::new(number));
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let chunk = &mut buffer[..left.min(CHUNK_BYTES)];
        sent.fill(chunk);
        stream.write_all(chunk)?;
        chunk.fill(0);
        stream.read_exact(chunk)?;
        received.check(chunk)?;
        left -= chunk.len();
    }
    Ok(())
}

/// Who has a port, and who is refused.
fn ports() -> Result<()> {
    let one = TcpListener::bind("127.0.0.1:8080")?;
    expect_error(
        "a port in use",
        ErrorKind::AddrInUse,
        TcpListener::bind("127.0.0.1:8080"),
    )?;
    let other = TcpListener::bind("127.0.0.2:8080")?;
    let nobody = TcpStream::connect("127.0.0.3:8080");
    expect_error("nobody listens", ErrorKind::ConnectionRefused, nobody)?;
    let client = TcpStream::connect("127.0.0.2:8080")?;
    let (accepted, from) = other.accept()?;
    if from != client.local_addr()? || accepted.peer_addr()? != from {
        return Err(failure(format!("{client:?} and {accepted:?} disagree")));
    }
    drop((one, other));
    // A connection that is open does not keep the port.
    TcpListener::bind("127.0.0.2:8080")?;
    let closed = TcpStream::connect("127.0.0.2:8080");
    expect_error("a closed listener", ErrorKind::ConnectionRefused, closed)
}

/// How streams end.
fn endings() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let pair = || -> Result<(TcpStream, TcpStream)> {
        let client = TcpStream::connect(listener.local_addr()?)?;
        Ok((client, listener.accept()?.0))
    };
    let (mut client, mut server) = pair()?;
    client.write_all(b"last words")?;
    drop(client);
    let mut words = Vec::new();
    server.read_to_end(&mut words)?;
    if words != b"last words" {
        return Err(failure(format!("{words:?} arrived")));
    }
    expect_error("nobody reads", ErrorKind::BrokenPipe, server.write(b"x"))?;

    let (mut client, server) = pair()?;
    client.write_all(b"never read")?;
    drop(server);
    let mut byte = [0];
    expect_error(
        "unread bytes",
        ErrorKind::ConnectionReset,
        client.read(&mut byte),
    )?;

    // Half a stream goes on without the other; options are kept.
    let (mut client, mut server) = pair()?;
    client.set_nodelay(true)?;
    client.write_all(b"question")?;
    client.shutdown(Shutdown::Write)?;
    expect_error(
        "writing has ended",
        ErrorKind::BrokenPipe,
        client.write(b"x"),
    )?;
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    server.read_to_end(&mut question)?;
    server.write_all(b"answer")?;
    drop(server);
    client.read_to_end(&mut answer)?;
    if (&question[..], &answer[..], client.nodelay()?) != (b"question", b"answer", true) {
        return Err(failure("a half-closed stream carries something else"));
    }

    // A full backlog makes a connect wait: for its time, or for an accept.
    let short = TcpListener::bind_with("127.0.0.1:0", &Options::new().backlog(1))?;
    let at = short.local_addr()?;
    let first = TcpStream::connect(at)?;
    let late = TcpStream::connect_timeout(&at, Duration::from_millis(50));
    expect_error("a full backlog", ErrorKind::TimedOut, late)?;
    let waiting = thread::spawn(move || TcpStream::connect(at));
    thread::sleep(Duration::from_millis(20));
    let accepted = short.accept()?.0;
    let second = waiting.join().expect("no panic")?;
    if short.accept()?.1 != second.local_addr()? || accepted.peer_addr()? != first.local_addr()? {
        return Err(failure("the backlog mixes connections up"));
    }

    // A read ends at its time-out, and when the other end comes to life.
    let (mut client, server) = pair()?;
    client.set_read_timeout(Some(Duration::from_millis(50)))?;
    expect_error(
        "a silent peer",
        ErrorKind::WouldBlock,
        client.read(&mut byte),
    )?;
    client.set_read_timeout(None)?;
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        (&server).write_all(b"!")
    });
    client.read_exact(&mut byte)?;
    late.join().expect("no panic")
}

/// Datagrams between sockets of this guest.
fn datagrams() -> Result<()> {
    let (one, two) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    let (from, to) = (one.local_addr()?, two.local_addr()?);
    expect_error(
        "a datagram port in use",
        ErrorKind::AddrInUse,
        UdpSocket::bind(from),
    )?;
    let mut bytes = [0; 8];
    for sent in [&b"first"[..], b"", b"too long for that"] {
        one.send_to(sent, to)?;
        let (count, sender) = two.recv_from(&mut bytes)?;
        if sender != from || bytes[..count] != sent[..sent.len().min(8)] {
            return Err(failure(format!("{count} bytes from {sender}")));
        }
    }
    // With a default peer, that one alone is heard; nobody else can be sent to by accident.
    one.connect(to)?;
    let stranger = UdpSocket::bind("127.0.0.1:0")?;
    stranger.send_to(b"unheard", from)?;
    two.send_to(b"heard", from)?;
    let count = one.recv(&mut bytes)?;
    if &bytes[..count] != b"heard" || one.peer_addr()? != to {
        return Err(failure("a stranger is heard"));
    }
    // Nobody there: told to who has it for a default peer.
    drop(two);
    one.send(b"x")?;
    expect_error(
        "nobody receives",
        ErrorKind::ConnectionRefused,
        one.recv(&mut bytes),
    )?;
    one.set_read_timeout(Some(Duration::from_millis(30)))?;
    expect_error("no datagram", ErrorKind::WouldBlock, one.recv(&mut bytes))?;
    // Nothing of a socket on a loopback address leaves the guest.
    let outside = stranger.send_to(b"x", "192.0.2.1:9");
    expect_error("an address outside", ErrorKind::InvalidInput, outside)
}
