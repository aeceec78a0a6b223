//! What the extensions of the protocol give streams: half-close, names, options.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::streams::same;
use crate::{expect_error, failure};
use rt::io::{ErrorKind, Read, Result, Write};
use rt::net::{Shutdown, SocketAddr, TcpStream};
use rt::{println, thread};

/// What `late` sends after the end of what it is sent.
const LATE_BYTES: usize = 50_000;

/// All of it, with an echo server, one that sends [`LATE_BYTES`] when all has come, and one that
/// tells how connections end.
pub(crate) fn check(echo: SocketAddr, late: SocketAddr, watched: SocketAddr) -> Result<()> {
    names(echo)?;
    options(echo)?;
    half_close(echo, late)?;
    linger(watched)?;
    println!("extensions are used");
    Ok(())
}

fn names(echo: SocketAddr) -> Result<()> {
    let (one, other) = (TcpStream::connect(echo)?, TcpStream::connect(echo)?);
    let (one_addr, other_addr) = (one.local_addr()?, other.local_addr()?);
    println!("names: {one:?}");
    // Client and server are on one host.
    same("local address", one_addr.ip(), echo.ip())?;
    same("peer's address", one.peer_addr()?, echo)?;
    match one_addr.port() {
        0 => Err(failure("local port 0")),
        port if port == other_addr.port() => Err(failure("two connections with one name")),
        _ => Ok(()),
    }
}

fn options(echo: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(echo)?;
    for nodelay in [true, false] {
        stream.set_nodelay(nodelay)?;
        same("nodelay", stream.try_clone()?.nodelay()?, nodelay)?;
    }
    stream.set_ttl(7)?;
    same("ttl", stream.ttl()?, 7)?;
    for ttl in [0, 256, u32::MAX] {
        expect_error(
            "a ttl that cannot be",
            ErrorKind::InvalidInput,
            stream.set_ttl(ttl),
        )?;
    }
    same("ttl", stream.ttl()?, 7)?;
    for linger in [
        Some(Duration::from_millis(1500)),
        Some(Duration::ZERO),
        None,
    ] {
        stream.set_linger(linger)?;
        same("linger", stream.linger()?, linger)?;
    }
    // A little is not nothing: nothing would be a reset.
    stream.set_linger(Some(Duration::from_nanos(1)))?;
    same("linger", stream.linger()?, Some(Duration::from_millis(1)))?;
    same("error", stream.take_error()?.is_none(), true)
}

/// The byte that `back-peer` sends and expects there.
fn pattern(at: usize) -> u8 {
    u8::try_from(at % 251).expect("below 251")
}

fn half_close(echo: SocketAddr, late: SocketAddr) -> Result<()> {
    // The way out: what was written arrives, the end behind it, and the other way goes on.
    let mut stream = TcpStream::connect(late)?;
    let bytes: Vec<u8> = (0..100_000).map(pattern).collect();
    stream.write_all(&bytes)?;
    stream.shutdown(Shutdown::Write)?;
    expect_error(
        "a write afterwards",
        ErrorKind::BrokenPipe,
        stream.write(b"x"),
    )?;
    let mut back = vec![];
    same("what came back", stream.read_to_end(&mut back)?, LATE_BYTES)?;
    same(
        "its last byte",
        back.last().copied(),
        Some(pattern(LATE_BYTES - 1)),
    )?;

    // The way in: a read that waits ends, and the other way goes on.
    let stream = TcpStream::connect(echo)?;
    let mut reader = stream.try_clone()?;
    let reading = thread::spawn(move || reader.read(&mut [0]));
    thread::sleep(Duration::from_millis(100));
    same("a read of nothing has ended", reading.is_finished(), false)?;
    stream.shutdown(Shutdown::Read)?;
    same(
        "the read that waited",
        reading.join().expect("no panic")?,
        0,
    )?;
    (&stream).write_all(b"nobody listens to the echo")?;
    same("a read afterwards", (&stream).read(&mut [0])?, 0)?;
    stream.shutdown(Shutdown::Write)?;
    stream.shutdown(Shutdown::Both)
}

/// A close is a reset if there is no time for it, and an orderly end else.
fn linger(watched: SocketAddr) -> Result<()> {
    let reset = TcpStream::connect(watched)?;
    (&reset).write_all(b"\0\x01\x02")?;
    thread::sleep(Duration::from_millis(300));
    reset.set_linger(Some(Duration::ZERO))?;
    drop(reset);
    thread::sleep(Duration::from_millis(300));
    let orderly = TcpStream::connect(watched)?;
    orderly.set_linger(Some(Duration::from_secs(10)))?;
    (&orderly).write_all(b"\0\x01\x02\x03")
}
