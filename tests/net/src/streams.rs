//! Streams as std's: clones, non-blocking calls, several buffers at once, ring sizes, bad
//! arguments.

use alloc::format;
use alloc::vec;
use core::fmt::Debug;
use core::time::Duration;

use crate::{expect_error, failure};
use rt::io::{ErrorKind, IoSlice, IoSliceMut, Read, Result, Write};
use rt::kernel::grant;
use rt::net::{self, Options, RingOrder, Shutdown, SocketAddr, TcpStream};
use rt::{env, println, thread};

/// Pages besides the data in a ring: the indexes.
const INDEX_PAGES: usize = 1;

/// All of it, with an echo server, a server that says and reads nothing, and a port where nobody
/// listens.
pub(crate) fn check(echo: SocketAddr, silent: SocketAddr, closed: SocketAddr) -> Result<()> {
    default_rings(echo)?;
    clones(echo)?;
    nonblocking(echo, silent)?;
    vectored(echo)?;
    shutdown(silent)?;
    arguments(echo, closed)?;
    rings(echo)?;
    println!("streams are as in std");
    Ok(())
}

/// Fails unless both are the same.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, is: T, should: T) -> Result<()> {
    match is == should {
        true => Ok(()),
        false => Err(failure(format!("{what}: {is:?}, expected {should:?}"))),
    }
}

/// A clone is the same connection, which ends with the last one.
fn clones(echo: SocketAddr) -> Result<()> {
    let first = TcpStream::connect(echo)?;
    let mut second = first.try_clone()?;
    first.set_read_timeout(Some(Duration::from_secs(20)))?;
    let timeout = second.read_timeout()?;
    same("a clone's time-out", timeout, Some(Duration::from_secs(20)))?;

    let reader = thread::spawn(move || {
        let mut bytes = [0; 5];
        second.read_exact(&mut bytes).map(|()| (second, bytes))
    });
    (&first).write_all(b"hello")?;
    drop(first);
    let (mut second, bytes) = reader.join().expect("no panic")?;
    same("what the clone reads", &bytes, b"hello")?;
    second.write_all(b"again")?;
    let mut bytes = [0; 5];
    second.read_exact(&mut bytes)?;
    same("what the last clone reads", &bytes, b"again")
}

/// Calls that may not wait say so, and succeed when they need not.
fn nonblocking(echo: SocketAddr, silent: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    let clone = stream.try_clone()?;
    clone.set_nonblocking(true)?;
    expect_error(
        "read of nothing",
        ErrorKind::WouldBlock,
        stream.read(&mut [0; 5]),
    )?;
    expect_error(
        "peek of nothing",
        ErrorKind::WouldBlock,
        stream.peek(&mut [0; 5]),
    )?;
    same("a write that may not wait", stream.write(b"hello")?, 5)?;
    let mut bytes = [0; 5];
    let mut have = 0;
    while have < bytes.len() {
        // No sleep: a failed call gives the rest of the guest its turn.
        match stream.read(&mut bytes[have..]) {
            Ok(0) => return Err(failure("the stream ended")),
            Ok(count) => have += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    same("what came", &bytes, b"hello")?;

    let mut full = TcpStream::connect(silent)?;
    full.set_nonblocking(true)?;
    let chunk = vec![0; 64 * 1024];
    let mut written = 0_u64;
    let mut refused = 0;
    // The host's buffers take a while to fill.
    while refused < 100 {
        match full.write(&chunk) {
            Ok(count) => {
                written += count as u64;
                refused = 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
    println!("a write would block after {written} bytes");

    full.set_nonblocking(false)?;
    full.set_write_timeout(Some(Duration::from_millis(300)))?;
    let late = full.write(&chunk);
    expect_error("a write that waits too long", ErrorKind::WouldBlock, late)
}

/// Several buffers are written and read as if they were one.
fn vectored(echo: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    let parts = [&b""[..], b"one ", b"", b"two ", b"three"].map(IoSlice::new);
    same("a vectored write", stream.write_vectored(&parts)?, 13)?;
    let (mut first, mut second) = ([0; 3], [0; 20]);
    while stream.peek(&mut second)? < 13 {
        thread::sleep(Duration::from_millis(5));
    }
    let mut parts = [
        IoSliceMut::new(&mut first),
        IoSliceMut::new(&mut []),
        IoSliceMut::new(&mut second),
    ];
    same("a vectored read", stream.read_vectored(&mut parts)?, 13)?;
    same("its first part", &first, b"one")?;
    same("its last part", &second[..10], b" two three")
}

/// Shutdown of both directions ends a read that waits, and all later calls.
fn shutdown(silent: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(silent)?;
    let mut reader = stream.try_clone()?;
    let reading = thread::spawn(move || reader.read(&mut [0]));
    thread::sleep(Duration::from_millis(100));
    if reading.is_finished() {
        return Err(failure("a read of nothing has ended"));
    }
    stream.shutdown(Shutdown::Both)?;
    same(
        "the read that waited",
        reading.join().expect("no panic")?,
        0,
    )?;
    same("a read afterwards", stream.read(&mut [0])?, 0)?;
    expect_error(
        "a write afterwards",
        ErrorKind::BrokenPipe,
        stream.write(b"x"),
    )?;
    same("no error", stream.take_error()?.is_none(), true)
}

/// What makes no sense is refused in std's words.
fn arguments(echo: SocketAddr, closed: SocketAddr) -> Result<()> {
    for text in [
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:x",
        "",
    ] {
        let what = format!("connect to {text:?}");
        expect_error(&what, ErrorKind::InvalidInput, TcpStream::connect(text))?;
    }
    let nothing: &[SocketAddr] = &[];
    expect_error(
        "no address",
        ErrorKind::InvalidInput,
        TcpStream::connect(nothing),
    )?;
    expect_error(
        "nobody listens",
        ErrorKind::ConnectionRefused,
        TcpStream::connect(closed),
    )?;
    let zero = TcpStream::connect_timeout(&echo, Duration::ZERO);
    expect_error("no time", ErrorKind::InvalidInput, zero)?;

    let both = TcpStream::connect(&[closed, echo][..])?;
    same("the second address", both.peer_addr()?, echo)?;
    same("no error", both.take_error()?.is_none(), true)
}

/// The size of rings is what the command line says, then what was set. Comes first: rings that are
/// kept for later have the size that they have.
fn default_rings(echo: SocketAddr) -> Result<()> {
    let ring = |order: RingOrder| order.data_pages().get() + INDEX_PAGES;
    let order = env::var("ring_order").ok();
    let order = order.and_then(|order| RingOrder::new(order.parse().ok()?));
    let order = order.ok_or_else(|| failure("no ring_order on the command line"))?;
    let _first = TcpStream::connect(echo)?;
    let one = grants(1)?;
    let _second = TcpStream::connect(echo)?;
    let two = grants(2)?;
    same("grants of a usual ring", two - one, ring(order))?;
    let order = RingOrder::new(3).expect("in range");
    net::set_default_ring_order(order);
    let _third = TcpStream::connect(echo)?;
    same("grants of another ring", grants(3)? - two, ring(order))
}

/// The size of a ring is what was asked for.
fn rings(echo: SocketAddr) -> Result<()> {
    for order in [RingOrder::MIN, RingOrder::new(3).expect("in range")] {
        let before = grants(0)?;
        let mut stream = TcpStream::connect_with(echo, &Options::new().ring_order(order))?;
        let pages = order.data_pages().get() + INDEX_PAGES;
        same("grants of a ring", grants(1)? - before, pages)?;
        let bytes = vec![7; 3 * order.array_bytes() as usize];
        let mut writer = stream.try_clone()?;
        let written = bytes.clone();
        let writing = thread::spawn(move || writer.write_all(&written));
        let mut back = vec![0; bytes.len()];
        stream.read_exact(&mut back)?;
        writing.join().expect("no panic")?;
        same("the echo", back == bytes, true)?;
        drop(stream);
    }
    Ok(())
}

/// Grants in use, but for rings that are kept for later. Sockets that were dropped are closed before
/// they are counted.
fn grants(sockets: usize) -> Result<usize> {
    for _ in 0..400 {
        let Some(stats) = net::stats() else {
            break;
        };
        if stats.sockets == sockets && stats.outstanding_commands == 0 {
            return Ok(grant::in_use() as usize - stats.pooled_pages);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(failure(format!("they do not close: {:?}", net::stats())))
}
