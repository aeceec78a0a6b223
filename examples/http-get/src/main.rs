//! Fetches a page over HTTP/1.0 and prints it: `http-get http://192.0.2.1:8000/index.html`.
//!
//! Ends with 0 for an answer 200, 1 for anything else, 2 for a wrong call. The length that
//! the server announces is checked, so a page cut short is an error.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use rt::io::{Error, ErrorKind, Read, Result, Write, WriteFmtError};
use rt::net::TcpStream;
use rt::process::ExitCode;
use rt::{env, io, println};

#[rt::main]
fn main() -> ExitCode {
    let Some(url) = env::args().nth(1) else {
        println!("usage: http-get URL");
        return ExitCode::from(2);
    };
    match get(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("http-get: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// `http://HOST:PORT/PATH` in its parts; the port is 80 when there is none.
fn split(url: &str) -> Result<(String, &str)> {
    let wrong = || {
        Error::new(
            ErrorKind::InvalidInput,
            "not of the form http://HOST[:PORT][/PATH]",
        )
    };
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = rest
        .find('/')
        .map_or((rest, "/"), |slash| rest.split_at(slash));
    match host {
        "" => Err(wrong()),
        host if host.contains(':') => Ok((host.into(), path)),
        host => Ok((alloc::format!("{host}:80"), path)),
    }
}

fn get(url: &str) -> Result<()> {
    let (host, path) = split(url)?;
    let mut stream = TcpStream::connect(host.as_str())?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .map_err(|error| match error {
        WriteFmtError::Other(error) => error,
        WriteFmtError::FmtError => ErrorKind::Other.into(),
    })?;

    let mut received = Vec::new();
    let head_end = loop {
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if read_more(&mut stream, &mut received)? == 0 {
            return Err(invalid("the answer ends within its head"));
        }
    };
    let head = String::from_utf8_lossy(&received[..head_end]).into_owned();
    let length = content_length(&head)?;
    let mut console = io::stdout();
    let mut got = received.len() - head_end;
    console.write_all(&received[head_end..])?;
    // Not until the end of the stream if the length is known: some backends lose the end.
    while length.is_none_or(|length| got < length) {
        received.clear();
        let count = read_more(&mut stream, &mut received)?;
        if count == 0 {
            break;
        }
        got += count;
        console.write_all(&received)?;
    }
    if length.is_some_and(|length| got != length) {
        return Err(invalid("the page is not as long as the server announced"));
    }
    match head.lines().next() {
        Some(status) if status.split(' ').nth(1) == Some("200") => Ok(()),
        Some(status) => Err(Error::new(ErrorKind::Other, String::from(status))),
        None => Err(invalid("the answer has no status")),
    }
}

/// Appends what the stream has and returns how much that was; 0 at its end.
fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let count = stream.read(&mut buffer)?;
    received.extend_from_slice(&buffer[..count]);
    Ok(count)
}

fn content_length(head: &str) -> Result<Option<usize>> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim())
    });
    let parse = |value: &str| {
        value
            .parse()
            .map_err(|_| invalid("Content-Length is no number"))
    };
    length.map(parse).transpose()
}
