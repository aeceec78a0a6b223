//! Servers: what a guest that listens does, with clients in dom0.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use crate::pattern::Pattern;
use crate::resources::Resources;
use crate::{expect_error, failure};
use rt::io::{ErrorKind, Read, Result, Write};
use rt::kernel::mem;
use rt::net::{SocketAddr, TcpListener, TcpStream};
use rt::time::Instant;
use rt::{println, thread};

/// Enough for a loop that copies bytes: a thousand of these are 16 MiB.
const STACK_BYTES: usize = 16 * 1024;

/// Echoes `bytes` bytes of each of `connections` connections, all at once if the clients want that.
/// `threads` threads accept, on clones of one listener; each connection has a thread of its own.
pub(crate) fn echo(at: SocketAddr, threads: usize, connections: usize, bytes: usize) -> Result<()> {
    let listener = listen(at)?;
    let accepted = Arc::new(AtomicUsize::new(0));
    let mut acceptors = Vec::new();
    for _ in 0..threads {
        let listener = listener.try_clone()?;
        let accepted = accepted.clone();
        acceptors.push(thread::spawn(move || {
            accept(&listener, &accepted, connections, bytes)
        }));
    }
    let mut shares = Vec::new();
    for acceptor in acceptors {
        shares.push(acceptor.join().expect("no panic")?);
    }
    println!("accepted {connections}, by each thread: {shares:?}");
    Ok(())
}

/// Accepts as long as there are connections to come, and waits for their ends; how many it had.
fn accept(
    listener: &TcpListener,
    accepted: &AtomicUsize,
    connections: usize,
    bytes: usize,
) -> Result<usize> {
    let mut echoes = Vec::new();
    while accepted.fetch_add(1, Ordering::Relaxed) < connections {
        let (stream, _) = listener.accept()?;
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        echoes.push(builder.spawn(move || echo_some(&stream, bytes))?);
    }
    let count = echoes.len();
    for echo in echoes {
        echo.join().expect("no panic")?;
    }
    Ok(count)
}

/// Sends back what comes, until it was so much.
fn echo_some(mut stream: &TcpStream, bytes: usize) -> Result<()> {
    let mut buffer = vec![0; bytes.min(4096)];
    let mut left = bytes;
    while left > 0 {
        let most = left.min(buffer.len());
        let count = stream.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(failure(format!("the end, {left} of {bytes} bytes early")));
        }
        stream.write_all(&buffer[..count])?;
        left -= count;
    }
    Ok(())
}

/// Echoes connections one after the other, each to its end, and in the end has what it had after
/// the first ones.
pub(crate) fn one_by_one(at: SocketAddr, count: usize) -> Result<()> {
    const WARM_UP: usize = 100;
    Resources::map_memory();
    let listener = listen(at)?;
    serve_to_the_end(&listener, WARM_UP)?;
    let before = Resources::settled(None)?;
    let heap_before = mem::heap_use().bytes;
    println!("before: {before:?}");
    let start = Instant::now();
    serve_to_the_end(&listener, count)?;
    let each_us = start.elapsed().as_micros() / count.max(1) as u128;
    println!("{count} connections, {each_us} us each");
    println!("after: {:?}", Resources::settled(Some(before))?);
    let heap_after = mem::heap_use().bytes;
    println!("heap: {heap_before} bytes before, {heap_after} after");
    // Nothing of a connection's: a vector that grew, a timer that is not over yet.
    match heap_after.saturating_sub(heap_before) < 4096 {
        true => Ok(()),
        false => Err(failure("the heap grew")),
    }
}

fn serve_to_the_end(listener: &TcpListener, count: usize) -> Result<()> {
    let mut buffer = vec![0; 4096];
    for stream in listener.incoming().take(count) {
        let mut stream = stream?;
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                count => stream.write_all(&buffer[..count])?,
            }
        }
    }
    Ok(())
}

/// Sends each client so many bytes of its pattern, and closes at once.
pub(crate) fn send(at: SocketAddr, count: usize, bytes: usize) -> Result<()> {
    let listener = listen(at)?;
    for number in 0..count {
        let (mut stream, _) = listener.accept()?;
        let mut buffer = vec![0; bytes];
        Pattern::of_line(format!("connection {number} round 0\n")).fill(&mut buffer);
        stream.write_all(&buffer)?;
    }
    println!("sent {count} times {bytes} bytes");
    Ok(())
}

/// Calls that may not wait, one that waits until another thread drops its clone, and the end of the
/// domain while threads wait.
pub(crate) fn leave(at: SocketAddr, threads: usize) -> Result<()> {
    let listener = listen(at)?;
    listener.set_nonblocking(true)?;
    expect_error(
        "accept of nothing",
        ErrorKind::WouldBlock,
        listener.accept(),
    )?;
    listener.set_nonblocking(false)?;
    for _ in 0..threads {
        let listener = listener.try_clone()?;
        thread::spawn(move || {
            let result = listener.accept();
            println!("an accept ended: {result:?}");
        });
    }
    drop(listener);
    thread::sleep(Duration::from_millis(300));
    println!("leaves");
    Ok(())
}

/// Listens, or tells why not, and goes on with another port.
pub(crate) fn try_to_listen(at: SocketAddr) -> Result<()> {
    match TcpListener::bind(at) {
        Ok(_) => println!("listening"),
        Err(error) => println!("cannot listen: {:?}: {error}", error.kind()),
    }
    let both = TcpListener::bind(&[at, SocketAddr::new(at.ip(), at.port() + 1)][..]);
    println!("then: {:?}", both.map(drop).map_err(|error| error.kind()));
    let nothing: &[SocketAddr] = &[];
    expect_error(
        "no address",
        ErrorKind::InvalidInput,
        TcpListener::bind(nothing),
    )
}

fn listen(at: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(at)?;
    println!("listening at {:?}", listener.local_addr());
    Ok(listener)
}
