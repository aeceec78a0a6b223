//! The responder: `GET /metrics`, from a thread of its own.
//!
//! It is no web server: one request per connection, no body, and whoever has not finished within
//! [`PATIENCE`] is cut off. [`CONNECTIONS`] are served side by side; more wait in the socket's
//! queue, where they cost nothing.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};

use super::Address;
use super::text::CONTENT_TYPE;

/// Connections that are served at a time.
const CONNECTIONS: usize = 16;
/// How long a connection may last.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request that is read.
const LONGEST_REQUEST: usize = 4096;
/// The listener's token; connections count up from 1.
const LISTENER: Token = Token(0);
/// How long accepting rests after it failed, as it does when there are no descriptors left.
const REST: Duration = Duration::from_millis(200);

/// Makes the text of a scrape.
pub type Scrape = Arc<dyn Fn() -> String + Send + Sync>;

/// A listening socket, before the thread that serves it: it is bound while the process may still
/// do that.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    local: Address,
}

impl Bound {
    /// Binds the socket. A unix socket that a process left behind is replaced; one that is alive
    /// is not. Its mode becomes 0660, and its owner `owner` (user and group), if given.
    ///
    /// # Errors
    /// The address is in use, or may not be bound.
    pub fn bind(address: &Address, owner: Option<(u32, u32)>) -> io::Result<Self> {
        match address {
            Address::Unix(path) => {
                remove_stale(path)?;
                let listener = mio::net::UnixListener::bind(path)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
                if let Some((user, group)) = owner {
                    std::os::unix::fs::chown(path, Some(user), Some(group))?;
                }
                Ok(Self {
                    listener: Listener::Unix(listener),
                    local: address.clone(),
                })
            }
            Address::Tcp(address) => {
                let listener = mio::net::TcpListener::bind(*address)?;
                let local = Address::Tcp(listener.local_addr()?);
                Ok(Self {
                    listener: Listener::Tcp(listener),
                    local,
                })
            }
        }
    }

    /// Where it listens: with the port that was chosen, if the address said 0.
    #[must_use]
    pub fn local(&self) -> &Address {
        &self.local
    }
}

/// Removes the socket of a process that is no more.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is no socket",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "a process listens there",
        )),
        Err(_) => std::fs::remove_file(path),
    }
}

/// A listener of either kind.
#[derive(Debug)]
enum Listener {
    Unix(mio::net::UnixListener),
    Tcp(mio::net::TcpListener),
}

/// A connection of either kind.
trait Stream: Read + Write + Source + Send {}
impl<S: Read + Write + Source + Send> Stream for S {}

impl Listener {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Unix(listener) => listener,
            Self::Tcp(listener) => listener,
        }
    }

    fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Unix(listener) => Box::new(listener.accept()?.0),
            Self::Tcp(listener) => {
                let (stream, _): (_, SocketAddr) = listener.accept()?;
                Box::new(stream)
            }
        })
    }
}

/// The responder, in its thread.
pub struct Server {
    poll: Poll,
    listener: Listener,
    text: Scrape,
    connections: HashMap<Token, Connection>,
    next_token: usize,
    /// Whether the listener may hold connections that were not taken yet: events come once.
    waiting: bool,
    rest_until: Option<Instant>,
    patience: Duration,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

/// A client.
struct Connection {
    stream: Box<dyn Stream>,
    request: Vec<u8>,
    /// The answer, once the request is there, and how much of it is sent.
    answer: Option<(Vec<u8>, usize)>,
    until: Instant,
}

impl Server {
    /// A responder on a bound socket, that answers with what `text` says at that moment.
    ///
    /// # Errors
    /// The system refuses an epoll.
    pub fn new(bound: Bound, text: Scrape) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = bound.listener;
        poll.registry()
            .register(listener.source(), LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            text,
            connections: HashMap::new(),
            next_token: 1,
            waiting: false,
            rest_until: None,
            patience: PATIENCE,
        })
    }

    /// Serves, for ever: the thread ends with the process.
    ///
    /// # Errors
    /// Waiting for events failed, which it does not.
    pub fn serve(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(CONNECTIONS + 1);
        loop {
            self.turn(&mut events)?;
        }
    }

    /// Waits once, and does what there is to do.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        let now = Instant::now();
        let next = self
            .connections
            .values()
            .map(|one| one.until)
            .chain(self.rest_until)
            .min();
        let timeout = next.map(|next| next.saturating_duration_since(now));
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let ready: Vec<Token> = events.iter().map(mio::event::Event::token).collect();
        for token in ready {
            if token == LISTENER {
                self.waiting = true;
            } else if let Some(connection) = self.connections.get_mut(&token)
                && connection.proceed(&self.text)
            {
                self.connections.remove(&token);
            }
        }
        let now = Instant::now();
        self.connections.retain(|_, one| one.until > now);
        self.rest_until = self.rest_until.filter(|until| *until > now);
        self.accept(now);
        Ok(())
    }

    /// Takes as many connections as may be.
    fn accept(&mut self, now: Instant) {
        while self.waiting && self.rest_until.is_none() && self.connections.len() < CONNECTIONS {
            let stream = match self.listener.accept() {
                Ok(stream) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting = false;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::debug!(%error, "metrics: no connection taken");
                    self.rest_until = Some(now + REST);
                    return;
                }
            };
            let token = Token(self.next_token);
            self.next_token = self.next_token.checked_add(1).unwrap_or(1);
            let mut connection = Connection {
                stream,
                request: Vec::new(),
                answer: None,
                until: now + self.patience,
            };
            let both = Interest::READABLE | Interest::WRITABLE;
            if self
                .poll
                .registry()
                .register(&mut connection.stream, token, both)
                .is_ok()
            {
                self.connections.insert(token, connection);
            }
        }
    }
}

impl Connection {
    /// Goes on as far as it can; whether the connection is done.
    fn proceed(&mut self, text: &Scrape) -> bool {
        match self.try_proceed(text) {
            Ok(done) => done,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    fn try_proceed(&mut self, text: &Scrape) -> io::Result<bool> {
        while self.answer.is_none() {
            let mut piece = [0; 1024];
            let length = match self.stream.read(&mut piece) {
                Ok(0) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.request
                .extend_from_slice(piece.get(..length).unwrap_or_default());
            if let Some(answer) = answer(&self.request, text) {
                self.answer = Some((answer, 0));
            }
        }
        while let Some((answer, sent)) = &mut self.answer {
            let rest = answer.get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(true);
            }
            match self.stream.write(rest) {
                Ok(0) => return Ok(true),
                Ok(length) => *sent += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The answer, if the request is there in full.
fn answer(request: &[u8], text: &Scrape) -> Option<Vec<u8>> {
    let ends = |end: &[u8]| request.windows(end.len()).any(|piece| piece == end);
    if !ends(b"\r\n\r\n") && !ends(b"\n\n") {
        let long = request.len() > LONGEST_REQUEST;
        return long.then(|| plain("431 Request Header Fields Too Large", "", false));
    }
    let line = request
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = str::from_utf8(line).unwrap_or_default().trim_end();
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Some(plain("400 Bad Request", "", false));
    };
    if !version.starts_with("HTTP/1.") {
        return Some(plain("505 HTTP Version Not Supported", "", false));
    }
    let head = method == "HEAD";
    if !head && method != "GET" {
        return Some(plain(
            "405 Method Not Allowed",
            "Allow: GET, HEAD\r\n",
            false,
        ));
    }
    // Prometheus may add parameters.
    if target.split('?').next() != Some("/metrics") {
        return Some(plain("404 Not Found", "", head));
    }
    Some(response("200 OK", CONTENT_TYPE, "", &text(), head))
}

/// An answer that says no more than its status.
fn plain(status: &str, headers: &str, head: bool) -> Vec<u8> {
    response(
        status,
        "text/plain; charset=utf-8",
        headers,
        &format!("{status}\n"),
        head,
    )
}

/// An answer.
fn response(status: &str, kind: &str, headers: &str, body: &str, head: bool) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{headers}\r\n"
    );
    if !head {
        answer.push_str(body);
    }
    answer.into_bytes()
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
