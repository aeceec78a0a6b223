//! The guest: a thread for each client, and a lock around what they share.
//!
//! Threads are cooperative and the lock is never held while one waits, so nobody ever waits for
//! the lock. All requests that arrive together are answered together, in one write.

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use kv::commands::Server;
use kv::connection::{Connection, Next};
use kv::store::Store;
use rt::io::{self, Error, ErrorKind, Read, Write};
use rt::kernel::mem;
use rt::net::{TcpListener, TcpStream};
use rt::sync::Mutex;
use rt::thread;
use rt::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use rt::{env, println};

/// A client that does not take its answers is let go after that long.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
const USAGE: &str = "usage: kv [--port N] [--memory MIB] [--clients N] [--timeout S]";

#[rt::main]
fn main() -> io::Result<()> {
    let options = Options::from_args()
        .map_err(|what| Error::new(ErrorKind::InvalidInput, format!("{what}\n{USAGE}")))?;
    let listener = TcpListener::bind(("0.0.0.0", options.port))?;
    let port = listener.local_addr().map_or(options.port, |at| at.port());
    let mib = options.memory / (1024 * 1024);
    println!("kv: listening on 0.0.0.0:{port}, {mib} MiB for keys");

    let shared = Arc::new(Mutex::new(Shared {
        store: Store::new(options.memory),
        server: Server {
            port,
            most_clients: options.clients,
            ..Server::default()
        },
        start: Instant::now(),
    }));
    loop {
        match listener.accept() {
            Ok((stream, _)) => welcome(stream, &shared, &options),
            Err(error) => {
                // The backend is gone, or memory for one more connection.
                println!("kv: accept: {error}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

struct Options {
    port: u16,
    memory: usize,
    clients: usize,
    timeout: Option<Duration>,
}

impl Options {
    fn from_args() -> Result<Options, String> {
        let mut options = Options {
            port: 6379,
            memory: mem::free_pages() * mem::PAGE_SIZE / 2,
            clients: 256,
            timeout: Some(Duration::from_secs(300)),
        };
        let mut args = env::args().skip(1);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{name} cannot be {value:?}");
            let number: u32 = value.parse().map_err(|_| wrong())?;
            match name.as_str() {
                "--port" => options.port = u16::try_from(number).map_err(|_| wrong())?,
                "--memory" => options.memory = (number as usize) << 20,
                "--clients" => options.clients = number as usize,
                "--timeout" => {
                    let time = Duration::from_secs(number.into());
                    options.timeout = Some(time).filter(|_| number > 0);
                }
                _ => return Err(format!("what is {name:?}?")),
            }
        }
        Ok(options)
    }
}

/// What all clients share.
struct Shared {
    store: Store,
    server: Server,
    start: Instant,
}

impl Shared {
    /// Milliseconds since 1970.
    fn now() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Gives a new client a thread, or an error if there are too many.
fn welcome(mut stream: TcpStream, shared: &Arc<Mutex<Shared>>, options: &Options) {
    let mut now = lock(shared);
    now.server.connections += 1;
    if now.server.clients >= options.clients {
        drop(now);
        // A new connection has room for this; if not, it is gone already.
        let _ = stream.write_all(b"-ERR max number of clients reached\r\n");
        return;
    }
    now.server.clients += 1;
    drop(now);
    let timeout = options.timeout;
    let for_client = shared.clone();
    let spawned = thread::Builder::new()
        .name(String::from("client"))
        .spawn(move || {
            // A client that breaks off is no news.
            let _ = serve(stream, &for_client, timeout);
            lock(&for_client).server.clients -= 1;
        });
    if let Err(error) = spawned {
        println!("kv: no thread for a client: {error}");
        lock(shared).server.clients -= 1;
    }
}

fn serve(
    mut stream: TcpStream,
    shared: &Mutex<Shared>,
    timeout: Option<Duration>,
) -> io::Result<()> {
    stream.set_read_timeout(timeout)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    // Answers must not wait for more of them; a backend that cannot say so delays them.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::default();
    let result = converse(&mut stream, shared, &mut connection);
    connection.end(&mut lock(shared).store);
    result
}

fn converse(
    stream: &mut TcpStream,
    shared: &Mutex<Shared>,
    connection: &mut Connection,
) -> io::Result<()> {
    loop {
        let next = {
            let shared = &mut *lock(shared);
            shared.server.uptime_s = shared.start.elapsed().as_secs();
            connection.serve(&mut shared.store, Shared::now(), &mut shared.server)
        };
        stream.write_all(connection.output())?;
        connection.sent();
        match next {
            Next::Serve => {}
            Next::Close => return Ok(()),
            Next::Receive => {
                let room = connection.room(&mut lock(shared).store);
                if room.is_empty() {
                    return stream.write_all(connection.output());
                }
                match stream.read(room)? {
                    0 => return Ok(()),
                    count => connection.received(count),
                }
            }
        }
    }
}

/// Nobody panics with the lock: a guest whose thread panics ends.
fn lock(shared: &Mutex<Shared>) -> rt::sync::MutexGuard<'_, Shared> {
    shared
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
