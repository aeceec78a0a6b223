//! A guest at war: too much, too fast, and nonsense. The cases run a well-behaved guest beside
//! it and look at what it costs dom0.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddrV4;
use core::sync::atomic::{AtomicBool, Ordering};

use rt::io::Result;
use rt::kernel::event;
use rt::kernel::thread;
use rt::println;

use crate::channel::{self, now_ms, pause};
use crate::device::{CLOSED, CLOSING, CONNECTED, Device, INITIALISING, Keys, STEP_MS};
use crate::ensure;
use crate::failure;
use crate::pattern::{self, Random};
use crate::socket::{Stream, listen, new_id};
use crate::stream::{Ring, Tell};
use crate::wire::{Request, SLOT_BYTES, sockaddr};

fn works(device: &mut Device, echo: SocketAddrV4) -> Result<()> {
    let mut stream = Stream::connect(device, echo, 1)?;
    stream.ring.echo(b"it works")?;
    stream.release(device)
}

/// Closes what the backend closed, and connects again.
fn come_back(device: &mut Device, echo: SocketAddrV4) -> Result<()> {
    device.set_state(CLOSING)?;
    device.wait_for_state(&[CLOSING, CLOSED], STEP_MS)?;
    device.set_state(CLOSED)?;
    device.wait_for_state(&[CLOSED], STEP_MS)?;
    device.renew()?;
    device.set_state(INITIALISING)?;
    device.bring_up()?;
    works(device, echo)
}

/// The command ring's index promises more requests than there is room for: the backend closes
/// this device. It comes back when we do.
pub(crate) fn overflow(echo: SocketAddrV4, kind: &str) -> Result<()> {
    let mut device = Device::open()?;
    works(&mut device, echo)?;
    let open = Stream::connect(&mut device, echo, 1)?;
    let now = device.ring().req_prod();
    let claim = match kind {
        "by-one" => now + 33,
        "far" => now + 1_000_000,
        "back" => now - 1,
        _ => return Err(failure("overflow by-one|far|back")),
    };
    device.ring().publish_as(claim);
    let state = device.wait_for_state(&[CLOSING, CLOSED], STEP_MS)?;
    let error = device.offered("error").unwrap_or_default();
    println!("req_prod {now} -> {claim}: state {state}, error {error:?}");
    come_back(&mut device, echo)?;
    ensure!(open.ring.still_mapped() == 0, "a ring is mapped");
    println!("overflow {kind}: closed and came back");
    device.finish()
}

/// A slot of nonsense: some of it close to sense.
fn nonsense(random: &mut Random, echo: SocketAddrV4, rings: &[Ring]) -> Request {
    let mut bytes = [0; SLOT_BYTES];
    for byte in &mut bytes {
        *byte = u8::try_from(random.below(256)).expect("a byte");
    }
    let mut request = Request(bytes);
    if random.below(8) > 0 {
        request = request.u32(4, random.below(14));
    }
    if random.below(8) > 0 {
        request = request.u64(8, u64::from(random.below(12)));
    }
    let ring = &rings[random.below(2) as usize];
    match random.below(6) {
        0 => request = request.u32(16, 2).u32(20, 1).u32(24, 0),
        1 => {
            request = request.bytes(16, &sockaddr(echo)).u32(44, 16);
            if random.below(2) == 0 {
                request = request
                    .u32(52, ring.reference())
                    .u32(56, ring.channel().port());
            }
        }
        2 => {
            let port = 6000 + u16::try_from(random.below(8)).expect("small");
            let at = SocketAddrV4::new(*echo.ip(), port);
            request = request.bytes(16, &sockaddr(at)).u32(44, 16);
        }
        3 => {
            let new = u64::from(random.below(12));
            request = request.u64(16, new).u32(24, ring.reference());
            request = request.u32(28, ring.channel().port());
        }
        4 => request = request.u32(16, random.below(64)),
        _ => {}
    }
    request
}

/// `count` slots of nonsense. Requests that the backend lets wait fill the ring: then it is
/// made anew. In the end all works.
pub(crate) fn garbage(echo: SocketAddrV4, count: usize) -> Result<()> {
    let keys = Keys::with_features(&[
        "names",
        "shutdown",
        "options",
        "ipv6",
        "udp",
        "resolve",
        "multi-accept",
        "cancel",
    ]);
    let mut device = Device::open_with(keys)?;
    works(&mut device, echo)?;
    let mut random = Random::new(20_000);
    let (mut sent, mut answered, mut anew, mut closed) = (0, 0, 0, 0);
    let mut rings = garbage_rings(&device)?;
    while sent < count {
        let ring = device.ring();
        let batch = ring.free_slots().min(1 + random.below(16));
        for _ in 0..batch {
            let request = nonsense(&mut random, echo, &rings);
            ring.push(&request);
        }
        ring.publish();
        sent += batch as usize;
        // Bytes of the data rings, too.
        for word in [0, 4, 8, 64, 68, 72, 128, 132] {
            if random.below(32) == 0 {
                rings[0].page().store(word, random.word());
            }
        }
        rings[0].channel().notify();
        let got = channel::wait(300, || {
            let mut got = 0;
            while let Some(response) = device.ring().take() {
                if response.ret() > 0 {
                    return Some(Err(failure(alloc::format!("ret {}", response.ret()))));
                }
                got += 1;
            }
            (got > 0).then_some(Ok(got))
        });
        match got {
            Some(got) => answered += got?,
            // All that is left waits for something.
            None => {
                let state = device.backend_state();
                closed += usize::from(state != CONNECTED);
                anew += 1;
                come_back(&mut device, echo)?;
                rings = garbage_rings(&device)?;
            }
        }
    }
    println!("{sent} slots, {answered} answers, {anew} times anew, {closed} times closed");
    ensure!(answered * 2 > sent, "few were answered");
    come_back(&mut device, echo)?;
    println!("after the garbage it works");
    device.finish()
}

fn garbage_rings(device: &Device) -> Result<Vec<Ring>> {
    (0..2).map(|_| Ring::new(device.peer(), 1)).collect()
}

/// Events in a tight loop on the command ring and on a data ring, for `seconds`. Our own
/// traffic goes on meanwhile.
pub(crate) fn storm(echo: SocketAddrV4, seconds: u64) -> Result<()> {
    let mut device = Device::open()?;
    let mut stream = Stream::connect(&mut device, echo, 1)?;
    let ports = [device.ring().channel().port(), stream.ring.channel().port()];
    let stop = Arc::new(AtomicBool::new(false));
    let thread = {
        let stop = stop.clone();
        thread::spawn(move || {
            let mut events = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..200 {
                    for port in ports {
                        let _ = event::notify(port);
                    }
                }
                events += 400;
                thread::yield_now();
            }
            events
        })
    };
    let end = now_ms() + seconds * 1000;
    let mut rounds = 0;
    println!("storming");
    while now_ms() < end {
        stream.ring.echo(&pattern::bytes(rounds, 500))?;
        works(&mut device, echo)?;
        rounds += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let events = thread.join();
    println!("{events} events in {seconds} s, {rounds} rounds of our own meanwhile");
    ensure!(rounds > 0, "nothing of ours got through");
    stream.release(&mut device)?;
    works(&mut device, echo)?;
    device.finish()
}

/// Cheap commands as fast as they are answered, the ring always full, for `seconds`.
pub(crate) fn too_fast(echo: SocketAddrV4, seconds: u64) -> Result<()> {
    let mut device = Device::open()?;
    let (mut sent, mut answered) = (0_u64, 0_u64);
    let end = now_ms() + seconds * 1000;
    println!("hurrying");
    while now_ms() < end {
        let ring = device.ring();
        for _ in 0..ring.free_slots() {
            let id = 1 + sent % 1000;
            let request = match (sent / 1000) % 3 {
                0 => Request::socket(id),
                1 => Request::release(id),
                _ => Request::new(77, id),
            };
            ring.push(&request);
            sent += 1;
        }
        ring.publish();
        let got = channel::wait(STEP_MS, || {
            let got = core::iter::from_fn(|| device.ring().take()).count();
            (got > 0).then_some(got)
        });
        let got = got.ok_or_else(|| failure("the backend stopped answering"))?;
        answered += got as u64;
    }
    while answered < sent {
        let got = channel::wait(STEP_MS, || {
            let got = core::iter::from_fn(|| device.ring().take()).count();
            (got > 0).then_some(got)
        });
        let got = got.ok_or_else(|| failure("a request was not answered"))?;
        answered += got as u64;
    }
    println!("{answered} commands in {seconds} s");
    ensure!(answered == sent, "{answered} answers to {sent} requests");
    device.reconnect()?;
    works(&mut device, echo)?;
    device.finish()
}

/// Connections until the backend refuses, `count` at most; all of them are released then.
pub(crate) fn too_many(deaf: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    let mut streams = Vec::new();
    let mut refused = 0;
    while streams.len() < count && refused == 0 {
        let ring = Ring::new(device.peer(), 1)?;
        let id = new_id();
        let ret = device.call(Request::socket(id))?.ret();
        if ret < 0 {
            println!("SOCKET after {} connections: {ret}", streams.len());
            refused = ret;
            break;
        }
        let ret = device.call(Request::connect(id, deaf, &ring))?.ret();
        if ret < 0 {
            println!("CONNECT after {} connections: {ret}", streams.len());
            device.expect("RELEASE", 0, Request::release(id))?;
            refused = ret;
        } else {
            streams.push(Stream { id, ring });
        }
    }
    println!("{} connections, then {refused}", streams.len());
    pause(1000);
    for stream in streams {
        stream.release(&mut device)?;
    }
    println!("all released");
    device.finish()
}

/// More connects to nowhere than may wait: the rest is refused at once, all are released.
pub(crate) fn hang_many(silent: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    let mut hanging = Vec::new();
    for _ in 0..count {
        let (id, ring) = (new_id(), Ring::new(device.peer(), 1)?);
        device.expect("SOCKET", 0, Request::socket(id))?;
        let request = device.send(Request::connect(id, silent, &ring))?;
        hanging.push((id, request, ring));
    }
    pause(1000);
    let (mut waiting, mut refused) = (0, 0);
    for (id, request, ring) in hanging {
        match device.try_answer(request)? {
            Some(answer) => {
                ensure!(answer.ret() < 0, "CONNECT: answered {}", answer.ret());
                refused += 1;
                device.expect("RELEASE", 0, Request::release(id))?;
            }
            None => {
                waiting += 1;
                device.expect("RELEASE", 0, Request::release(id))?;
                ensure!(device.answer(request)? < 0, "CONNECT: no error");
            }
        }
        ensure!(ring.still_mapped() == 0, "a ring is mapped");
    }
    println!("{waiting} connects wait, {refused} are refused");
    device.finish()
}

/// Connects to a peer that never reads, writes more than it takes, and releases, `count` times or
/// until that is refused: what the host keeps sending from counts, released or not.
pub(crate) fn greedy(deaf: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    let order = device.max_order()?;
    let data = pattern::bytes(0, 180_000);
    let mut done = 0;
    let mut refused = 0;
    while done < count {
        let (id, mut ring) = (new_id(), Ring::new(device.peer(), order)?);
        refused = device.call(Request::socket(id))?.ret();
        if refused != 0 {
            break;
        }
        device.expect("CONNECT", 0, Request::connect(id, deaf, &ring))?;
        ensure!(ring.write(&data) == data.len(), "room");
        ring.channel().notify();
        ring.wait_until_sent()?;
        Stream { id, ring }.release(&mut device)?;
        done += 1;
    }
    println!("{done} released, then {refused}");
    device.finish()
}

/// Connects that hang, accepts that wait, and transfers under way, until the domain is
/// destroyed.
pub(crate) fn be_busy(
    echo: SocketAddrV4,
    silent: SocketAddrV4,
    source: SocketAddrV4,
    at: SocketAddrV4,
) -> Result<()> {
    let mut device = Device::open()?;
    let id = listen(&mut device, at, 8)?;
    let mut rings = Vec::new();
    for _ in 0..4 {
        let ring = Ring::new(device.peer(), 1)?;
        device.send(Request::accept(id, new_id(), &ring))?;
        rings.push(ring);
        let (new, ring) = (new_id(), Ring::new(device.peer(), 1)?);
        device.expect("SOCKET", 0, Request::socket(new))?;
        device.send(Request::connect(new, silent, &ring))?;
        rings.push(ring);
    }
    let mut download = Stream::connect(&mut device, source, 4)?;
    let mut upload = Stream::connect(&mut device, echo, 4)?;
    println!("busy");
    for round in 0.. {
        upload.ring.echo(&pattern::bytes(round, 30_000))?;
        download.ring.read_some(20_000, Tell::WhenFull)?;
        if round % 4 == 0 {
            // One is begun and left at every stage.
            let ring = Ring::new(device.peer(), 1)?;
            let new = new_id();
            device.send(Request::socket(new))?;
            device.send(Request::connect(new, echo, &ring))?;
            let release = device.send(Request::release(new))?;
            device.answer(release)?;
            rings.push(ring);
            rings.truncate(40);
        }
    }
    Ok(())
}
