//! The servers in dom0 that the guest of `cargo boot bench` (tests/bench) measures with.
//!
//! `bench-peer ADDRESS PORT` listens on four ports of the address, from PORT on:
//!
//! | port | server |
//! |---|---|
//! | +0 | sink: a length (8 bytes, little-endian), then as many bytes; answers with the length it counted |
//! | +1 | source: a length; answers with as many bytes |
//! | +2 | echo |
//! | +3 | accepts and closes |
//!
//! Each connection of the first three has a thread of its own; a connection that fails is the
//! guest's to report.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

const CHUNK_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, port] = args.as_slice() else {
        eprintln!("usage: bench-peer ADDRESS PORT");
        return ExitCode::from(2);
    };
    match listen(address, port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("bench-peer: {err}");
            ExitCode::FAILURE
        }
    }
}

fn listen(address: &str, port: &str) -> io::Result<()> {
    let first: u16 = port
        .parse()
        .map_err(|_| io::Error::other(format!("{port} is no port")))?;
    let bind = |offset| TcpListener::bind((address, first + offset));
    serve(bind(0)?, sink);
    serve(bind(1)?, source);
    serve(bind(2)?, echo);
    let closing = bind(3)?;
    loop {
        closing.accept()?;
    }
}

fn serve(listener: TcpListener, answer: fn(TcpStream) -> io::Result<()>) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
}

fn read_length(stream: &mut TcpStream) -> io::Result<u64> {
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    Ok(u64::from_le_bytes(length))
}

fn sink(mut stream: TcpStream) -> io::Result<()> {
    let length = read_length(&mut stream)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut seen = 0;
    while seen < length {
        match stream.read(&mut buffer)? {
            0 => break,
            count => seen += count as u64,
        }
    }
    stream.write_all(&seen.to_le_bytes())?;
    // The end comes after the answer was read: a Linux backend may lose one that comes with it.
    stream.read(&mut buffer).map(drop)
}

fn source(mut stream: TcpStream) -> io::Result<()> {
    let mut left = read_length(&mut stream)?;
    let buffer = vec![b'x'; CHUNK_BYTES];
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        stream.write_all(&buffer[..part])?;
        left -= part as u64;
    }
    stream.read(&mut [0]).map(drop)
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
