//! Sends lines to an echo server, checks what comes back, and measures how long it takes.
//!
//! ```text
//! $ cargo boot run tcp-echo-client -- 192.0.2.1:7 100
//! connected to 192.0.2.1:7
//! 100 echoes, 812 us each
//! ```
//!
//! The rig's dom0 has an echo server at that address. Without a number it sends three lines.
//! Ends with 0 when all came back as they were sent, else with 1.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::vec;

use rt::io::{Error, ErrorKind, Read, Result, Write};
use rt::net::TcpStream;
use rt::time::Instant;
use rt::{env, println};

#[rt::main]
fn main() -> Result<()> {
    let address = env::args().nth(1).ok_or_else(usage)?;
    let count: u32 = match env::args().nth(2) {
        Some(count) => count.parse().map_err(|_| usage())?,
        None => 3,
    };

    let mut stream = TcpStream::connect(&address)?;
    println!("connected to {}", stream.peer_addr()?);

    let start = Instant::now();
    for number in 1..=count {
        let line = format!("line {number}\n");
        stream.write_all(line.as_bytes())?;

        let mut echo = vec![0; line.len()];
        stream.read_exact(&mut echo)?;
        if echo != line.as_bytes() {
            let what = format!("line {number} came back as {}", echo.escape_ascii());
            return Err(Error::new(ErrorKind::InvalidData, what));
        }
    }
    let each = start.elapsed() / count.max(1);
    println!("{count} echoes, {} us each", each.as_micros());
    Ok(())
}

fn usage() -> Error {
    let text = "usage: tcp-echo-client HOST:PORT [COUNT]";
    Error::new(ErrorKind::InvalidInput, text)
}
