//! Data both ways, from several threads, and right before the end.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::failure;
use crate::pattern::Pattern;
use rt::io::{Read, Result, Write};
use rt::net::{SocketAddr, TcpStream};
use rt::time::Instant;
use rt::{println, thread};

const CHUNK_BYTES: usize = 10_000;

/// Writes and reads at once, in two threads, on one stream to an echo server.
pub(crate) fn echo(echo: SocketAddr, bytes: usize) -> Result<()> {
    let start = Instant::now();
    let stream = Arc::new(TcpStream::connect(echo)?);
    let writer = {
        let stream = stream.clone();
        thread::spawn(move || write(&stream, Pattern::new(0), bytes))
    };
    read(&stream, Pattern::new(0), bytes)?;
    writer.join().expect("no panic")?;
    println!(
        "{bytes} bytes to and fro, {} ms",
        start.elapsed().as_millis()
    );
    Ok(())
}

/// Several threads with a connection each, all open at once.
pub(crate) fn echo_parallel(echo: SocketAddr, threads: usize, bytes: usize) -> Result<()> {
    let streams: Vec<TcpStream> = (0..threads)
        .map(|_| TcpStream::connect(echo))
        .collect::<Result<_>>()?;
    println!("{} connections", streams.len());
    let workers: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(number, stream)| {
            thread::spawn(move || {
                let (mut sent, mut received) = (Pattern::new(number), Pattern::new(number));
                let mut buffer = vec![0; CHUNK_BYTES];
                let mut left = bytes;
                while left > 0 {
                    let chunk = &mut buffer[..left.min(CHUNK_BYTES)];
                    sent.fill(chunk);
                    (&stream).write_all(chunk)?;
                    chunk.fill(0);
                    (&stream).read_exact(chunk)?;
                    received.check(chunk)?;
                    left -= chunk.len();
                }
                Ok(())
            })
        })
        .collect();
    let results: Vec<Result<()>> = workers
        .into_iter()
        .map(|worker| worker.join().expect("no panic"))
        .collect();
    for (number, result) in results.iter().enumerate() {
        if let Err(error) = result {
            println!("thread {number}: {error}");
        }
    }
    match results.iter().filter(|result| result.is_err()).count() {
        0 => {
            println!("{threads} threads, {bytes} bytes each");
            Ok(())
        }
        count => Err(failure(format!("{count} threads failed"))),
    }
}

/// Writes on `count` connections, one after the other, and drops each at once. Returns from
/// `main` right after the last.
pub(crate) fn write_and_drop(sink: SocketAddr, count: usize, bytes: usize) -> Result<()> {
    for number in 1..=count {
        let stream = TcpStream::connect(sink)?;
        write(&stream, Pattern::new(number), bytes)?;
    }
    Ok(())
}

/// Writes to one connection and ends the domain with the stream still open.
pub(crate) fn write_and_exit(sink: SocketAddr, bytes: usize) -> Result<()> {
    let stream = TcpStream::connect(sink)?;
    write(&stream, Pattern::new(1), bytes)?;
    rt::process::exit(0)
}

fn write(mut stream: &TcpStream, mut pattern: Pattern, bytes: usize) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let chunk = &mut buffer[..left.min(CHUNK_BYTES)];
        pattern.fill(chunk);
        stream.write_all(chunk)?;
        left -= chunk.len();
    }
    Ok(())
}

fn read(mut stream: &TcpStream, mut pattern: Pattern, bytes: usize) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let wanted = left.min(CHUNK_BYTES);
        let count = stream.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(failure(format!("the stream ended {left} bytes early")));
        }
        pattern.check(&buffer[..count])?;
        left -= count;
    }
    Ok(())
}
