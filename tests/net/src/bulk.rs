//! A lot of data both ways at once on one connection, with sums: `net-peer bulk` is the other end
//! and says what travels.

use alloc::vec;

use crate::failure;
use rt::io::{Read, Result, Write};
use rt::net::{SocketAddr, TcpStream};
use rt::time::Instant;
use rt::{println, thread};

const CHUNK_BYTES: usize = 128 * 1024;

/// Sends `up` bytes while `down` come, and compares the sums of both ends.
pub(crate) fn transfer(server: SocketAddr, up: usize, down: usize) -> Result<()> {
    let mut stream = TcpStream::connect(server)?;
    let start = Instant::now();
    stream.write_all(&(up as u64).to_le_bytes())?;
    stream.write_all(&(down as u64).to_le_bytes())?;
    let sender = stream.try_clone()?;
    let sending = thread::spawn(move || send(&sender, up));
    let received = receive(&stream, down)?;
    let mut sums = [0; 16];
    stream.read_exact(&mut sums)?;
    let sent = sending.join().expect("no panic")?;
    let took = start.elapsed();
    let (their_sent, their_received) = sums.split_at(8);
    if their_sent != received.to_le_bytes() {
        return Err(failure("what came is not what was sent"));
    }
    if their_received != sent.to_le_bytes() {
        return Err(failure("what arrived there is not what was sent here"));
    }
    println!("{up} bytes up and {down} bytes down in {took:?}, sums {sent:016x} {received:016x}");
    Ok(())
}

fn send(mut stream: &TcpStream, bytes: usize) -> Result<u64> {
    let mut sum = Sum::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut word = 0x0fed_cba9_8765_4321_u64;
    let mut left = bytes;
    while left > 0 {
        for eight in chunk.chunks_exact_mut(8) {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            eight.copy_from_slice(&word.to_le_bytes());
        }
        let count = left.min(CHUNK_BYTES);
        sum.add(&chunk[..count]);
        stream.write_all(&chunk[..count])?;
        left -= count;
    }
    Ok(sum.value())
}

fn receive(mut stream: &TcpStream, bytes: usize) -> Result<u64> {
    let mut sum = Sum::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let most = left.min(CHUNK_BYTES);
        let count = stream.read(&mut chunk[..most])?;
        if count == 0 {
            return Err(failure("the stream ended early"));
        }
        sum.add(&chunk[..count]);
        left -= count;
    }
    Ok(sum.value())
}

/// A sum over bytes that depends on their order, whatever pieces they come in: as in `net-peer`.
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
