//! Waiting for ever, so that the host can end it.

use core::time::Duration;

use crate::failure;
use rt::io::{Read, Result};
use rt::net::{SocketAddr, TcpStream};
use rt::{println, thread};

/// Reads from a server that says nothing.
pub(crate) fn read(silent: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(silent)?;
    println!("reading");
    let result = stream.read(&mut [0]);
    Err(failure(alloc::format!("the read ended: {result:?}")))
}

/// Sleeps for a day.
pub(crate) fn sleep() -> Result<()> {
    println!("sleeping");
    thread::sleep(Duration::from_secs(24 * 60 * 60));
    Err(failure("the sleep ended"))
}
