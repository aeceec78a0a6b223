//! The other end of net-probe's connections, in dom0: many clients of a guest's server, and a
//! server for a lot of data.
//!
//! ```text
//! net-peer clients ADDRESS:PORT COUNT ROUNDS BYTES  COUNT connections, open at once; in each round
//!                                                   all send, then all get their bytes back
//! net-peer one-by-one ADDRESS:PORT COUNT BYTES      COUNT connections, one after the other
//! net-peer receive ADDRESS:PORT COUNT BYTES         COUNT connections; each is sent so many bytes
//!                                                   of the pattern, and the end
//! net-peer bulk ADDRESS:PORT                        serves transfers, see `bulk.rs`
//! net-peer udp-echo ADDRESS:PORT                    sends datagrams back
//! net-peer udp-clients ADDRESS:PORT COUNT ROUNDS BYTES  COUNT sockets; in each round all ask, and all
//!                                                   get their bytes back
//! net-peer udp-through-outage ADDRESS:PORT          asks until the guest was away and is back
//! ```
//!
//! Every byte is compared: no two connections send the same, and no two rounds. A guest that is not
//! there yet is waited for.

mod bulk;
mod datagrams;
mod pattern;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use pattern::{fill, line};

/// How long a connection may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take to listen.
const START: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["clients", address, count, rounds, bytes] => {
            clients(address, count.parse()?, rounds.parse()?, bytes.parse()?)
        }
        ["one-by-one", address, count, bytes] => {
            one_by_one(address, count.parse()?, bytes.parse()?)
        }
        ["receive", address, count, bytes] => receive(address, count.parse()?, bytes.parse()?),
        ["bulk", address] => bulk::serve(address),
        ["udp-echo", address] => datagrams::echo(address),
        ["udp-clients", address, count, rounds, bytes] => {
            datagrams::clients(address, count.parse()?, rounds.parse()?, bytes.parse()?)
        }
        ["udp-through-outage", address] => datagrams::through_outage(address),
        _ => bail!("usage: net-peer clients|one-by-one|receive|bulk|udp-... ADDRESS:PORT ..."),
    }
}

/// Connects; the first time waits until somebody listens.
fn connect(address: &str, number: usize) -> Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Err(error)
                if number == 0
                    && error.kind() == ErrorKind::ConnectionRefused
                    && start.elapsed() < START =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            result => {
                let stream = result.with_context(|| format!("connection {number}"))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
}

fn clients(address: &str, count: usize, rounds: usize, bytes: usize) -> Result<()> {
    let streams: Vec<TcpStream> = (0..count)
        .map(|number| connect(address, number))
        .collect::<Result<_>>()?;
    println!("{count} connected");
    let mut buffer = vec![0; bytes];
    for round in 0..rounds {
        for (number, mut stream) in streams.iter().enumerate() {
            fill(&mut buffer, &line(number, round), 0);
            stream
                .write_all(&buffer)
                .with_context(|| format!("connection {number}"))?;
        }
        for (number, stream) in streams.iter().enumerate() {
            expect(stream, &line(number, round), bytes)
                .with_context(|| format!("connection {number}, round {round}"))?;
        }
    }
    for (number, stream) in streams.iter().enumerate() {
        end(stream).with_context(|| format!("connection {number}"))?;
    }
    println!("{count} clients had {rounds} rounds of {bytes} bytes echoed");
    Ok(())
}

fn one_by_one(address: &str, count: usize, bytes: usize) -> Result<()> {
    let mut buffer = vec![0; bytes];
    for number in 0..count {
        fill(&mut buffer, &line(number, 0), 0);
        let stream = connect(address, number)?;
        exchange(&stream, number, &buffer).with_context(|| format!("connection {number}"))?;
    }
    println!("{count} connections had {bytes} bytes echoed");
    Ok(())
}

/// Sends the bytes, and gets them and the end back.
fn exchange(mut stream: &TcpStream, number: usize, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes)?;
    expect(stream, &line(number, 0), bytes.len())?;
    end(stream)
}

fn receive(address: &str, count: usize, bytes: usize) -> Result<()> {
    for number in 0..count {
        let stream = connect(address, number)?;
        expect(&stream, &line(number, 0), bytes)
            .and_then(|()| end(&stream))
            .with_context(|| format!("connection {number}"))?;
    }
    println!("{count} connections brought {bytes} bytes each, and the end");
    Ok(())
}

/// So many bytes of the pattern arrive.
fn expect(mut stream: &TcpStream, line: &[u8], bytes: usize) -> Result<()> {
    let mut buffer = [0; 65536];
    let mut wanted = [0; 65536];
    let mut seen = 0;
    while seen < bytes {
        let most = buffer.len().min(bytes - seen);
        let count = stream
            .read(&mut buffer[..most])
            .with_context(|| format!("after {seen} of {bytes} bytes"))?;
        ensure!(count > 0, "the end after {seen} of {bytes} bytes");
        fill(&mut wanted[..count], line, seen);
        ensure!(
            buffer[..count] == wanted[..count],
            "other bytes between {seen} and {}",
            seen + count
        );
        seen += count;
    }
    Ok(())
}

/// Says that no more comes, and nothing but the end comes back.
fn end(mut stream: &TcpStream) -> Result<()> {
    match stream.shutdown(Shutdown::Write) {
        // The other side closed first, and this one knows.
        Err(error) if error.kind() == ErrorKind::NotConnected => {}
        result => result.context("shutdown")?,
    }
    let count = stream.read(&mut [0]).context("instead of the end")?;
    ensure!(count == 0, "a byte too many");
    Ok(())
}
