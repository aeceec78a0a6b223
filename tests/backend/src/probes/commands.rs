//! Commands about sockets and connections: what they accept, and what they answer.

use core::net::SocketAddrV4;

use rt::io::Result;
use rt::println;

use crate::device::Device;
use crate::ensure;
use crate::pattern;
use crate::socket::{Stream, new_id};
use crate::stream::Ring;
use crate::wire::{Request, errno};

/// Arguments that cannot be, and states in which a command makes no sense.
pub(crate) fn arguments(echo: SocketAddrV4, refused: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    for domain in [0, 1, 3, 10, 16, 0x0002_0002, u32::MAX] {
        let request = Request::socket_of(new_id(), domain, 1, 0);
        device.expect("SOCKET of another family", errno::EAFNOSUPPORT, request)?;
    }
    for (kind, protocol) in [
        (0, 0),
        (2, 0),
        (3, 1),
        (5, 0),
        (u32::MAX, 0),
        (1, 17),
        (1, 255),
    ] {
        let request = Request::socket_of(new_id(), 2, kind, protocol);
        let ret = device.expect_error("SOCKET of another kind", request)?;
        println!("SOCKET 2, {kind}, {protocol}: {ret}");
    }
    for command in [7, 8, 9, 10, 11, 12, 13, 64, 255, 256, u32::MAX] {
        let request = Request::new(command, 0);
        device.expect("a command that is not", errno::ENOTSUP, request)?;
    }

    let (id, ring) = (new_id(), Ring::new(device.peer(), 1)?);
    device.expect("SOCKET", 0, Request::socket(id))?;
    let good = Request::connect(id, echo, &ring);
    for length in [0, 1, 29, 64, 4096, u32::MAX] {
        let request = good.clone().u32(44, length);
        device.expect("CONNECT with a bad length", errno::EINVAL, request)?;
    }
    for family in [0, 1, 10, 0xffff_u16] {
        let request = good.clone().bytes(16, &family.to_le_bytes());
        let ret = device.expect_error("CONNECT to another family", request)?;
        println!("CONNECT to family {family}: {ret}");
    }
    let request = Request::connect(id, refused, &ring);
    device.expect("CONNECT to nobody", errno::ECONNREFUSED, request)?;
    ensure!(ring.still_mapped() == 0, "the ring is mapped after errors");

    // A socket whose CONNECT failed can be used again.
    let ring = Ring::new(device.peer(), 1)?;
    let good = Request::connect(id, echo, &ring);
    device.expect("CONNECT after failures", 0, good.clone())?;
    device.expect_error("CONNECT of a connected socket", good)?;
    device.expect_error("BIND of a connected socket", Request::bind(id, echo))?;
    device.expect_error("LISTEN of a connected socket", Request::listen(id, 1))?;
    device.expect_error("POLL of a connected socket", Request::poll(id))?;
    let spare = Ring::new(device.peer(), 1)?;
    let request = Request::accept(id, new_id(), &spare);
    device.expect_error("ACCEPT of a connected socket", request)?;
    let mut stream = Stream { id, ring };
    stream.ring.echo(b"all that harmed nothing")?;
    stream.release(&mut device)?;

    let id = new_id();
    device.expect("SOCKET", 0, Request::socket(id))?;
    for length in [0, 1, 8, 15, 29, u32::MAX] {
        let request = Request::bind(id, echo).u32(44, length);
        device.expect("BIND with a bad length", errno::EINVAL, request)?;
    }
    let nowhere = SocketAddrV4::new([198, 18, 0, 77].into(), 5000);
    device.expect_error("BIND to a foreign address", Request::bind(id, nowhere))?;
    device.expect("RELEASE", 0, Request::release(id))?;
    println!("all arguments were judged");
    device.finish()
}

/// Numbers of sockets: doubled, unknown, odd, and used again.
pub(crate) fn ids(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let id = new_id();
    device.expect("SOCKET", 0, Request::socket(id))?;
    device.expect("SOCKET again", errno::EEXIST, Request::socket(id))?;
    device.expect("RELEASE", 0, Request::release(id))?;

    let unknown = new_id();
    let ring = Ring::new(device.peer(), 1)?;
    let requests = [
        ("CONNECT", Request::connect(unknown, echo, &ring)),
        ("BIND", Request::bind(unknown, echo)),
        ("LISTEN", Request::listen(unknown, 1)),
        ("ACCEPT", Request::accept(unknown, new_id(), &ring)),
        ("POLL", Request::poll(unknown)),
    ];
    for (name, request) in requests {
        let ret = device.expect_error(name, request)?;
        println!("{name} of an unknown socket: {ret}");
    }
    let ret = device.call(Request::release(unknown))?.ret();
    println!("RELEASE of an unknown socket: {ret}");
    ensure!(ring.still_mapped() == 0, "a ring is mapped");

    for id in [0, 1, 0x8000_0000, 0xffff_ffff, 1 << 63, u64::MAX] {
        let mut ring = Ring::new(device.peer(), 1)?;
        for round in 0..2 {
            device.expect("SOCKET", 0, Request::socket(id))?;
            device.expect("CONNECT", 0, Request::connect(id, echo, &ring))?;
            ring.echo(&pattern::bytes(round, 100))?;
            device.expect("SOCKET again", errno::EEXIST, Request::socket(id))?;
            device.expect("RELEASE", 0, Request::release(id))?;
            ring.reset();
        }
        ensure!(ring.still_mapped() == 0, "a ring is mapped");
    }
    println!("ids behave");
    device.finish()
}

/// RELEASE with `reuse`, and the next CONNECT with the same ring: as it was, and changed.
pub(crate) fn reuse(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let mut ring = Ring::new(device.peer(), 1)?;
    let keep = |id| Request::release(id).bytes(16, &[1]);
    for round in 0..5 {
        let id = new_id();
        device.expect("SOCKET", 0, Request::socket(id))?;
        device.expect("CONNECT", 0, Request::connect(id, echo, &ring))?;
        ring.echo(&pattern::bytes(round, 6000))?;
        device.expect("RELEASE", 0, keep(id))?;
        ring.reset();
    }
    // The page is the same, but says something else now.
    let old = ring.replace_data(device.peer(), 2)?;
    let id = new_id();
    device.expect("SOCKET", 0, Request::socket(id))?;
    let ret = device.call(Request::connect(id, echo, &ring))?.ret();
    println!("CONNECT with a kept page and another order: {ret}");
    if ret == 0 {
        // Larger than the old arrays: whoever still used them would show.
        ring.echo(&pattern::bytes(0, 8000))?;
    }
    let last = device.call(Request::release(id))?.ret();
    ensure!(ret != 0 || last == 0, "RELEASE: answered {last}");
    // A kept ring may stay mapped only as long as the device lives.
    let again = Ring::new(device.peer(), 1)?;
    let mut stream = Stream::connect_with(&mut device, echo, again)?;
    stream.ring.echo(b"and another")?;
    device.expect("RELEASE", 0, keep(stream.id))?;
    println!("reuse works");
    device.finish()?;
    let mapped = ring.still_mapped() + old.still_mapped() + stream.ring.still_mapped();
    ensure!(mapped == 0, "{mapped} pages are mapped after the end");
    Ok(())
}

/// Rings of every order that is offered carry as much as they hold.
pub(crate) fn orders(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    let most = device.max_order()?;
    ensure!((1..=9).contains(&most), "max-page-order is {most}");
    for order in 1..=most {
        let mut stream = Stream::connect(&mut device, echo, order)?;
        let size = stream.ring.size() as usize;
        stream.ring.echo(&pattern::bytes(7, size))?;
        stream.ring.echo(&pattern::bytes(8, size / 2 + 13))?;
        stream.release(&mut device)?;
        println!("order {order}: {size} bytes at once");
    }
    device.finish()
}
