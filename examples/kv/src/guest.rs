//! The guest: a thread for each client, and sockets and clocks around [`kv::keeper`].
//!
//! Threads are cooperative and the lock is never held while one waits, so nobody ever waits for
//! the lock. All requests that arrive together are answered together, in one write.

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use kv::commands::Server;
use kv::connection::{Connection, Next};
use kv::journal::Journal;
use kv::keeper::Shared;
use kv::log::disk::Files;
use kv::log::load::Loaded;
use kv::log::{Fsync, Log};
use kv::store::Store;
use rt::io::{self, Error, ErrorKind, Read, Write};
use rt::kernel::mem;
use rt::net::{TcpListener, TcpStream};
use rt::thread;
use rt::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use rt::{env, println};

/// A client that does not take its answers is let go after that long.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
const USAGE: &str = "usage: kv [--port N] [--memory MIB] [--clients N] [--timeout S]
          [--appendonly FILE] [--appendfsync always|everysec|no]
          [--auto-aof-rewrite-min-size MIB]";

#[rt::main]
fn main() -> io::Result<()> {
    let options = Options::from_args()
        .map_err(|what| Error::new(ErrorKind::InvalidInput, format!("{what}\n{USAGE}")))?;
    let mut store = Store::new(options.memory);
    // Nobody is served before it is loaded.
    let log = options.open_log(&mut store)?;
    let listener = TcpListener::bind(("0.0.0.0", options.port))?;
    let port = listener.local_addr().map_or(options.port, |at| at.port());
    let mib = options.memory / (1024 * 1024);
    println!("kv: listening on 0.0.0.0:{port}, {mib} MiB for keys");

    let server = Server {
        port,
        most_clients: options.clients,
        ..Server::default()
    };
    let journal = match &log {
        Some(log) => Journal::on(log.fsync()),
        None => Journal::off(),
    };
    let shared = Arc::new(Shared::new(store, server, journal));
    if let Some(mut log) = log {
        let (shared, least) = (shared.clone(), options.rewrite_at);
        let keep = move || shared.keep(&mut log, least, now, |line| println!("kv: {line}"));
        thread::Builder::new()
            .name(String::from("log"))
            .spawn(keep)?;
    }
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => welcome(stream, &shared, &options, start),
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
    log: Option<String>,
    fsync: Fsync,
    rewrite_at: u64,
}

impl Options {
    fn from_args() -> Result<Options, String> {
        let mut options = Options {
            port: 6379,
            memory: mem::free_pages() * mem::PAGE_SIZE / 2,
            clients: 256,
            timeout: Some(Duration::from_secs(300)),
            log: None,
            fsync: Fsync::default(),
            rewrite_at: 64 << 20,
        };
        let mut args = env::args().skip(1);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{name} cannot be {value:?}");
            match name.as_str() {
                "--appendonly" => {
                    options.log = Some(value);
                    continue;
                }
                "--appendfsync" => {
                    options.fsync = Fsync::from_name(&value).ok_or_else(wrong)?;
                    continue;
                }
                _ => {}
            }
            let number: u32 = value.parse().map_err(|_| wrong())?;
            match name.as_str() {
                "--port" => options.port = u16::try_from(number).map_err(|_| wrong())?,
                "--memory" => options.memory = (number as usize) << 20,
                "--clients" => options.clients = number as usize,
                "--timeout" => {
                    let time = Duration::from_secs(number.into());
                    options.timeout = Some(time).filter(|_| number > 0);
                }
                "--auto-aof-rewrite-min-size" => {
                    options.rewrite_at = match number {
                        0 => u64::MAX,
                        mib => u64::from(mib) << 20,
                    };
                }
                _ => return Err(format!("what is {name:?}?")),
            }
        }
        Ok(options)
    }
}

impl Options {
    /// Opens the log, if there is to be one, and does to `store` what it says.
    fn open_log(&self, store: &mut Store) -> io::Result<Option<Log<Files>>> {
        let Some(path) = &self.log else {
            return Ok(None);
        };
        let (log, loaded) = Log::open(Files, path, self.fsync, store, now())?;
        let Loaded {
            length,
            cut,
            commands,
        } = loaded;
        if cut > 0 {
            println!(
                "kv: warning: {path} ends within a command: {cut} bytes from byte {length} on are \
                 cut off"
            );
        }
        println!("kv: {commands} commands loaded from {path}, {length} bytes");
        Ok(Some(log))
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// Gives a new client a thread, or an error if there are too many.
fn welcome(mut stream: TcpStream, shared: &Arc<Shared>, options: &Options, start: Instant) {
    let mut state = shared.lock();
    state.server.connections += 1;
    if state.server.clients >= options.clients {
        drop(state);
        // A new connection has room for this; if not, it is gone already.
        let _ = stream.write_all(b"-ERR max number of clients reached\r\n");
        return;
    }
    state.server.clients += 1;
    drop(state);
    let timeout = options.timeout;
    let for_client = shared.clone();
    let spawned = thread::Builder::new()
        .name(String::from("client"))
        .spawn(move || {
            // A client that breaks off is no news.
            let _ = serve(stream, &for_client, timeout, start);
            for_client.lock().server.clients -= 1;
        });
    if let Err(error) = spawned {
        println!("kv: no thread for a client: {error}");
        shared.lock().server.clients -= 1;
    }
}

fn serve(
    mut stream: TcpStream,
    shared: &Shared,
    timeout: Option<Duration>,
    start: Instant,
) -> io::Result<()> {
    stream.set_read_timeout(timeout)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    // Answers must not wait for more of them; a backend that cannot say so delays them.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::default();
    let result = converse(&mut stream, shared, &mut connection, start);
    connection.end(&mut shared.lock().store);
    result
}

fn converse(
    stream: &mut TcpStream,
    shared: &Shared,
    connection: &mut Connection,
    start: Instant,
) -> io::Result<()> {
    loop {
        let next = shared.serve(connection, now(), start.elapsed().as_secs());
        stream.write_all(connection.output())?;
        connection.sent();
        match next {
            Next::Serve | Next::Wait => {}
            Next::Close => return Ok(()),
            Next::Receive => {
                let room = connection.room(&mut shared.lock().store);
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
