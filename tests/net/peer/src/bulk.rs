//! A server for a lot of data both ways at once.
//!
//! A connection begins with two numbers (u64, little-endian): so many bytes will come, so many
//! are wanted. Then both sides send. Behind its bytes the server sends two more numbers: the sum of
//! what it sent, and the sum of what it received ([`Sum`]).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result, ensure};

const CHUNK_BYTES: usize = 256 * 1024;

/// Serves for ever.
pub(crate) fn serve(address: &str) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| format!("listen at {address}"))?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || match transfer(&stream) {
            Ok(()) => println!("a transfer is through"),
            Err(error) => println!("a transfer failed: {error:#}"),
        });
    }
    Ok(())
}

fn transfer(mut stream: &TcpStream) -> Result<()> {
    let mut numbers = [0; 16];
    stream.read_exact(&mut numbers)?;
    let (comes, wanted) = numbers.split_at(8);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let (comes, wanted) = (number(comes), number(wanted));
    let (sent, received) = thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(stream, comes));
        let sent = send(stream, wanted);
        (sent, receiver.join().expect("no panic"))
    });
    let (sent, received) = (sent?, received?);
    stream.write_all(&sent.to_le_bytes())?;
    stream.write_all(&received.to_le_bytes())?;
    ensure!(
        stream.read(&mut [0])? == 0,
        "more bytes than were announced"
    );
    Ok(())
}

fn send(mut stream: &TcpStream, bytes: u64) -> Result<u64> {
    let mut sum = Sum::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut word: u64 = 0x0123_4567_89ab_cdef;
    let mut left = bytes;
    while left > 0 {
        for eight in chunk.chunks_exact_mut(8) {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            eight.copy_from_slice(&word.to_le_bytes());
        }
        let count = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        sum.add(&chunk[..count]);
        stream.write_all(&chunk[..count])?;
        left -= count as u64;
    }
    Ok(sum.value())
}

fn receive(mut stream: &TcpStream, bytes: u64) -> Result<u64> {
    let mut sum = Sum::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let count = stream.read(&mut chunk[..most])?;
        ensure!(count > 0, "the end, {left} of {bytes} bytes early");
        sum.add(&chunk[..count]);
        left -= count as u64;
    }
    Ok(sum.value())
}

/// A sum over bytes that depends on their order, whatever pieces they come in: quick enough for an
/// emulated machine.
#[derive(Debug, Default)]
struct Sum {
    value: u64,
    /// Bytes of an incomplete word, and how many.
    rest: [u8; 8],
    held: usize,
}

impl Sum {
    fn add(&mut self, mut bytes: &[u8]) {
        if self.held > 0 {
            let count = bytes.len().min(8 - self.held);
            self.rest[self.held..][..count].copy_from_slice(&bytes[..count]);
            self.held += count;
            bytes = &bytes[count..];
            if self.held < 8 {
                return;
            }
            self.held = 0;
            self.mix(u64::from_le_bytes(self.rest));
        }
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        for word in words {
            self.mix(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
        self.rest[..rest.len()].copy_from_slice(rest);
        self.held = rest.len();
    }

    fn mix(&mut self, word: u64) {
        self.value = (self.value.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// The sum; an incomplete word counts as if zeros followed.
    fn value(mut self) -> u64 {
        if self.held > 0 {
            self.rest[self.held..].fill(0);
            self.mix(u64::from_le_bytes(self.rest));
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(pieces: &[&[u8]]) -> u64 {
        let mut sum = Sum::default();
        pieces.iter().for_each(|piece| sum.add(piece));
        sum.value()
    }

    #[test]
    fn the_pieces_do_not_matter_but_every_byte_and_its_place_does() {
        let bytes: Vec<u8> = (0..100).collect();
        let whole = sum(&[&bytes]);
        for cut in [1, 7, 8, 9, 50, 99] {
            assert_eq!(sum(&[&bytes[..cut], &bytes[cut..]]), whole, "{cut}");
        }
        assert_eq!(sum(&[&bytes[..3], &bytes[3..5], &bytes[5..]]), whole);
        let mut swapped = bytes.clone();
        swapped.swap(3, 4);
        assert_ne!(sum(&[&swapped]), whole);
        assert_ne!(sum(&[&bytes[..99]]), whole);
    }

    #[test]
    fn both_sides_agree_on_what_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address");
        let server = thread::spawn(move || transfer(&listener.accept().expect("accept").0));
        let mut client = TcpStream::connect(address).expect("connect");
        let (up, down) = (1_000_003_u64, 500_001_u64);
        client.write_all(&up.to_le_bytes()).expect("write");
        client.write_all(&down.to_le_bytes()).expect("write");
        let sent = send(&client, up).expect("send");
        let received = receive(&client, down).expect("receive");
        let mut sums = [0; 16];
        client.read_exact(&mut sums).expect("sums");
        assert_eq!(sums[..8], received.to_le_bytes());
        assert_eq!(sums[8..], sent.to_le_bytes());
        drop(client);
        server.join().expect("no panic").expect("transfer");
    }
}
