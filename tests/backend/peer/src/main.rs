//! The other end of connections: does step by step what it is told, and says what it saw.
//!
//! ```text
//! back-peer serve PORT=STEP,STEP,... ...     a thread per connection follows the port's steps
//! back-peer dial ADDRESS:PORT COUNT STEP,... COUNT connections, one after the other
//! ```
//!
//! | step | |
//! |---|---|
//! | `send:BYTES` | sends the next bytes of an endless pattern |
//! | `read:BYTES` | receives so many, which must be the pattern's next |
//! | `drain` | receives until the end |
//! | `echo` | sends back what comes, until the end |
//! | `wait:MS` | does nothing |
//! | `hold` | does nothing, for ever |
//! | `shutdown` | sends no more |
//! | `reset` | ends the connection with a reset |
//!
//! After the last step the connection is closed and a line tells what became of it:
//! `9 #3: received 4000 bytes of the pattern, end`. The last word is `end` (the other side closed),
//! `reset`, `open` (it was open when the steps were through) or an error.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::net::sockopt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send(usize),
    Read(usize),
    Drain,
    Echo,
    Wait(Duration),
    Hold,
    Shutdown,
    Reset,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["serve", ports @ ..] if !ports.is_empty() => serve(ports),
        ["dial", address, count, list] => dial(address, count.parse()?, &steps(list)?),
        _ => bail!("usage: back-peer serve PORT=STEPS ... | dial ADDRESS:PORT COUNT STEPS"),
    }
}

fn steps(list: &str) -> Result<Vec<Step>> {
    let step = |text: &str| {
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        let number = || number.parse().with_context(|| format!("step {text}"));
        Ok(match name {
            "send" => Step::Send(number()?),
            "read" => Step::Read(number()?),
            "drain" => Step::Drain,
            "echo" => Step::Echo,
            "wait" => Step::Wait(Duration::from_millis(u64::try_from(number()?)?)),
            "hold" => Step::Hold,
            "shutdown" => Step::Shutdown,
            "reset" => Step::Reset,
            _ => bail!("no step `{text}`"),
        })
    };
    list.split(',').map(step).collect()
}

fn serve(ports: &[&str]) -> Result<()> {
    for port in ports {
        let (port, list) = port.split_once('=').context("expected PORT=STEPS")?;
        let (port, steps): (u16, _) = (port.parse()?, steps(list)?);
        let listener =
            TcpListener::bind(("0.0.0.0", port)).with_context(|| format!("port {port}"))?;
        std::thread::spawn(move || {
            for number in 1.. {
                let Ok((stream, _)) = listener.accept() else {
                    continue;
                };
                let steps = steps.clone();
                std::thread::spawn(move || follow(&format!("{port} #{number}"), stream, &steps));
            }
        });
    }
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn dial(address: &str, count: usize, steps: &[Step]) -> Result<()> {
    for number in 1..=count {
        let stream = TcpStream::connect(address).with_context(|| format!("connect {address}"))?;
        follow(&format!("{address} #{number}"), stream, steps);
    }
    Ok(())
}

/// What was received so far.
#[derive(Debug, Default)]
struct Received {
    bytes: usize,
    other: bool,
    end: Option<String>,
}

impl Received {
    /// Receives at most `most` bytes; 0 is the end.
    fn some(&mut self, stream: &mut TcpStream, most: usize) -> Vec<u8> {
        let mut buffer = vec![0; most.min(65536)];
        let count = match stream.read(&mut buffer) {
            Ok(0) if most > 0 => {
                self.end = Some("end".into());
                0
            }
            Ok(count) => count,
            Err(error) => {
                self.failed(&error);
                0
            }
        };
        buffer.truncate(count);
        let expected = |index: usize| (self.bytes + index) % 251;
        self.other |= (0..count).any(|index| usize::from(buffer[index]) != expected(index));
        self.bytes += count;
        buffer
    }

    fn failed(&mut self, error: &std::io::Error) {
        self.end = Some(match error.kind() {
            std::io::ErrorKind::ConnectionReset => "reset".into(),
            _ => error.to_string(),
        });
    }
}

fn follow(name: &str, mut stream: TcpStream, steps: &[Step]) {
    let mut received = Received::default();
    let mut sent = 0;
    for step in steps {
        match *step {
            Step::Send(count) => {
                let bytes: Vec<u8> = (sent..sent + count)
                    .map(|index| u8::try_from(index % 251).expect("below 251"))
                    .collect();
                if let Err(error) = stream.write_all(&bytes) {
                    received.failed(&error);
                }
                sent += count;
            }
            Step::Read(count) => {
                let until = received.bytes + count;
                while received.end.is_none() && received.bytes < until {
                    let left = until - received.bytes;
                    received.some(&mut stream, left);
                }
            }
            Step::Drain => while !received.some(&mut stream, 65536).is_empty() {},
            Step::Echo => loop {
                let bytes = received.some(&mut stream, 65536);
                if bytes.is_empty() {
                    break;
                }
                if let Err(error) = stream.write_all(&bytes) {
                    received.failed(&error);
                    break;
                }
            },
            Step::Wait(time) => std::thread::sleep(time),
            Step::Hold => loop {
                std::thread::park();
            },
            Step::Shutdown => {
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
            Step::Reset => {
                let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
            }
        }
    }
    let Received { bytes, other, end } = received;
    let kind = if other {
        "of something else"
    } else {
        "of the pattern"
    };
    let end = end.unwrap_or_else(|| "open".into());
    println!("{name}: received {bytes} bytes {kind}, {end}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_mistakes_are_errors() {
        let expected = [
            Step::Send(100),
            Step::Wait(Duration::from_millis(300)),
            Step::Drain,
        ];
        assert_eq!(steps("send:100,wait:300,drain").unwrap(), expected);
        assert!(steps("send").is_err());
        assert!(steps("jump").is_err());
        assert!(steps("").is_err());
    }

    #[test]
    fn a_connection_is_told_what_it_received() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || {
            follow(
                "test",
                TcpStream::connect(address).unwrap(),
                &steps("send:300,shutdown,drain").unwrap(),
            );
        });
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Received::default();
        while !received.some(&mut stream, 100).is_empty() {}
        assert_eq!((received.bytes, received.other), (300, false));
        assert_eq!(received.end.as_deref(), Some("end"));
        drop(stream);
        client.join().unwrap();
    }
}
