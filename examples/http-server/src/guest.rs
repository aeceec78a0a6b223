//! The guest: sockets, threads and clocks around [`http_server::connection`].

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use http_server::connection::{BUSY, Connection, Next};
use http_server::site::State;
use rt::io::{self, Error, ErrorKind, Read, Write};
use rt::net::{Shutdown, TcpListener, TcpStream};
use rt::sync::Mutex;
use rt::thread;
use rt::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use rt::{env, println};

const USAGE: &str = "usage: http-server [--port N] [--clients N] [--patience S]";
/// How long, and how much, a client that was sent away may go on sending.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LAST_BYTES: usize = 256 << 10;

#[rt::main]
fn main() -> io::Result<()> {
    let options = Options::from_args()
        .map_err(|what| Error::new(ErrorKind::InvalidInput, format!("{what}\n{USAGE}")))?;
    let listener = TcpListener::bind(("0.0.0.0", options.port))?;
    let port = listener.local_addr().map_or(options.port, |at| at.port());
    println!("http-server: listening on 0.0.0.0:{port}");

    let server = Arc::new(Server {
        state: Mutex::new(State::default()),
        open: AtomicUsize::new(0),
        options,
    });
    loop {
        match listener.accept() {
            Ok((stream, _)) => welcome(stream, &server),
            Err(error) => {
                // The backend is gone, or memory for one more connection.
                println!("http-server: accept: {error}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

struct Options {
    port: u16,
    clients: usize,
    patience: Duration,
}

impl Options {
    fn from_args() -> Result<Options, String> {
        let mut options = Options {
            port: 8080,
            clients: 512,
            patience: Duration::from_secs(10),
        };
        let mut args = env::args().skip(1);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{name} cannot be {value:?}");
            let number: u16 = value.parse().map_err(|_| wrong())?;
            match name.as_str() {
                "--port" => options.port = number,
                "--clients" => options.clients = number.into(),
                "--patience" if number > 0 => options.patience = Duration::from_secs(number.into()),
                _ => return Err(wrong()),
            }
        }
        Ok(options)
    }
}

/// What all clients share.
struct Server {
    state: Mutex<State>,
    open: AtomicUsize,
    options: Options,
}

impl Server {
    /// Answers what has arrived. Threads are cooperative and nobody waits with the lock.
    fn serve(&self, connection: &mut Connection) -> Next {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.open = self.open.load(Ordering::Relaxed);
        connection.serve(&mut state, now.map_or(0, |now| now.as_secs()))
    }
}

/// Gives a new client a thread, or sends it away.
fn welcome(mut stream: TcpStream, server: &Arc<Server>) {
    server
        .state
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .connections += 1;
    if server.open.load(Ordering::Relaxed) >= server.options.clients {
        // A new connection has room for this; if not, it is gone already.
        let _ = stream.write_all(BUSY);
        return;
    }
    server.open.fetch_add(1, Ordering::Relaxed);
    let for_client = server.clone();
    let spawned = thread::Builder::new().spawn(move || {
        // A client that breaks off is no news.
        let _ = converse(stream, &for_client);
        for_client.open.fetch_sub(1, Ordering::Relaxed);
    });
    if let Err(error) = spawned {
        println!("http-server: no thread for a client: {error}");
        server.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn converse(mut stream: TcpStream, server: &Server) -> io::Result<()> {
    // The last bytes of an answer must not wait; a backend that cannot say so delays them.
    let _ = stream.set_nodelay(true);
    let patience = server.options.patience;
    let mut connection = Connection::default();
    let mut deadline = Instant::now() + patience;
    loop {
        let next = server.serve(&mut connection);
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
