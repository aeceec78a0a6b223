//! Data rings that no frontend would describe, and indexes that no frontend would write.

use core::net::SocketAddrV4;

use rt::io::Result;
use rt::println;

use crate::channel::{self, pause};
use crate::device::Device;
use crate::ensure;
use crate::failure;
use crate::memory::Shared;
use crate::pattern::{self, Random};
use crate::socket::{Stream, new_id};
use crate::stream::{
    IN_CONS, IN_PROD, OUT_CONS, OUT_PROD, PATIENCE_MS, REFERENCES, RING_ORDER, Ring,
};
use crate::wire::Request;

/// A grant that was never made. (Numbers 0 and 1 are the toolstack's, and good grants.)
const NEVER: u32 = 400;

fn works(device: &mut Device, echo: SocketAddrV4) -> Result<()> {
    let mut stream = Stream::connect(device, echo, 1)?;
    stream.ring.echo(b"it works")?;
    stream.release(device)
}

/// CONNECT with `ring`, changed by `change`, must fail and leave nothing mapped.
fn refused(
    device: &mut Device,
    what: &str,
    echo: SocketAddrV4,
    ring: &Ring,
    change: impl Fn(Request) -> Request,
) -> Result<()> {
    let id = new_id();
    device.expect("SOCKET", 0, Request::socket(id))?;
    let ret = device.expect_error(what, change(Request::connect(id, echo, ring)))?;
    println!("{what}: {ret}");
    let mapped = ring.still_mapped();
    ensure!(mapped == 0, "{what}: {mapped} pages are mapped");
    device.expect("RELEASE", 0, Request::release(id))?;
    works(device, echo)
}

/// Orders, grants and ports that cannot be: errors, and service goes on.
pub(crate) fn bad(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let peer = device.peer();
    let most = device.max_order()?;
    for order in [0, most + 1, 10, 11, 31, 32, 0x8000_0001, u32::MAX] {
        let ring = Ring::new(peer, 1)?;
        ring.describe(order, ring.data_references());
        let what = alloc::format!("order {order}");
        refused(&mut device, &what, echo, &ring, |request| request)?;
    }
    for reference in [NEVER, 0xffff, 0x7fff_ffff, u32::MAX] {
        for position in 0..2 {
            let ring = Ring::new(peer, 1)?;
            let mut references = [ring.data_references()[0], ring.data_references()[1]];
            references[position] = reference;
            ring.describe(1, &references);
            let what = alloc::format!("data grant {reference} at {position}");
            refused(&mut device, &what, echo, &ring, |request| request)?;
        }
        let ring = Ring::new(peer, 1)?;
        let what = alloc::format!("indexes grant {reference}");
        refused(&mut device, &what, echo, &ring, |request| {
            request.u32(52, reference)
        })?;
    }
    // More pages are promised than granted.
    let ring = Ring::new(peer, 1)?;
    let mut references = ring.data_references().to_vec();
    references.resize(1 << most, NEVER);
    ring.describe(most, &references);
    refused(
        &mut device,
        "grants for two pages only",
        echo,
        &ring,
        |request| request,
    )?;
    // A grant for reading only.
    let ring = Ring::new(peer, 1)?;
    let read_only = Shared::read_only(peer, 2)?;
    ring.describe(1, read_only.references());
    refused(
        &mut device,
        "data to be read only",
        echo,
        &ring,
        |request| request,
    )?;
    ensure!(read_only.still_mapped() == 0, "pages are mapped");
    // Grants that exist no more.
    let ring = Ring::new(peer, 1)?;
    ensure!(ring.still_mapped() == 0, "mapped by nobody");
    refused(&mut device, "revoked grants", echo, &ring, |request| {
        request
    })?;
    let open = Stream::connect(&mut device, echo, 1)?;
    let (command_port, open_port) = (device.ring().channel().port(), open.ring.channel().port());
    for port in [0, 1, 2, 900, 0xffff, u32::MAX, command_port, open_port] {
        let ring = Ring::new(peer, 1)?;
        let what = alloc::format!("port {port}");
        refused(&mut device, &what, echo, &ring, |request| {
            request.u32(56, port)
        })?;
    }
    open.release(&mut device)?;
    println!("bad rings are errors");
    device.finish()
}

/// The socket must fail: an error in the ring, or at least no more service for it; and RELEASE
/// must work.
fn must_fail(device: &mut Device, what: &str, stream: Stream) -> Result<()> {
    let failed = channel::wait(PATIENCE_MS, || {
        let errors = (stream.ring.in_error(), stream.ring.out_error());
        (errors != (0, 0)).then_some(errors)
    });
    let errors = failed.ok_or_else(|| failure(alloc::format!("{what}: no error")))?;
    let before = stream.ring.channel().events();
    pause(300);
    let events = stream.ring.channel().events() - before;
    ensure!(events < 20, "{what}: {events} events after the error");
    println!("{what}: in_error {}, out_error {}", errors.0, errors.1);
    stream.release(device)
}

/// Our indexes jump: that socket fails, and no other. The backend's indexes are not ours to
/// change: what we write there changes nothing.
pub(crate) fn bad_indexes(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut other = Stream::connect(&mut device, echo, 1)?;
    let size = other.ring.size();
    for jump in [
        size + 1,
        size + 4096,
        0x8000_0000,
        u32::MAX,
        u32::MAX - size,
    ] {
        let mut stream = Stream::connect(&mut device, echo, 1)?;
        stream.ring.echo(b"good so far")?;
        let now = stream.ring.out_prod();
        stream.ring.page().store(OUT_PROD, now.wrapping_add(jump));
        stream.ring.channel().notify();
        must_fail(&mut device, &alloc::format!("out_prod + {jump:#x}"), stream)?;
        other.ring.echo(b"the other one works")?;
    }
    // Backwards: to before its start. The backend may not have seen how far it was since.
    for jump in [1, size, size + 1, 0x8000_0000, 0xffff_fff0] {
        let mut stream = Stream::connect(&mut device, echo, 1)?;
        stream.ring.echo(b"good so far")?;
        let now = stream.ring.page().load(IN_PROD);
        stream.ring.page().store(IN_CONS, now.wrapping_add(jump));
        // The answer to this is what the backend has to put into the ring.
        stream.ring.write(b"come");
        stream.ring.channel().notify();
        must_fail(&mut device, &alloc::format!("in_cons + {jump:#x}"), stream)?;
        other.ring.echo(b"the other one works")?;
    }

    let mut stream = Stream::connect(&mut device, echo, 1)?;
    stream.ring.echo(b"12345")?;
    let mut random = Random::new(11);
    for word in [IN_PROD, OUT_CONS] {
        stream.ring.page().store(word, random.word());
    }
    stream.ring.page().store(RING_ORDER, 9);
    for index in 0..512 {
        stream
            .ring
            .page()
            .store(REFERENCES + 4 * index, random.word());
    }
    stream.ring.page().store(OUT_CONS, 5);
    stream.ring.write(b"678");
    stream.ring.page().store(OUT_CONS, random.word());
    stream.ring.channel().notify();
    let moved = channel::wait(PATIENCE_MS, || {
        let page = stream.ring.page();
        (page.load(IN_PROD) == 8 && page.load(OUT_CONS) == 8).then_some(())
    });
    ensure!(moved.is_some(), "the backend lost its own indexes");
    ensure!(stream.ring.read_exact(3)? == b"678", "the bytes differ");
    stream.release(&mut device)?;
    other.release(&mut device)?;
    println!("bad indexes harm their own socket only");
    device.finish()
}

/// The same pages for two sockets, and the indexes page as data: an error or nonsense on these
/// sockets; nothing else is harmed, and all is given back.
pub(crate) fn shared_twice(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let peer = device.peer();
    let one = Stream::connect(&mut device, echo, 1)?;
    let (second, other) = (new_id(), Ring::new(peer, 1)?);
    device.expect("SOCKET", 0, Request::socket(second))?;
    // Same ring and port; same ring and another port; same data under another page.
    let same = Request::connect(second, echo, &one.ring);
    let ret = device.expect_error("the same ring and port", same.clone())?;
    println!("the same ring and port: {ret}");
    let same = same.u32(56, other.channel().port());
    let ret = device.call(same)?.ret();
    println!("the same ring, another port: {ret}");
    jumble(&one, &other);
    let ret = device.call(Request::release(second))?.ret();
    ensure!(ret == 0, "RELEASE: answered {ret}");
    works(&mut device, echo)?;

    let (third, other) = (new_id(), Ring::new(peer, 1)?);
    other.describe(1, one.ring.data_references());
    device.expect("SOCKET", 0, Request::socket(third))?;
    let ret = device.call(Request::connect(third, echo, &other))?.ret();
    println!("the same data, another page: {ret}");
    jumble(&one, &other);
    device.expect("RELEASE", 0, Request::release(third))?;
    one.release(&mut device)?;
    works(&mut device, echo)?;

    for command_ring in [false, true] {
        let ring = Ring::new(peer, 1)?;
        let page = match command_ring {
            true => device.ring().reference(),
            false => ring.reference(),
        };
        ring.describe(1, &[page, page]);
        let id = new_id();
        device.expect("SOCKET", 0, Request::socket(id))?;
        let request = device.send(Request::connect(id, echo, &ring))?;
        let ret = device.answer(request)?;
        println!("a page as its own data: {ret}");
        if ret == 0 && !command_ring {
            let bytes = pattern::bytes(0, 2000);
            ring.page().store(OUT_PROD, 2000);
            ring.page().write(2048, &bytes);
            ring.channel().notify();
            pause(200);
        }
        device.expect("RELEASE", 0, Request::release(id))?;
        ensure!(ring.still_mapped() == 0, "pages are mapped");
        works(&mut device, echo)?;
    }
    println!("sharing twice harms nobody else");
    device.finish()
}

/// Events and bytes on rings that are in each other's way.
fn jumble(one: &Stream, other: &Ring) {
    for step in 0..50 {
        one.ring.page().store(OUT_PROD, step * 10);
        other.page().store(OUT_PROD, step * 7);
        one.ring.channel().notify();
        other.channel().notify();
        pause(1);
    }
}
