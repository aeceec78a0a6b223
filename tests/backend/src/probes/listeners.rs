//! Listening sockets. Most clients are the guest's own connections to itself.

use alloc::vec::Vec;
use core::net::SocketAddrV4;

use rt::io::Result;
use rt::println;

use crate::channel::pause;
use crate::device::Device;
use crate::ensure;
use crate::failure;
use crate::pattern;
use crate::ring::SLOTS;
use crate::socket::{Stream, listen as listener, new_id};
use crate::stream::{Ring, Tell};
use crate::wire::{Request, errno};

/// Milliseconds in which a request that must wait is seen to wait.
const PARKED_MS: u64 = 200;

/// Several ACCEPTs wait at once and get a connection each; addresses in use say so and are
/// free again at once.
pub(crate) fn listen(at: SocketAddrV4, more: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    for round in 0..3 {
        let id = listener(&mut device, at, 8)?;
        device.expect("LISTEN again", 0, Request::listen(id, 4))?;
        device.expect_error("BIND again", Request::bind(id, more))?;
        let second = new_id();
        device.expect("SOCKET", 0, Request::socket(second))?;
        let request = Request::bind(second, at);
        device.expect("BIND in use", errno::EADDRINUSE, request)?;
        device.expect("RELEASE", 0, Request::release(second))?;

        let mut waiting = Vec::new();
        for _ in 0..4 {
            let ring = Ring::new(device.peer(), 1)?;
            let new = new_id();
            let request = device.send(Request::accept(id, new, &ring))?;
            waiting.push((request, Stream { id: new, ring }));
        }
        pause(PARKED_MS);
        ensure!(device.unanswered()? == 4, "an ACCEPT did not wait");
        let (mut servers, mut clients) = (Vec::new(), Vec::new());
        for (request, server) in waiting {
            clients.push(Stream::connect(&mut device, at, 1)?);
            let ret = device.answer(request)?;
            ensure!(ret == 0, "ACCEPT: answered {ret}");
            servers.push(server);
        }
        for (index, (server, client)) in servers.iter_mut().zip(&mut clients).enumerate() {
            let (to, fro) = (
                pattern::bytes(index, 3000),
                pattern::bytes(index + 100, 3000),
            );
            client.ring.write_all(&to)?;
            server.ring.write_all(&fro)?;
            ensure!(server.ring.read_exact(3000)? == to, "pair {index} differs");
            ensure!(client.ring.read_exact(3000)? == fro, "pair {index} differs");
        }
        // The server's side closes first: its address is in TIME_WAIT then.
        for server in servers {
            server.release(&mut device)?;
        }
        for mut client in clients {
            let end = client.ring.read_pattern_to_end(Tell::WhenFull)?;
            ensure!(end == (0, errno::ENOTCONN), "{end:?}");
            client.release(&mut device)?;
        }
        device.expect("RELEASE", 0, Request::release(id))?;
        println!("round {round}: four connections accepted");
    }
    // The number of an accepted socket must be new.
    let id = listener(&mut device, at, 8)?;
    let ring = Ring::new(device.peer(), 1)?;
    let ret = device.expect_error("ACCEPT as itself", Request::accept(id, id, &ring))?;
    ensure!(ret == errno::EEXIST, "ACCEPT as itself: answered {ret}");
    device.expect("RELEASE", 0, Request::release(id))?;
    device.finish()
}

/// RELEASE of a listener ends what waits on it, more often than the ring has slots.
pub(crate) fn parked(at: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    for _ in 0..SLOTS {
        let id = listener(&mut device, at, 1)?;
        let mut requests = Vec::new();
        let mut rings = Vec::new();
        for _ in 0..2 {
            let ring = Ring::new(device.peer(), 1)?;
            requests.push(device.send(Request::accept(id, new_id(), &ring))?);
            requests.push(device.send(Request::poll(id))?);
            rings.push(ring);
        }
        let release = device.send(Request::release(id))?;
        let ret = device.answer(release)?;
        ensure!(ret == 0, "RELEASE: answered {ret}");
        for request in requests {
            let answer = device.try_answer(request)?;
            let ret = answer.ok_or_else(|| failure("answered after RELEASE, or never"))?;
            ensure!(ret.ret() < 0, "a parked request: answered {}", ret.ret());
        }
        for ring in rings {
            ensure!(ring.still_mapped() == 0, "a ring is mapped");
        }
    }
    println!("{} parked requests were ended", 4 * SLOTS);
    device.finish()
}

/// Connections from outside, `count` of them: 30000 bytes come, 30000 go, and the end.
pub(crate) fn accept_data(at: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    let id = listener(&mut device, at, 8)?;
    println!("listening");
    for _ in 0..count {
        let ring = Ring::new(device.peer(), 1)?;
        let new = new_id();
        let request = device.send(Request::accept(id, new, &ring))?;
        let ret = device.answer_in(request, 60_000)?.ret();
        ensure!(ret == 0, "ACCEPT: answered {ret}");
        let mut stream = Stream { id: new, ring };
        let end = stream.ring.read_pattern_to_end(Tell::WhenFull)?;
        ensure!(end == (30_000, errno::ENOTCONN), "{end:?}");
        stream.ring.write_all(&pattern::bytes(0, 30_000))?;
        stream.release(&mut device)?;
    }
    device.expect("RELEASE", 0, Request::release(id))?;
    println!("{count} connections served");
    device.finish()
}

/// POLL waits for a connection, and does not take it.
pub(crate) fn poll(at: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    device.expect_error("POLL of nothing", Request::poll(new_id()))?;
    let id = listener(&mut device, at, 8)?;
    let first = device.send(Request::poll(id))?;
    let second = device.send(Request::poll(id))?;
    pause(PARKED_MS);
    ensure!(device.unanswered()? == 2, "a POLL did not wait");
    let client = Stream::connect(&mut device, at, 1)?;
    for request in [first, second] {
        let ret = device.answer(request)?;
        ensure!(ret == 0, "POLL: answered {ret}");
    }
    device.expect("POLL while one waits", 0, Request::poll(id))?;
    let ring = Ring::new(device.peer(), 1)?;
    let new = new_id();
    device.expect("ACCEPT", 0, Request::accept(id, new, &ring))?;
    let mut server = Stream { id: new, ring };
    let third = device.send(Request::poll(id))?;
    pause(PARKED_MS);
    ensure!(device.unanswered()? == 1, "a POLL did not wait");
    server.ring.write_all(b"greetings")?;
    server.release(&mut device)?;
    client.release(&mut device)?;
    device.expect("RELEASE", 0, Request::release(id))?;
    let ret = device.answer(third)?;
    ensure!(ret < 0, "POLL: answered {ret}");
    println!("POLL tells and does not take");
    device.finish()
}

/// 31 requests wait, and commands go on in the last slot; 32 wait, and one connection from
/// outside (the case makes it) ends all.
pub(crate) fn full_ring(at: SocketAddrV4, echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let id = listener(&mut device, at, 8)?;
    let mut requests = Vec::new();
    for _ in 1..SLOTS {
        requests.push(device.send(Request::poll(id))?);
    }
    for round in 0..40 {
        let mut stream = Stream::connect(&mut device, echo, 1)?;
        stream.ring.echo(&pattern::bytes(round, 50))?;
        stream.release(&mut device)?;
    }
    requests.push(device.send(Request::poll(id))?);
    pause(PARKED_MS);
    ensure!(device.unanswered()? == 32, "a POLL did not wait");
    ensure!(device.ring().free_slots() == 0, "there are slots");
    println!("full");
    for request in requests {
        let ret = device.answer_in(request, 60_000)?.ret();
        ensure!(ret == 0, "POLL: answered {ret}");
    }
    device.expect("RELEASE", 0, Request::release(id))?;
    println!("32 answers came at once");
    device.finish()
}

/// ACCEPT and POLL before LISTEN, and before BIND: errors, and then all works.
pub(crate) fn accept_early(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let at = SocketAddrV4::new(*echo.ip(), 5111);
    let id = new_id();
    let ring = Ring::new(device.peer(), 1)?;
    device.expect("SOCKET", 0, Request::socket(id))?;
    device.expect_error("ACCEPT at first", Request::accept(id, new_id(), &ring))?;
    device.expect_error("POLL at first", Request::poll(id))?;
    device.expect("BIND", 0, Request::bind(id, at))?;
    device.expect_error("ACCEPT after BIND", Request::accept(id, new_id(), &ring))?;
    device.expect_error("POLL after BIND", Request::poll(id))?;
    device.expect("LISTEN", 0, Request::listen(id, 1))?;
    // A ring that cannot be mapped costs its connection at most.
    let bad = Ring::new(device.peer(), 1)?;
    bad.describe(1, &[u32::MAX, 3]);
    let request = device.send(Request::accept(id, new_id(), &bad))?;
    let client = Stream::connect(&mut device, at, 1)?;
    let ret = device.answer(request)?;
    ensure!(ret < 0, "ACCEPT with a bad ring: answered {ret}");
    let new = new_id();
    let request = device.send(Request::accept(id, new, &ring))?;
    pause(PARKED_MS);
    let other = Stream::connect(&mut device, at, 1)?;
    let ret = device.answer(request)?;
    ensure!(ret == 0, "ACCEPT: answered {ret}");
    let server = Stream { id: new, ring };
    for stream in [client, other, server] {
        stream.release(&mut device)?;
    }
    device.expect("RELEASE", 0, Request::release(id))?;
    let mut stream = Stream::connect(&mut device, echo, 1)?;
    stream.ring.echo(b"it goes on")?;
    stream.release(&mut device)?;
    ensure!(bad.still_mapped() == 0, "the bad ring is mapped");
    println!("early accepts are errors");
    device.finish()
}
