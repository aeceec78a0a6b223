//! A backend that goes away under load and comes back. Who takes it away is the case.
//!
//! `reconnect ECHO ROUNDS STREAMS`: in each of ROUNDS rounds, STREAMS threads have a connection each
//! to the echo server ECHO and send bytes to and fro, checking all that comes back, until every
//! one of them was lost. What the guest prints, in this order:
//!
//! * `before: …`: grants and ports in use, and pages that are free or the heap's; rings that the
//!   driver keeps for later connections count as free;
//! * `round N: under load`: all threads have had some bytes back. Now take the backend away;
//! * `round N: lost S of S, KIND: error`: every stream has failed. `KIND` is that of the last one;
//! * `round N: connected again after M ms, K refused: …`: a connect worked, and so did a
//!   connection with a few bytes; K connects before that failed, the last one with the error that
//!   follows (nothing if there were none);
//! * `round N: B bytes of heap`: what is allocated once all is given back. From the second round on
//!   it must be what it was after the first, in which tables grow;
//! * `after: …`: the same numbers as `before`, which the guest has compared;
//! * `lost and found N times`: all is well, and the exit code 0.
//!
//! A stream that ends or fails in another way than by a reset, a byte that is not the one that was
//! sent, numbers that differ, or a backend that is not back after ten minutes are failures.
//!
//! `connect-during-outage ECHO`: prints `connected`, waits until that connection is lost, prints
//! `lost`, and then connects twice: once with a time-out of a second, and once without; both must
//! fail because there is no backend, after their time. Prints `patience: N ms` for each. Then it
//! prints `returns`, connects with a time-out of a minute, which must succeed when the backend is
//! back, and prints `found`.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use crate::failure;
use crate::pattern::Pattern;
use crate::resources::{self, Resources};
use rt::io::{Error, ErrorKind, Read, Result, Write};
use rt::kernel::mem;
use rt::net::{self, SocketAddr, TcpStream};
use rt::time::Instant;
use rt::{println, thread};

/// How long the backend may be away.
const PATIENCE: Duration = Duration::from_secs(600);
const CHUNK_BYTES: usize = 20_000;

/// See the module's documentation.
pub(crate) fn check(echo: SocketAddr, rounds: usize, streams: usize) -> Result<()> {
    Resources::map_memory();
    // The first ones make the heap, the pools and the stacks grow.
    load(echo, streams, |_| true)?;
    (0..20).try_for_each(|number| resources::one(echo, number))?;
    let before = Resources::settled(None)?;
    println!("before: {before:?}");
    let mut heap = None;

    for round in 1..=rounds {
        let last = load(echo, streams, move |busy| {
            if busy == streams {
                println!("round {round}: under load");
            }
            false
        })?;
        let Some(error) = last else {
            return Err(failure("no stream was lost"));
        };
        println!(
            "round {round}: lost {streams} of {streams}, {:?}: {error}",
            error.kind()
        );
        find(echo, round)?;
        Resources::settled(Some(before))?;
        // A ring that the driver keeps has a list of grants, four bytes for each page.
        let kept = net::stats().map_or(0, |stats| 4 * stats.pooled_pages);
        let bytes = mem::heap_use().bytes - kept;
        println!("round {round}: {bytes} bytes of heap");
        if *heap.get_or_insert(bytes) != bytes {
            return Err(failure("the heap has grown"));
        }
    }

    println!("after: {:?}", Resources::settled(Some(before))?);
    println!("lost and found {rounds} times");
    Ok(())
}

/// Sends to and fro on `streams` connections at once, until every one is lost or, having had a
/// first answer, is told to stop: `enough` is called with the number of those that had one. The
/// error of the last one that was lost.
fn load(
    echo: SocketAddr,
    streams: usize,
    enough: impl Fn(usize) -> bool + Clone + Send + 'static,
) -> Result<Option<Error>> {
    let busy = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..streams)
        .map(|number| {
            let (busy, enough) = (busy.clone(), enough.clone());
            let first = move || enough(busy.fetch_add(1, Ordering::Relaxed) + 1);
            thread::spawn(move || to_and_fro(echo, number, first))
        })
        .collect();
    let mut last = None;
    for thread in threads {
        if let Some(error) = thread.join().expect("no panic")? {
            last = Some(error);
        }
    }
    Ok(last)
}

/// One of them. The error that it was lost with; a failure if it was lost in another way.
fn to_and_fro(
    echo: SocketAddr,
    number: usize,
    first: impl FnOnce() -> bool,
) -> Result<Option<Error>> {
    let mut stream = TcpStream::connect(echo)?;
    let (mut sent, mut received) = (Pattern::new(number), Pattern::new(number));
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut first = Some(first);
    loop {
        sent.fill(&mut buffer);
        if let Err(error) = stream.write_all(&buffer) {
            return lost(error);
        }
        let mut left = CHUNK_BYTES;
        while left > 0 {
            match stream.read(&mut buffer[..left]) {
                Ok(0) => return Err(failure("the stream ended")),
                Ok(count) => {
                    received.check(&buffer[..count])?;
                    left -= count;
                }
                Err(error) => return lost(error),
            }
        }
        if let Some(first) = first.take()
            && first()
        {
            return Ok(None);
        }
    }
}

fn lost(error: Error) -> Result<Option<Error>> {
    match error.kind() {
        ErrorKind::ConnectionReset => Ok(Some(error)),
        kind => Err(failure(format!("lost by {kind:?}: {error}"))),
    }
}

/// Connects until it works.
fn find(echo: SocketAddr, round: usize) -> Result<()> {
    let start = Instant::now();
    let (mut refused, mut reason) = (0, String::new());
    while start.elapsed() < PATIENCE {
        match TcpStream::connect(echo) {
            Ok(stream) => {
                let ms = start.elapsed().as_millis();
                println!(
                    "round {round}: connected again after {ms} ms, {refused} refused: {reason}"
                );
                drop(stream);
                return resources::one(echo, round);
            }
            Err(error) => {
                refused += 1;
                reason = format!("{:?}: {error}", error.kind());
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
    Err(failure(format!("the backend is not back: {reason}")))
}

/// See the module's documentation.
pub(crate) fn connect_during_outage(echo: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    println!("connected");
    match stream.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => println!("lost: {error}"),
        other => return Err(failure(format!("the read ended: {other:?}"))),
    }

    let (second, ten) = (Duration::from_secs(1), Duration::from_secs(10));
    refused(second, ErrorKind::TimedOut, || {
        TcpStream::connect_timeout(&echo, second)
    })?;
    refused(ten, ErrorKind::NetworkDown, || TcpStream::connect(echo))?;
    // The lost stream is as lost as before, and quickly dropped.
    if stream.write(b"x").is_ok() {
        return Err(failure("the lost stream takes bytes"));
    }
    drop(stream);

    println!("returns");
    drop(TcpStream::connect_timeout(&echo, Duration::from_secs(60))?);
    resources::one(echo, 1)?;
    println!("found");
    Ok(())
}

/// A connect that fails with that kind after about that time.
fn refused(
    patience: Duration,
    kind: ErrorKind,
    connect: impl FnOnce() -> Result<TcpStream>,
) -> Result<()> {
    let start = Instant::now();
    match connect() {
        Err(error) if error.kind() == kind => println!("{kind:?}: {error}"),
        other => return Err(failure(format!("{other:?}, expected {kind:?}"))),
    }
    let took = start.elapsed();
    println!("patience: {} ms", took.as_millis());
    if took < patience || took > patience + Duration::from_secs(1) {
        return Err(failure(format!("expected {patience:?}")));
    }
    Ok(())
}
