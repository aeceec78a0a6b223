//! What version 1 of the protocol cannot do, and time-outs.

use core::time::Duration;

use crate::{expect_error, failure};
use rt::io::{ErrorKind, Read, Result, Write};
use rt::net::{Shutdown, SocketAddr, TcpStream};
use rt::println;
use rt::time::Instant;

/// Checks the calls on a stream to an echo server.
pub(crate) fn check(echo: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    if stream.peer_addr()? != echo {
        return Err(failure("peer_addr is another"));
    }
    expect_error("local_addr", ErrorKind::Unsupported, stream.local_addr())?;
    for how in [Shutdown::Read, Shutdown::Write] {
        expect_error("shutdown", ErrorKind::Unsupported, stream.shutdown(how))?;
    }
    expect_error("nodelay", ErrorKind::Unsupported, stream.set_nodelay(true))?;
    stream.set_nodelay(false)?;
    if stream.nodelay()? {
        return Err(failure("nodelay is on"));
    }

    let zero = Some(Duration::ZERO);
    expect_error(
        "zero",
        ErrorKind::InvalidInput,
        stream.set_read_timeout(zero),
    )?;
    expect_error(
        "zero",
        ErrorKind::InvalidInput,
        stream.set_write_timeout(zero),
    )?;
    let timeout = TcpStream::connect_timeout(&echo, Duration::ZERO);
    expect_error("zero", ErrorKind::InvalidInput, timeout)?;
    for ms in [1, 300] {
        read_timeout(&stream, Duration::from_millis(ms))?;
    }

    // It works on after all that, also with a time-out that is not reached.
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"still here")?;
    let mut bytes = [0; 10];
    let peeked = stream.peek(&mut bytes)?;
    if peeked == 0 || bytes[..peeked] != b"still here"[..peeked] {
        return Err(failure("peek sees something else"));
    }
    bytes.fill(0);
    stream.read_exact(&mut bytes)?;
    if &bytes != b"still here" {
        return Err(failure("the echo differs"));
    }
    println!("limits are as documented");
    Ok(())
}

/// A read of nothing ends after about the time that was set.
fn read_timeout(mut stream: &TcpStream, timeout: Duration) -> Result<()> {
    stream.set_read_timeout(Some(timeout))?;
    if stream.read_timeout()? != Some(timeout) {
        return Err(failure("the time-out is another"));
    }
    let start = Instant::now();
    let result = stream.read(&mut [0]);
    let took = start.elapsed();
    expect_error("a read of nothing", ErrorKind::WouldBlock, result)?;
    println!("time-out of {timeout:?} after {took:?}");
    if took < timeout || took > timeout + Duration::from_secs(1) {
        return Err(failure("that is not about the time-out"));
    }
    Ok(())
}
