//! The guest: options, and [`http_server::service`] with the state as its site.

extern crate alloc;

use alloc::format;
use alloc::string::String;

use http_server::connection::{Connection, Next};
use http_server::service::{self, Counts, Limits, Server};
use http_server::site::{Generated, State};
use rt::io::{self, Error, ErrorKind};
use rt::net::TcpListener;
use rt::sync::Mutex;
use rt::time::Duration;
use rt::{env, println};

const USAGE: &str = "usage: http-server [--port N] [--clients N] [--patience S]";

#[rt::main]
fn main() -> io::Result<()> {
    let options = Options::from_args()
        .map_err(|what| Error::new(ErrorKind::InvalidInput, format!("{what}\n{USAGE}")))?;
    let listener = TcpListener::bind(("0.0.0.0", options.port))?;
    let port = listener.local_addr().map_or(options.port, |at| at.port());
    println!("http-server: listening on 0.0.0.0:{port}");
    let limits = Limits {
        clients: options.clients,
        patience: options.patience,
    };
    service::run("http-server", &listener, limits, Pages::default())
}

/// The pages, and what all clients share.
#[derive(Default)]
struct Pages(Mutex<State>);

impl Server for Pages {
    type Body = Generated;

    fn serve(&self, connection: &mut Connection<Generated>, counts: &Counts, now: u64) -> Next {
        // Threads are cooperative, and nobody waits with the lock.
        let mut state = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        (state.connections, state.open) = (counts.connections(), counts.open());
        connection.serve(&mut *state, now)
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
