//! The other end of datagrams.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::pattern::{fill, line};
use crate::{PATIENCE, START};

/// The longest datagram there is.
const LONGEST: usize = 65507;

/// Sends everything back to where it came from.
pub(crate) fn echo(address: &str) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    println!("ready");
    let mut bytes = vec![0; LONGEST];
    loop {
        let (count, peer) = socket.recv_from(&mut bytes)?;
        // A peer that is gone is its own affair.
        if let Err(error) = socket.send_to(&bytes[..count], peer) {
            eprintln!("to {peer}: {error}");
        }
    }
}

/// That many sockets each ask a guest, which sends back what it gets, `rounds` times.
pub(crate) fn clients(address: &str, count: usize, rounds: usize, bytes: usize) -> Result<()> {
    let server: SocketAddr = address.parse()?;
    let clients = (0..count).map(|_| client(server));
    let clients: Vec<UdpSocket> = clients.collect::<Result<_>>()?;
    await_server(clients.first().context("no client")?)?;
    let mut again = 0;
    for round in 0..rounds {
        // A few at once: what waits at the guest must fit into its host's buffer.
        for (batch, clients) in clients.chunks(16).enumerate() {
            let words = |number: usize| {
                let mut words = vec![0; bytes];
                fill(&mut words, &line(batch * 16 + number, round), 0);
                words
            };
            for (number, client) in clients.iter().enumerate() {
                client.send(&words(number))?;
            }
            for (number, client) in clients.iter().enumerate() {
                again += expect(client, &words(number))?;
            }
        }
    }
    println!("{count} clients, {rounds} rounds of {bytes} bytes, {again} sent again");
    Ok(())
}

fn client(server: SocketAddr) -> Result<UdpSocket> {
    let client = UdpSocket::bind(SocketAddr::new([0, 0, 0, 0].into(), 0))?;
    client.connect(server)?;
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    Ok(client)
}

/// Asks until the guest answers.
fn await_server(client: &UdpSocket) -> Result<()> {
    let start = Instant::now();
    let mut into = [0; 16];
    loop {
        let answer = client
            .send(b"are you there?")
            .and_then(|_| client.recv(&mut into));
        match answer {
            Ok(_) => break,
            Err(error) if start.elapsed() > START => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    // Questions that came late are answered late.
    std::thread::sleep(Duration::from_millis(300));
    client.set_nonblocking(true)?;
    while client.recv(&mut into).is_ok() {}
    client.set_nonblocking(false)?;
    Ok(())
}

/// Waits for that answer; asks again if the network lost it. How often.
fn expect(client: &UdpSocket, words: &[u8]) -> Result<usize> {
    let start = Instant::now();
    let mut again = 0;
    let mut into = vec![0; LONGEST];
    loop {
        match client.recv(&mut into) {
            Ok(count) => {
                ensure!(into[..count] == *words, "another answer, of {count} bytes");
                return Ok(again);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE => {
                again += 1;
                client.send(words)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Asks a guest again and again, whatever happens to it, until it has answered after a silence or an
/// error of at least a second: it was away, and is back at the same port.
pub(crate) fn through_outage(address: &str) -> Result<()> {
    let client = client(address.parse()?)?;
    await_server(&client)?;
    println!("answered");
    let mut last = Instant::now();
    let start = last;
    let mut seen = HashSet::new();
    for number in 0_u64.. {
        ensure!(start.elapsed() < 2 * PATIENCE, "it does not come back");
        let question = number.to_le_bytes();
        let mut into = [0; 9];
        let answer = client.send(&question).and_then(|_| client.recv(&mut into));
        match answer {
            Ok(8) => {
                ensure!(seen.insert(into), "the same answer twice");
                let silence = last.elapsed();
                last = Instant::now();
                if silence > Duration::from_secs(2) {
                    println!("answered again");
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(count) => anyhow::bail!("an answer of {count} bytes"),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
    Ok(())
}
