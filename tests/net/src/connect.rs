//! Connections that are refused, unreachable, late or never there.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::failure;
use crate::resources::Resources;
use rt::io::{ErrorKind, Read, Result, Write};
use rt::net::{SocketAddr, TcpStream};
use rt::time::Instant;
use rt::{println, thread};

/// Connects to each of the addresses, prints what came of it, and fails if one did not work.
pub(crate) fn try_each(addresses: &[&str]) -> Result<()> {
    let mut failures = 0;
    for address in addresses {
        let start = Instant::now();
        let result = TcpStream::connect(address);
        let ms = start.elapsed().as_millis();
        match result {
            Ok(_) => println!("{address}: connected, {ms} ms"),
            Err(error) => {
                println!("{address}: {:?}: {error}, {ms} ms", error.kind());
                failures += 1;
            }
        }
    }
    match failures {
        0 => Ok(()),
        _ => Err(failure(format!("{failures} connects failed"))),
    }
}

/// Connects again and again until it works; prints every new reason why it does not.
pub(crate) fn until_it_works(address: &str) -> Result<()> {
    let mut last = String::new();
    for attempt in 1.. {
        match TcpStream::connect(address) {
            Ok(_) => {
                println!("connected at attempt {attempt}");
                break;
            }
            Err(error) => {
                let reason = format!("{:?}: {error}", error.kind());
                if reason != last {
                    println!("{reason}");
                    last = reason;
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
    Ok(())
}

/// A connect that nobody answers ends at its deadline, and a stream that is open meanwhile
/// works on. What it took comes back when the host is done with it, which `stay` waits for.
pub(crate) fn timeout(echo: SocketAddr, silent: SocketAddr, stay: bool) -> Result<()> {
    const DEADLINE: Duration = Duration::from_millis(1500);
    Resources::map_memory();
    let open = TcpStream::connect(echo)?;
    ping(&open)?;
    let before = Resources::settled(None)?;

    let connecting = thread::spawn(move || {
        let start = Instant::now();
        (
            TcpStream::connect_timeout(&silent, DEADLINE),
            start.elapsed(),
        )
    });
    let mut pings = 0;
    while !connecting.is_finished() {
        ping(&open)?;
        pings += 1;
        thread::sleep(Duration::from_millis(50));
    }
    let (result, took) = connecting.join().expect("no panic");
    println!("{pings} pings meanwhile");
    match result {
        Ok(_) => return Err(failure("connected to an address that does not answer")),
        Err(error) if error.kind() == ErrorKind::TimedOut => println!("timed out: {error}"),
        Err(error) => return Err(error),
    }
    let ms = took.as_millis();
    println!("after {ms} ms");
    if took < DEADLINE || took > DEADLINE + Duration::from_secs(1) {
        return Err(failure(format!("the deadline was at {DEADLINE:?}")));
    }
    if pings < 5 {
        return Err(failure("the open stream did not work meanwhile"));
    }
    ping(&open)?;

    println!("given up");
    if !stay {
        return Ok(());
    }
    Resources::settled(Some(before))?;
    println!("all given back");
    Ok(())
}

/// A few bytes to and fro.
fn ping(mut stream: &TcpStream) -> Result<()> {
    let text = format!("{:?}\n", Instant::now());
    stream.write_all(text.as_bytes())?;
    let mut echo = alloc::vec![0; text.len()];
    stream.read_exact(&mut echo)?;
    if echo != text.as_bytes() {
        return Err(failure("the echo differs"));
    }
    Ok(())
}
