//! Sends lines to an echo server and checks what comes back:
//! `tcp-echo-client 192.0.2.1:7 [COUNT]`.
#![no_std]
#![no_main]

extern crate alloc;

use rt::io::{Error, ErrorKind, Read, Result, Write};
use rt::net::TcpStream;
use rt::time::Instant;
use rt::{env, println};

#[rt::main]
fn main() -> Result<()> {
    let usage = || {
        Error::new(
            ErrorKind::InvalidInput,
            "usage: tcp-echo-client HOST:PORT [COUNT]",
        )
    };
    let address = env::args().nth(1).ok_or_else(usage)?;
    let count = match env::args().nth(2) {
        Some(count) => count.parse::<u32>().map_err(|_| usage())?,
        None => 3,
    };
    let mut stream = TcpStream::connect(&address)?;
    println!("connected to {}", stream.peer_addr()?);
    let start = Instant::now();
    for number in 1..=count {
        let line = alloc::format!("line {number}\n");
        stream.write_all(line.as_bytes())?;
        let mut echo = alloc::vec![0; line.len()];
        stream.read_exact(&mut echo)?;
        if echo != line.as_bytes() {
            return Err(Error::new(ErrorKind::InvalidData, "the echo differs"));
        }
    }
    let elapsed = start.elapsed();
    println!(
        "{count} echoes, {} us each",
        elapsed.as_micros() / u128::from(count.max(1))
    );
    Ok(())
}
