//! Listeners that come and go, and one whose backend goes away.

use alloc::format;
use core::time::Duration;

use crate::{expect_error, failure};
use rt::io::{ErrorKind, Read, Result, Write};
use rt::net::{self, SocketAddr, TcpListener, TcpStream};
use rt::{println, thread};

/// Sends back what comes, until the end.
fn echo(mut stream: TcpStream) -> Result<()> {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            count => stream.write_all(&bytes[..count])?,
        }
    }
}

/// Listeners one after the other, each with an ACCEPT that waits: whatever the backend makes of those,
/// one that was there before, at a port that the host chose, goes on listening.
pub(crate) fn come_and_go(at: SocketAddr, rounds: u16) -> Result<()> {
    let stays = TcpListener::bind(SocketAddr::new(at.ip(), 0))?;
    let found = stays.local_addr()?;
    if found.port() < 1024 {
        return Err(failure(format!("port {found}")));
    }
    println!("a port was chosen: {found}");
    expect_error(
        "a port in use",
        ErrorKind::AddrInUse,
        TcpListener::bind(found),
    )?;
    for round in 0..rounds {
        let at = SocketAddr::new(at.ip(), at.port() + round);
        let listener = TcpListener::bind(at)?;
        if listener.local_addr()? != at {
            return Err(failure("bound elsewhere"));
        }
        listener.set_nonblocking(true)?;
        expect_error("nobody came", ErrorKind::WouldBlock, listener.accept())?;
    }
    // They are closed behind our back.
    thread::sleep(Duration::from_secs(3));
    let stats = net::stats().ok_or_else(|| failure("the device is there"))?;
    let (lost, reconnects) = (stats.slots_lost, stats.reconnects);
    println!("{rounds} listeners came and went: {lost} slots lost, {reconnects} reconnects");
    let (mut stream, _) = stays.accept()?;
    stream.write_all(b"welcome\n")?;
    Ok(())
}

/// A server that goes on through an outage of its backend.
pub(crate) fn survive(at: SocketAddr, connections: usize) -> Result<()> {
    let listener = TcpListener::bind(at)?;
    println!("listening at {}", listener.local_addr()?);
    let mut reconnects = 0;
    for number in 0..connections {
        let (stream, _) = listener.accept()?;
        println!("connection {number} of {connections}");
        if let Err(error) = echo(stream) {
            println!("connection {number} ended: {:?}: {error}", error.kind());
        }
        reconnects = net::stats().map_or(0, |stats| stats.reconnects);
    }
    thread::sleep(Duration::from_millis(100));
    println!("served, {reconnects} reconnects");
    Ok(())
}
