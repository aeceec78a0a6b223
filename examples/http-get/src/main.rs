//! Fetches a page over HTTP/1.0 and prints it, or its length and SHA-256.
//!
//! ```text
//! $ cargo boot run http-get -- http://192.0.2.1/
//! <!doctype html>
//! …
//! $ cargo boot run http-get -- --sha256 http://192.0.2.1/
//! 278 bytes, sha256 5e1c…
//! ```
//!
//! `cargo boot run` without an example is the first of these: the rig's dom0 has a web server
//! at that address. The port is 80 when the URL names none.
//!
//! Ends with 0 for an answer 200 that is as long as the server announced, 1 for anything
//! else, 2 for a wrong call.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec;

use rt::io::{Error, ErrorKind, Read, Result, Write};
use rt::net::TcpStream;
use rt::process::ExitCode;
use rt::time::Duration;
use rt::{env, io, println};
use sha2::{Digest, Sha256};

/// How long the server may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// The answer's head must end within that many bytes. Also the unit of reading.
const BUFFER_BYTES: usize = 32 * 1024;

#[rt::main]
fn main() -> ExitCode {
    let mut args = env::args().skip(1).peekable();
    let sha256 = args.next_if(|arg| arg == "--sha256").is_some();
    let (Some(url), None) = (args.next(), args.next()) else {
        println!("usage: http-get [--sha256] URL");
        return ExitCode::from(2);
    };
    let sink = if sha256 {
        Sink::Hash(Sha256::new())
    } else {
        Sink::Console
    };
    match get(&url, sink) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("http-get: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the page goes.
enum Sink {
    Console,
    Hash(Sha256),
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Sink::Console => io::stdout().write_all(bytes),
            Sink::Hash(hash) => {
                hash.update(bytes);
                Ok(())
            }
        }
    }

    /// All of the page, `length` bytes, is here.
    fn finish(self, length: usize) {
        if let Sink::Hash(hash) = self {
            let digest: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
            println!("{length} bytes, sha256 {digest}");
        }
    }
}

fn get(url: &str, mut sink: Sink) -> Result<()> {
    let (host, path) = split(url)?;
    let mut stream = TcpStream::connect(host.as_str())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;

    let mut buffer = vec![0; BUFFER_BYTES];
    let (head_length, filled) = read_head(&mut stream, &mut buffer)?;
    let head = String::from_utf8_lossy(&buffer[..head_length]).into_owned();
    let announced = content_length(&head)?;

    sink.take(&buffer[head_length..filled])?;
    let mut length = filled - head_length;
    // Not until the end of the stream if the length is known: Linux's backend loses the end
    // at times. If it is not known, a silence may be just that.
    let mut end_is_lost = false;
    while announced.is_none_or(|announced| length < announced) {
        match receive(&mut stream, &mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                sink.take(&buffer[..count])?;
                length += count;
            }
            Err(error) if error.kind() == ErrorKind::TimedOut && announced.is_none() => {
                end_is_lost = true;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(announced) = announced.filter(|announced| *announced != length) {
        let what = format!("the page has {length} bytes, the server announced {announced}");
        return Err(Error::new(ErrorKind::InvalidData, what));
    }
    match head.lines().next() {
        Some(status) if status.split(' ').nth(1) == Some("200") => {}
        Some(status) => return Err(Error::other(String::from(status))),
        None => return Err(invalid("the answer has no status")),
    }
    if end_is_lost {
        let what = format!("after {length} bytes neither more nor the end for {PATIENCE:?}");
        return Err(Error::new(ErrorKind::TimedOut, what));
    }
    sink.finish(length);
    Ok(())
}

/// Reads what is there, and waits for it no longer than [`PATIENCE`].
fn receive(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize> {
    stream.read(buffer).map_err(|error| match error.kind() {
        // What a read time-out is called, as in std.
        ErrorKind::WouldBlock => {
            let what = format!("the server sends nothing for {PATIENCE:?}");
            Error::new(ErrorKind::TimedOut, what)
        }
        _ => error,
    })
}

/// Reads until the empty line after the head; returns how long the head is and how much of
/// the buffer is filled.
fn read_head(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(usize, usize)> {
    let mut filled = 0;
    while filled < buffer.len() {
        match receive(stream, &mut buffer[filled..])? {
            0 => return Err(invalid("the answer ends within its head")),
            count => filled += count,
        }
        let end = b"\r\n\r\n";
        let position = buffer[..filled].windows(end.len()).position(|w| w == end);
        if let Some(position) = position {
            return Ok((position + end.len(), filled));
        }
    }
    Err(invalid("the answer's head does not end"))
}

fn content_length(head: &str) -> Result<Option<usize>> {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim())
    });
    let Some(value) = value else {
        return Ok(None);
    };
    let what = || format!("Content-Length: {value:?} is no number");
    let length = value.parse();
    length
        .map(Some)
        .map_err(|_| Error::new(ErrorKind::InvalidData, what()))
}

/// `http://HOST[:PORT][/PATH]` as `HOST:PORT` and the path.
fn split(url: &str) -> Result<(String, &str)> {
    let wrong = || {
        let what = "not of the form http://HOST[:PORT][/PATH]";
        Error::new(ErrorKind::InvalidInput, what)
    };
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    match host {
        "" => Err(wrong()),
        host if host.contains(':') => Ok((host.into(), path)),
        host => Ok((format!("{host}:80"), path)),
    }
}

fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
