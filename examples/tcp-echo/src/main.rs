//! Sends back what it gets, to many clients at once: a thread for each connection.
//!
//! ```text
//! $ cargo boot run tcp-echo -- 7007
//! listening on 0.0.0.0:7007
//! 192.0.2.1:40112: 14 bytes
//! ```
//!
//! The port is 7007 if none is named. A client that says nothing for a minute is let go.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;

use rt::io::{Error, ErrorKind, Read, Result, Write};
use rt::net::{TcpListener, TcpStream};
use rt::time::Duration;
use rt::{env, println, thread};

const PATIENCE: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 16 * 1024;

#[rt::main]
fn main() -> Result<()> {
    let port = match env::args().nth(1) {
        Some(port) => port
            .parse()
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "usage: tcp-echo [PORT]"))?,
        None => 7007,
    };
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, client) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                println!("accept: {error}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let spawned = thread::Builder::new().spawn(move || match echo(stream) {
            Ok(bytes) => println!("{client}: {bytes} bytes"),
            Err(error) => println!("{client}: {error}"),
        });
        if let Err(error) = spawned {
            // The stream went with the closure: the client sees its connection closed.
            println!("{client}: no thread: {error}");
        }
    }
}

/// Returns how many bytes went each way.
fn echo(mut stream: TcpStream) -> Result<u64> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(bytes),
            count => {
                stream.write_all(&buffer[..count])?;
                bytes += count as u64;
            }
        }
    }
}
