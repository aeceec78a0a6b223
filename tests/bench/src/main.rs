//! The guest of `cargo boot bench`: measures its sockets against the servers of `bench-peer`,
//! which are in dom0 and tell what port does what.
//!
//! `net-bench ADDRESS PORT BULK_BYTES ROUND_TRIPS CONNECTIONS` prints a line `bench NAME VALUE`
//! per figure. Every figure is checked for what was moved: bytes that are missing are an error.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Display;

use rt::env;
use rt::io::{Error, ErrorKind, Read, Result, Write};
use rt::net::{SocketAddr, TcpStream};
use rt::time::{Duration, Instant};
use rt::{println, thread};

const CHUNK_BYTES: usize = 64 * 1024;
const THREADS: usize = 8;
const USAGE: &str = "usage: net-bench ADDRESS PORT BULK_BYTES ROUND_TRIPS CONNECTIONS";

#[rt::main]
fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, port, bulk, round_trips, connections] = args.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidInput, USAGE));
    };
    let first = number(port)?;
    let server = |offset: usize| -> Result<SocketAddr> {
        let text = alloc::format!("{address}:{}", first + offset);
        text.parse()
            .map_err(|_| Error::new(ErrorKind::InvalidInput, text))
    };
    // The handshake with the backend is not what is measured.
    round_trip(&mut TcpStream::connect(server(2)?)?)?;

    let bulk = number(bulk)?;
    let took = upload(server(0)?, bulk)?;
    figure("guest-to-host", per_second(bulk, took));
    let took = download(server(1)?, bulk)?;
    figure("host-to-guest", per_second(bulk, took));
    let times = round_trip_times(server(2)?, number(round_trips)?)?;
    figure("round-trip-p50", percentile(&times, 50).as_nanos());
    figure("round-trip-p99", percentile(&times, 99).as_nanos());
    let connections = number(connections)?;
    let took = connect_in_turn(server(3)?, connections)?;
    figure("connections", per_second(connections, took));
    let took = connect_at_once(server(3)?, connections)?;
    figure("connections-8", per_second(connections, took));
    Ok(())
}

fn number(text: &str) -> Result<usize> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, alloc::format!("number {text:?}")))
}

fn figure(name: &str, value: impl Display) {
    println!("bench {name} {value}");
}

fn per_second(count: usize, took: Duration) -> u128 {
    count as u128 * 1_000_000_000 / took.as_nanos().max(1)
}

/// Sends as many bytes, until the server has counted them.
fn upload(sink: SocketAddr, bytes: usize) -> Result<Duration> {
    let chunk = vec![b'x'; CHUNK_BYTES];
    let mut stream = TcpStream::connect(sink)?;
    let start = Instant::now();
    stream.write_all(&(bytes as u64).to_le_bytes())?;
    let mut left = bytes;
    while left > 0 {
        let part = left.min(CHUNK_BYTES);
        stream.write_all(&chunk[..part])?;
        left -= part;
    }
    let mut seen = [0; 8];
    stream.read_exact(&mut seen)?;
    let took = start.elapsed();
    match u64::from_le_bytes(seen) {
        seen if seen == bytes as u64 => Ok(took),
        seen => Err(Error::other(alloc::format!(
            "the server got {seen} of {bytes} bytes"
        ))),
    }
}

/// Receives as many bytes.
fn download(source: SocketAddr, bytes: usize) -> Result<Duration> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut stream = TcpStream::connect(source)?;
    let start = Instant::now();
    stream.write_all(&(bytes as u64).to_le_bytes())?;
    let mut seen = 0;
    while seen < bytes {
        match stream.read(&mut chunk)? {
            0 => {
                return Err(Error::other(alloc::format!(
                    "the stream ended after {seen} of {bytes} bytes"
                )));
            }
            count => seen += count,
        }
    }
    Ok(start.elapsed())
}

/// One byte to the echo server and back.
fn round_trip(stream: &mut TcpStream) -> Result<Duration> {
    let start = Instant::now();
    stream.write_all(b"x")?;
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    Ok(start.elapsed())
}

/// How long round trips took, the shortest first.
fn round_trip_times(echo: SocketAddr, count: usize) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(echo)?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        times.push(round_trip(&mut stream)?);
    }
    times.sort_unstable();
    Ok(times)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = sorted.len() * percent / 100;
    sorted
        .get(place.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Connects and closes, one connection after the other.
fn connect_in_turn(closing: SocketAddr, count: usize) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        TcpStream::connect(closing)?;
    }
    Ok(start.elapsed())
}

/// The same in several threads.
fn connect_at_once(closing: SocketAddr, count: usize) -> Result<Duration> {
    let start = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let own = count / THREADS + usize::from(number < count % THREADS);
            thread::spawn(move || connect_in_turn(closing, own))
        })
        .collect();
    for worker in threads {
        worker.join().expect("no panic")?;
    }
    Ok(start.elapsed())
}
