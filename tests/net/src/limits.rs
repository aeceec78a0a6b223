//! What version 1 of the protocol cannot do, and time-outs.

use core::time::Duration;

use crate::streams::same;
use crate::{address, expect_error, failure};
use rt::io::{ErrorKind, Read, Result, Write};
use rt::net::{Shutdown, SocketAddr, TcpStream};
use rt::println;
use rt::time::Instant;

/// Checks the calls on a stream to an echo server.
pub(crate) fn check(echo: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    same("peer_addr", stream.peer_addr()?, echo)?;
    let unsupported = ErrorKind::Unsupported;
    expect_error("local_addr", unsupported, stream.local_addr())?;
    expect_error("shutdown", unsupported, stream.shutdown(Shutdown::Write))?;
    expect_error("nodelay", unsupported, stream.set_nodelay(true))?;
    expect_error("ttl", unsupported, stream.ttl())?;
    expect_error("set_ttl", unsupported, stream.set_ttl(7))?;
    let at_once = Some(Duration::ZERO);
    expect_error("linger", unsupported, stream.set_linger(at_once))?;
    stream.set_nodelay(false)?;
    same("nodelay", stream.nodelay()?, false)?;
    stream.set_linger(None)?;
    same("linger", stream.linger()?, None)?;
    let v6 = address("[2001:db8::1]:7")?;
    expect_error("IPv6", unsupported, TcpStream::connect(v6))?;

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
