//! What other backends get wrong, one by one: docs/protocol.md, "Linux's backend: what to know".

use alloc::vec;
use core::net::SocketAddrV4;

use rt::io::Result;
use rt::println;

use crate::channel::{self, now_ms, pause};
use crate::device::Device;
use crate::ensure;
use crate::failure;
use crate::pattern;
use crate::socket::{Stream, new_id};
use crate::stream::{IN_PROD, PATIENCE_MS, Ring, Tell};
use crate::wire::{Request, errno};

/// Milliseconds in which RELEASE is answered, even if the peer takes no more bytes.
const LINGER_MS: u64 = 90_000;

/// The first bytes written after CONNECT come back from an echo server, `count` times; indexes
/// start where they will pass 2^32.
pub(crate) fn first_write(echo: SocketAddrV4, count: usize, order: u32) -> Result<()> {
    let mut device = Device::open()?;
    for (round, start) in (0u32..).step_by(5).zip(0..count) {
        let mut ring = Ring::new(device.peer(), order)?;
        ring.start_at(0u32.wrapping_sub(round));
        let mut stream = Stream::connect_with(&mut device, echo, ring)?;
        let bytes = pattern::bytes(start, 16);
        let result = stream.ring.echo(&bytes);
        result.map_err(|error| failure(alloc::format!("round {round}: {error}")))?;
        stream.release(&mut device)?;
    }
    println!("{count} first writes came back");
    device.finish()
}

/// Events that bring no bytes harm nothing: writes after them come through.
pub(crate) fn consumer_notify(echo: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    for _ in 0..count {
        let mut stream = Stream::connect(&mut device, echo, 1)?;
        // Before the first write, after it, and twice.
        stream.ring.channel().notify();
        pause(20);
        stream.ring.echo(b"first")?;
        stream.ring.channel().notify();
        pause(20);
        stream.ring.echo(b"second")?;
        stream.ring.channel().notify();
        stream.ring.channel().notify();
        stream.ring.echo(b"third")?;
        stream.release(&mut device)?;
    }
    println!("{count} times, events without bytes did no harm");
    device.finish()
}

/// `bytes` bytes come through arrays of 8 KiB.
pub(crate) fn download(source: SocketAddrV4, bytes: usize, tell: Tell) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, source, 2)?;
    ensure!(stream.ring.size() == 8192, "arrays of 8 KiB");
    let start = now_ms();
    let (got, error) = stream.ring.read_pattern_to_end(tell)?;
    println!("{got} bytes in {} ms, in_error {error}", now_ms() - start);
    ensure!(got == bytes, "{got} of {bytes} bytes");
    ensure!(error == errno::ENOTCONN, "in_error {error}");
    stream.release(&mut device)?;
    device.finish()
}

/// A server that speaks first, sends `bytes` and closes: all arrives, and then the end.
pub(crate) fn end(source: SocketAddrV4, bytes: usize, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    for round in 0..count {
        let mut stream = Stream::connect(&mut device, source, 1)?;
        let result = stream.ring.read_pattern_to_end(Tell::WhenFull);
        let (got, error) =
            result.map_err(|error| failure(alloc::format!("round {round}: {error}")))?;
        ensure!(got == bytes, "round {round}: {got} of {bytes} bytes");
        ensure!(error == errno::ENOTCONN, "round {round}: in_error {error}");
        stream.release(&mut device)?;
    }
    println!("{count} times, {bytes} bytes and the end");
    device.finish()
}

/// The peer sends 10 bytes and resets: the reader sees the bytes and then the reset; a writer
/// gets an error once, not a storm of events.
pub(crate) fn reset(resetting: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, resetting, 1)?;
    let (got, error) = stream.ring.read_pattern_to_end(Tell::WhenFull)?;
    println!("{got} bytes, in_error {error}");
    ensure!(got == 10, "{got} bytes instead of 10");
    ensure!(error == errno::ECONNRESET, "in_error {error}");

    stream.ring.write(b"for nobody");
    stream.ring.channel().notify();
    let error = channel::wait(PATIENCE_MS, || {
        Some(stream.ring.out_error()).filter(|error| *error != 0)
    });
    let error = error.ok_or_else(|| failure("no out_error"))?;
    ensure!(
        error == errno::EPIPE || error == errno::ECONNRESET,
        "out_error {error}"
    );
    let before = stream.ring.channel().events();
    stream.ring.channel().notify();
    pause(1000);
    let events = stream.ring.channel().events() - before;
    println!("out_error {error}, {events} events in the second after");
    ensure!(events < 50, "{events} events in a second");
    ensure!(
        stream.ring.out_error() == error,
        "out_error became {}",
        stream.ring.out_error()
    );
    stream.release(&mut device)?;
    device.finish()
}

/// The peer closed its side and still reads: we see the end, and what we write arrives.
pub(crate) fn half_closed(peer: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, peer, 1)?;
    let (got, error) = stream.ring.read_pattern_to_end(Tell::WhenFull)?;
    ensure!((got, error) == (5, errno::ENOTCONN), "{got}, {error}");
    stream.ring.write_all(&pattern::bytes(0, 20_000))?;
    stream.ring.wait_until_sent()?;
    println!("20000 bytes sent after the end");
    stream.release(&mut device)?;
    device.finish()
}

/// What was written arrives although RELEASE follows at once. The case looks at the peer.
pub(crate) fn write_release(sink: SocketAddrV4, bytes: usize, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    let data = pattern::bytes(0, bytes);
    for _ in 0..count {
        let mut stream = Stream::connect(&mut device, sink, 1)?;
        ensure!(stream.ring.write(&data) == bytes, "the ring is too small");
        stream.release(&mut device)?;
    }
    println!("{count} times, {bytes} bytes written and released");
    device.finish()
}

/// While one CONNECT hangs everything else goes on, and RELEASE ends it.
pub(crate) fn slow_connect(silent: SocketAddrV4, echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut hanging = vec![];
    for _ in 0..3 {
        let (id, ring) = (new_id(), Ring::new(device.peer(), 1)?);
        device.expect("SOCKET", 0, Request::socket(id))?;
        let request = device.send(Request::connect(id, silent, &ring))?;
        hanging.push((id, request, ring));
    }
    let start = now_ms();
    let mut stream = Stream::connect(&mut device, echo, 1)?;
    stream.ring.echo(b"meanwhile")?;
    stream.release(&mut device)?;
    let ms = now_ms() - start;
    println!("connect, echo and release in {ms} ms while three connects hang");
    for (id, request, ring) in hanging {
        ensure!(
            device.try_answer(request)?.is_none(),
            "the silent address answers"
        );
        // The grants are ours again after the answers: mapped or not, they must not be then.
        let release = device.send(Request::release(id))?;
        let ret = device.answer(request)?;
        ensure!(ret == errno::ECANCELED, "CONNECT: answered {ret}");
        let ret = device.answer(release)?;
        ensure!(ret == 0, "RELEASE: answered {ret}");
        ensure!(ring.still_mapped() == 0, "a ring is still mapped");
    }
    println!("cancelled: -125, three times");
    device.finish()
}

/// A peer that never reads: when all buffers are full nothing happens any more (the case
/// measures dom0 for some seconds), and RELEASE is answered all the same.
pub(crate) fn stalled(deaf: SocketAddrV4, seconds: u64) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, deaf, 4)?;
    let data = pattern::bytes(0, 32 * 1024);
    let mut sent = 0;
    loop {
        let count = stream.ring.write(&data);
        if count > 0 {
            stream.ring.channel().notify();
            sent += count;
        }
        let moved = channel::wait(3000, || {
            (stream.ring.unsent() < stream.ring.size()).then_some(())
        });
        if moved.is_none() {
            break;
        }
    }
    ensure!(stream.ring.out_error() == 0, "out_error while waiting");
    let events = stream.ring.channel().events();
    println!("stalled after {sent} bytes");
    pause(seconds * 1000);
    let events = stream.ring.channel().events() - events;
    ensure!(events < 20, "{events} events while nothing happened");
    ensure!(
        stream.ring.page().load(IN_PROD) == 0,
        "bytes from a deaf peer"
    );
    let start = now_ms();
    println!("{events} events in {seconds} s; releasing");
    let release = device.send(Request::release(stream.id))?;
    stream.released(&mut device, release, LINGER_MS)?;
    println!("released in {} ms", now_ms() - start);
    device.finish()
}
