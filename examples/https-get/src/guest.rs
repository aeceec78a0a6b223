//! The guest: arguments in, page out.

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use https_get::session::{self, Session, Transport};
use https_get::url::Url;
use https_get::{answer, explain, provider, trust};
use rt::io::{self, ErrorKind, Read, Write};
use rt::kernel::entropy;
use rt::net::TcpStream;
use rt::process::ExitCode;
use rt::time::{Duration, SystemTime, UNIX_EPOCH};
use rt::{env, println};
use rustls::RootCertStore;
use rustls::crypto::{GetRandomFailed, SecureRandom};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use sha2::{Digest, Sha256};

/// How long the server may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);
const USAGE: &str = "usage: https-get [--ca BASE64]... [--connect HOST:PORT] [--sha256] URL";

#[rt::main]
fn main() -> ExitCode {
    let request = match Request::from_args() {
        Ok(request) => request,
        Err(what) => {
            println!("https-get: {what}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match get(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("https-get: {error}");
            ExitCode::from(error.code())
        }
    }
}

/// What is to be done.
struct Request {
    url: Url,
    connect: Option<String>,
    roots: RootCertStore,
    sha256: bool,
}

impl Request {
    fn from_args() -> Result<Request, String> {
        let mut roots = RootCertStore::empty();
        let (mut url, mut connect, mut sha256) = (None, None, false);
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--sha256" => sha256 = true,
                "--ca" => trust::add(&mut roots, &args.next().ok_or("--ca needs a value")?)?,
                "--connect" => connect = Some(args.next().ok_or("--connect needs a value")?),
                text if url.is_none() => {
                    url = Some(Url::parse(text).map_err(|what| format!("{text}: {what}"))?);
                }
                text => return Err(format!("what is {text:?}?")),
            }
        }
        if roots.is_empty() {
            roots = trust::public();
        }
        Ok(Request {
            url: url.ok_or("no URL")?,
            connect,
            roots,
            sha256,
        })
    }
}

/// Why there is no page.
#[derive(Debug)]
enum Error {
    Io(io::Error),
    Session(session::Error<io::Error>),
    Answer(String),
}

impl Error {
    fn code(&self) -> u8 {
        match self {
            Error::Session(session::Error::Tls(error)) if explain::is_distrust(error) => 3,
            _ => 1,
        }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Error::Io(error) | Error::Session(session::Error::Transport(error)) => error.fmt(f),
            Error::Session(session::Error::Tls(error)) => f.write_str(&explain::explain(error)),
            Error::Session(session::Error::Truncated) => {
                f.write_str("the connection ended before TLS did")
            }
            Error::Answer(what) => f.write_str(what),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

impl From<session::Error<io::Error>> for Error {
    fn from(error: session::Error<io::Error>) -> Self {
        Error::Session(error)
    }
}

impl From<&'static str> for Error {
    fn from(what: &'static str) -> Self {
        Error::Answer(what.into())
    }
}

fn get(request: Request) -> Result<(), Error> {
    let url = request.url;
    let config = trust::client(provider::provider(&Entropy), Arc::new(Clock), request.roots)
        .map_err(session::Error::Tls)?;
    let stream = TcpStream::connect(request.connect.as_ref().unwrap_or(&url.address).as_str())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut session = Session::connect(config, url.name, Stream(stream))?;

    // HTTP/1.0, so that the page comes in one piece.
    let text = format!(
        "GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n",
        url.path, url.authority
    );
    session.write_all(text.as_bytes())?;

    let mut buffer = Vec::new();
    let end = loop {
        if let Some(end) = answer::end_of_head(&buffer) {
            break end;
        }
        if buffer.len() >= answer::HEAD_BYTES {
            return Err("the answer's head does not end".into());
        }
        let filled = buffer.len();
        buffer.resize(answer::HEAD_BYTES, 0);
        let count = session.read(&mut buffer[filled..])?;
        buffer.truncate(filled + count);
        if count == 0 {
            return Err("the answer ends within its head".into());
        }
    };
    let page = buffer.split_off(end);
    let head = answer::parse(&buffer)?;
    if head.status != 200 {
        return Err(Error::Answer(head.status_line.into()));
    }
    let mut sink = match request.sha256 {
        true => Sink::Hash(Sha256::new()),
        false => Sink::Console,
    };
    let length = copy(&mut session, page, head.length, &mut sink)?;
    sink.finish(length);
    Ok(())
}

/// Moves the page into the sink and returns how long it was. Without a length announced it ends
/// where TLS does, which nobody but the server can bring about.
fn copy(
    session: &mut Session<Stream>,
    mut part: Vec<u8>,
    announced: Option<u64>,
    sink: &mut Sink,
) -> Result<u64, Error> {
    let mut length = 0;
    loop {
        sink.take(&part)?;
        length += part.len() as u64;
        if announced.is_some_and(|announced| length >= announced) {
            break;
        }
        part.resize(16 * 1024, 0);
        let count = session.read(&mut part)?;
        part.truncate(count);
        if count == 0 {
            break;
        }
    }
    match announced {
        Some(announced) if announced != length => Err(Error::Answer(format!(
            "the page has {length} bytes, the server announced {announced}"
        ))),
        _ => Ok(length),
    }
}

/// Where the page goes.
enum Sink {
    Console,
    Hash(Sha256),
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Console => io::stdout().write_all(bytes),
            Sink::Hash(hash) => {
                hash.update(bytes);
                Ok(())
            }
        }
    }

    fn finish(self, length: u64) {
        if let Sink::Hash(hash) = self {
            let digest: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
            println!("{length} bytes, sha256 {digest}");
        }
    }
}

/// What TLS runs over.
struct Stream(TcpStream);

impl Transport for Stream {
    type Error = io::Error;

    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut self.0, into).map_err(|error| match error.kind() {
            // What a read time-out is called, as in std.
            ErrorKind::WouldBlock => {
                let what = format!("the server sends nothing for {PATIENCE:?}");
                io::Error::new(ErrorKind::TimedOut, what)
            }
            _ => error,
        })
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// The processor's random numbers; without them there are no secrets, and no TLS.
#[derive(Debug)]
struct Entropy;

impl SecureRandom for Entropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        if !entropy::is_available() {
            return Err(GetRandomFailed);
        }
        entropy::fill(bytes);
        Ok(())
    }
}

/// The host's clock decides what has expired.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(now))
    }
}
