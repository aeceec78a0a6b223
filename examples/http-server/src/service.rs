//! Sockets, threads and clocks around [`crate::connection`]: a thread for each client.
//!
//! This is all that a server and its guest need beside a [`Site`]; with std's names it runs in
//! host tests, too.

use alloc::sync::Arc;
use core::fmt::Debug;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::println;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::answer::BUSY;
use crate::connection::{Body, Connection, Next};

/// How long, and how much, a client that was sent away may go on sending.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LAST_BYTES: usize = 256 << 10;

/// What answers clients, all of them.
pub trait Server: Send + Sync + 'static {
    /// A body that is made while it is sent.
    type Body: Body + Debug;

    /// Lets a site answer what has arrived for `connection`, at `now` (seconds since 1970). May
    /// wait.
    fn serve(&self, connection: &mut Connection<Self::Body>, counts: &Counts, now: u64) -> Next;
}

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many may be connected. Others get 503.
    pub clients: usize,
    /// How long a request's head may take to arrive, a connection may be silent, and a buffer of
    /// an answer may take to be sent.
    pub patience: Duration,
}

/// Who came, and who is there.
#[derive(Debug, Default)]
pub struct Counts {
    connections: AtomicU64,
    open: AtomicUsize,
}

impl Counts {
    /// Connections since the start.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that are served now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

struct Service<S> {
    name: &'static str,
    server: S,
    limits: Limits,
    counts: Counts,
}

/// Serves whoever connects, for ever. `name` stands in what is printed.
pub fn run<S: Server>(name: &'static str, listener: &TcpListener, limits: Limits, server: S) -> ! {
    let counts = Counts::default();
    let service = Arc::new(Service {
        name,
        server,
        limits,
        counts,
    });
    loop {
        match listener.accept() {
            Ok((stream, _)) => welcome(stream, &service),
            Err(error) => {
                // The backend is gone, or memory for one more connection.
                println!("{name}: accept: {error}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Gives a new client a thread, or sends it away.
fn welcome<S: Server>(mut stream: TcpStream, service: &Arc<Service<S>>) {
    let counts = &service.counts;
    counts.connections.fetch_add(1, Ordering::Relaxed);
    if counts.open() >= service.limits.clients {
        // A new connection has room for this; if not, it is gone already.
        let _ = stream.write_all(BUSY);
        return;
    }
    counts.open.fetch_add(1, Ordering::Relaxed);
    let for_client = service.clone();
    let spawned = thread::Builder::new().spawn(move || {
        // A client that breaks off is no news.
        let _ = converse(stream, &for_client);
        for_client.counts.open.fetch_sub(1, Ordering::Relaxed);
    });
    if let Err(error) = spawned {
        println!("{}: no thread for a client: {error}", service.name);
        counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn converse<S: Server>(mut stream: TcpStream, service: &Service<S>) -> io::Result<()> {
    // The last bytes of an answer must not wait; a backend that cannot say so delays them.
    let _ = stream.set_nodelay(true);
    let patience = service.limits.patience;
    let mut connection = Connection::default();
    let mut deadline = Instant::now() + patience;
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        let next = service.server.serve(&mut connection, &service.counts, now);
        if !connection.output().is_empty() {
            send(&mut stream, connection.output(), Instant::now() + patience)?;
            connection.sent();
            // From here on the next request is waited for.
            deadline = Instant::now() + patience;
        }
        match next {
            Next::Serve => {}
            Next::Close => return see_out(stream),
            Next::Receive => {
                if connection.is_idle() {
                    deadline = Instant::now() + patience;
                }
                stream.set_read_timeout(Some(left(deadline)?))?;
                match stream.read(connection.room())? {
                    0 => return Ok(()),
                    count => connection.received(count),
                }
            }
        }
    }
}

/// Sends all of it by then: a client that takes a byte now and then does not count as there.
fn send(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes)? {
            0 => return Err(ErrorKind::WriteZero.into()),
            count => bytes = &bytes[count..],
        }
    }
    Ok(())
}

/// Ends the connection so that the answer arrives: what the client has sent meanwhile is read, or
/// the host would answer it with a reset that overtakes the answer.
fn see_out(mut stream: TcpStream) -> io::Result<()> {
    // A backend without half-close ends both directions below.
    if stream.shutdown(Shutdown::Write).is_err() {
        return Ok(());
    }
    let (deadline, mut bytes) = (Instant::now() + LAST_WORDS, 0);
    let mut scratch = [0; 1024];
    while bytes < LAST_BYTES {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut scratch)? {
            0 => break,
            count => bytes += count,
        }
    }
    Ok(())
}

/// The time until then, or the error of a time-out.
fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}
