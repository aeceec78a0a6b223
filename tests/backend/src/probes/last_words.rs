//! What becomes of bytes when a socket ends in a hurry: nothing that was written before RELEASE is
//! lost, nothing after it is sent, and a part is never taken for the whole.

use alloc::vec::Vec;
use core::net::SocketAddrV4;

use rt::io::Result;
use rt::println;

use crate::channel::{self, now_ms, pause};
use crate::device::Device;
use crate::ensure;
use crate::failure;
use crate::pattern;
use crate::socket::Stream;
use crate::stream::{IN_PROD, OUT_PROD, PATIENCE_MS};
use crate::wire::{Request, cmd, errno};

use super::extensions;

/// Milliseconds without progress after which all buffers are taken for full.
const STALL_MS: u64 = 1500;
/// Milliseconds in which RELEASE is answered.
const LINGER_MS: u64 = 90_000;

/// Writes until nothing moves any more; how many bytes of the pattern that were.
fn fill(stream: &mut Stream) -> Result<usize> {
    let mut written = 0;
    loop {
        let count = stream.ring.write(&pattern::bytes(written, 64 * 1024));
        written += count;
        stream.ring.channel().notify();
        let moved = channel::wait(STALL_MS, || {
            (stream.ring.unsent() < stream.ring.size() || stream.ring.out_error() != 0)
                .then_some(())
        });
        ensure!(
            stream.ring.out_error() == 0,
            "out_error {}",
            stream.ring.out_error()
        );
        if moved.is_none() {
            return Ok(written);
        }
    }
}

/// The peer reads late. `count` sockets are full and released; what is written into their rings
/// afterwards is not sent. The case compares what was written with what arrived.
pub(crate) fn write_on(late: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    let order = device.max_order()?;
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = Stream::connect(&mut device, late, order)?;
        let written = fill(&mut stream)?;
        println!("wrote {written}");
        streams.push(stream);
    }
    let mut releasing = Vec::new();
    for stream in streams {
        releasing.push((device.send(Request::release(stream.id))?, stream));
    }
    // Those that did not fit into the daemon are still sent from, and get room meanwhile.
    let mut more = 0;
    let start = now_ms();
    while device.unanswered()? > 0 && now_ms() - start < LINGER_MS {
        for (_, stream) in &mut releasing {
            more += stream.ring.write(&pattern::bytes(5, 700));
            stream.ring.channel().notify();
        }
        pause(20);
    }
    println!("{more} bytes more while they were released");
    for (request, stream) in releasing {
        stream.released(&mut device, request, LINGER_MS)?;
    }
    println!("released {count}");
    device.finish()
}

/// A peer that resets while our bytes wait: the reader is told of the reset, not of an end.
pub(crate) fn reset_stalled(resetting: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, resetting, 4)?;
    fill(&mut stream)?;
    let error = channel::wait(PATIENCE_MS, || {
        Some(stream.ring.in_error()).filter(|error| *error != 0)
    });
    let error = error.ok_or_else(|| failure("the reader is told nothing"))?;
    let out_error = stream.ring.out_error();
    println!("in_error {error}, out_error {out_error}");
    ensure!(error == errno::ECONNRESET, "in_error {error}");
    ensure!(
        [errno::ECONNRESET, errno::EPIPE].contains(&out_error),
        "out_error {out_error}"
    );
    stream.release(&mut device)?;
    device.finish()
}

/// Good bytes, then an index that cannot be, then RELEASE: the peer sees a reset (the case looks).
pub(crate) fn bad_index(sink: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, sink, 1)?;
    stream.ring.write_all(&pattern::bytes(0, 100))?;
    stream.ring.wait_until_sent()?;
    let jump = stream.ring.out_prod() + 0x10_0000;
    stream.ring.page().store(OUT_PROD, jump);
    stream.ring.channel().notify();
    let failed = channel::wait(PATIENCE_MS, || (stream.ring.out_error() != 0).then_some(()));
    ensure!(failed.is_some(), "no out_error");
    stream.release(&mut device)?;
    println!("released after a bad index");
    device.finish()
}

/// SHUTDOWN says where the end is; what is written after that is not sent, even if RELEASE comes
/// before the peer has read anything.
pub(crate) fn shut_and_write(late: SocketAddrV4) -> Result<()> {
    let mut device = extensions::open("shutdown")?;
    let mut stream = Stream::connect(&mut device, late, 4)?;
    let written = fill(&mut stream)?;
    let end = stream.ring.out_prod();
    println!("wrote {written}");
    let request = Request::new(cmd::SHUTDOWN, stream.id)
        .u32(16, 1)
        .u32(20, end);
    device.expect("SHUTDOWN", 0, request)?;
    // The ring is full: this claims what could be there if it were not.
    let room = stream.ring.write(&pattern::bytes(written, 50));
    println!("{room} bytes more");
    stream.ring.channel().notify();
    let release = device.send(Request::release(stream.id))?;
    stream.released(&mut device, release, LINGER_MS)?;
    device.finish()
}

/// The peer has sent more than the ring holds, and nobody reads it. What we write then arrives
/// all the same, and ends with an end: unread bytes do not make a reset of it.
pub(crate) fn unread(peer: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    for _ in 0..count {
        let mut stream = Stream::connect(&mut device, peer, 1)?;
        let full = channel::wait(PATIENCE_MS, || {
            (stream.ring.page().load(IN_PROD) == stream.ring.size()).then_some(())
        });
        ensure!(full.is_some(), "the in array does not fill");
        ensure!(stream.ring.write(&pattern::bytes(0, 4000)) == 4000, "room");
        stream.release(&mut device)?;
    }
    println!("{count} times, 4000 bytes written and nothing read");
    device.finish()
}
