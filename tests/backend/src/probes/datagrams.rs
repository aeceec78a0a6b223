//! The extensions for datagrams, IPv6 and names of hosts (docs/extensions.md).

use alloc::vec;
use alloc::vec::Vec;
use core::net::{SocketAddrV4, SocketAddrV6};

use rt::io::Result;
use rt::println;

use super::extensions::open;
use crate::channel;
use crate::device::{Device, Keys};
use crate::ensure;
use crate::failure;
use crate::memory::Shared;
use crate::pattern;
use crate::socket::{Stream, new_id};
use crate::stream::{PATIENCE_MS, Ring};
use crate::wire::{Name, Request, cmd, errno, sockaddr6};

/// Bytes before the payload of a frame.
const HEAD: usize = 32;

/// A datagram in a ring.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    name: Name,
    cut: bool,
    payload: Vec<u8>,
}

impl Frame {
    fn new(name: Name, payload: Vec<u8>) -> Frame {
        let cut = false;
        Frame { name, cut, payload }
    }

    /// As it lies in a ring: head, payload, zeros up to a multiple of eight.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD + self.payload.len().next_multiple_of(8)];
        let length = u32::try_from(self.payload.len()).expect("short");
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[8..28].copy_from_slice(&self.name.0);
        bytes[HEAD..HEAD + self.payload.len()].copy_from_slice(&self.payload);
        bytes
    }

    /// The next frame of a ring, which must come.
    fn read(ring: &mut Ring) -> Result<Frame> {
        let head = ring.read_exact(HEAD)?;
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four"));
        let length = word(0) as usize;
        ensure!(word(28) == 0 && word(4) <= 1, "head {head:02x?}");
        // A frame becomes visible whole.
        let mut payload = ring.take_now(length.next_multiple_of(8))?;
        ensure!(
            payload.len() == length.next_multiple_of(8),
            "half a frame is visible"
        );
        payload.truncate(length);
        Ok(Frame {
            name: Name::read(&head[8..28]),
            cut: word(4) == 1,
            payload,
        })
    }
}

fn attach(id: u64, ring: &Ring) -> Request {
    Request::new(cmd::ATTACH, id)
        .u32(16, ring.reference())
        .u32(20, ring.channel().port())
}

fn send(ring: &mut Ring, frame: &Frame) -> Result<()> {
    ring.write_all(&frame.bytes())
}

/// One socket is bound to `at`, another is connected to it: frames of many sizes go to and fro,
/// with the names of their senders; frames that are not, and commands that cannot be, are
/// errors.
pub(crate) fn udp(at: SocketAddrV4) -> Result<()> {
    let keys = Keys::with_features(&["udp", "names", "options"]);
    let mut device = Device::open_with(keys)?;
    let (server, client) = (new_id(), new_id());
    for (id, protocol) in [(server, 0), (client, 17)] {
        device.expect("SOCKET", 0, Request::socket_of(id, 2, 2, protocol))?;
    }
    device.expect_error("SOCKET 6", Request::socket_of(new_id(), 2, 2, 6))?;
    device.expect("BIND", 0, Request::bind(server, at))?;
    let mut inside = Ring::new(device.peer(), 3)?;
    let mut outside = Ring::new(device.peer(), 3)?;
    device.expect("ATTACH", 0, attach(server, &inside))?;
    device.expect("CONNECT", 0, Request::connect(client, at, &outside))?;
    let names = device.call(Request::new(cmd::NAMES, client))?;
    let from = names.local_name();
    println!("the client is {from:?}");

    for size in [0, 1, 7, 8, 9, 100, 1472, 1473, 9000] {
        let payload = pattern::bytes(size, size);
        send(&mut outside, &Frame::new(Name::NONE, payload.clone()))?;
        let got = Frame::read(&mut inside)?;
        let expected = Frame::new(from, payload.clone());
        ensure!(got == expected, "{size} bytes: from {:?}", got.name);
        send(&mut inside, &Frame::new(from, payload.clone()))?;
        let got = Frame::read(&mut outside)?;
        let expected = Frame::new(Name::v4(at), payload);
        ensure!(got == expected, "{size} bytes: from {:?}", got.name);
    }
    // Many in one go, some to a name, around the ends of the arrays.
    for round in 0..20 {
        let mut bytes = Vec::new();
        for size in 0..10 {
            let payload = pattern::bytes(round + size, 100 * size + round);
            bytes.extend(Frame::new(Name::v4(at), payload).bytes());
        }
        outside.write_all(&bytes)?;
        for size in 0..10 {
            let payload = pattern::bytes(round + size, 100 * size + round);
            let got = Frame::read(&mut inside)?;
            ensure!(got == Frame::new(from, payload), "frame {size}");
        }
    }
    // What cannot be sent is told by option ERROR only.
    send(&mut inside, &Frame::new(Name::NONE, vec![1; 10]))?;
    inside.wait_until_sent()?;
    let get = Request::new(cmd::GETOPT, server).u32(16, 7);
    let error = device.call(get.clone())?;
    println!("no receiver: error {}", error.extra_u64(24));
    ensure!(error.ret() == 0 && error.extra_u64(24) != 0, "no error");
    let error = device.call(get)?;
    ensure!(error.extra_u64(24) == 0, "the error is not forgotten");

    let listen = Request::listen(server, 1);
    let spare = Ring::new(device.peer(), 1)?;
    let accept = Request::accept(server, new_id(), &spare);
    for (what, request) in [
        ("LISTEN", listen),
        ("ACCEPT", accept),
        ("POLL", Request::poll(server)),
    ] {
        device.expect(what, errno::EOPNOTSUPP, request)?;
    }
    cut(&mut device, at)?;

    // A frame that reaches beyond out_prod.
    let mut bytes = Frame::new(Name::NONE, vec![5; 64]).bytes();
    bytes.truncate(HEAD + 32);
    outside.write_all(&bytes)?;
    let error = channel::wait(PATIENCE_MS, || {
        Some(outside.out_error()).filter(|error| *error != 0)
    });
    ensure!(error == Some(errno::EINVAL), "out_error {error:?}");
    for id in [server, client] {
        device.expect("RELEASE", 0, Request::release(id))?;
    }
    let mapped = inside.still_mapped() + outside.still_mapped();
    ensure!(mapped == 0, "{mapped} pages are mapped");
    println!("datagrams went to and fro");
    device.finish()
}

/// What no empty ring could hold arrives cut; a peer may be changed.
fn cut(device: &mut Device, at: SocketAddrV4) -> Result<()> {
    let to = SocketAddrV4::new(*at.ip(), at.port() + 1);
    let (small, large) = (new_id(), new_id());
    for id in [small, large] {
        device.expect("SOCKET", 0, Request::socket_of(id, 2, 2, 0))?;
    }
    device.expect("BIND", 0, Request::bind(small, to))?;
    let mut receiving = Ring::new(device.peer(), 1)?;
    let mut sending = Ring::new(device.peer(), 3)?;
    device.expect("ATTACH", 0, attach(small, &receiving))?;
    device.expect("CONNECT", 0, Request::connect(large, at, &sending))?;
    let change = Request::connect(large, to, &sending).u32(52, 0).u32(56, 0);
    device.expect("CONNECT to another", 0, change)?;
    send(
        &mut sending,
        &Frame::new(Name::NONE, pattern::bytes(0, 6000)),
    )?;
    let got = Frame::read(&mut receiving)?;
    println!(
        "of 6000 bytes {} arrive, cut: {}",
        got.payload.len(),
        got.cut
    );
    ensure!(got.cut, "not marked as cut");
    let length = got.payload.len();
    ensure!(
        length <= 4096 - HEAD && got.payload == pattern::bytes(0, length),
        "{length} bytes"
    );
    for id in [small, large] {
        device.expect("RELEASE", 0, Request::release(id))?;
    }
    Ok(())
}

/// A listener and a client on an IPv6 address.
pub(crate) fn ipv6(at: SocketAddrV6) -> Result<()> {
    let mut device = Device::open_with(Keys::with_features(&["ipv6", "names"]))?;
    let bytes = sockaddr6(at);
    let (listener, client, server) = (new_id(), new_id(), new_id());
    for id in [listener, client] {
        device.expect("SOCKET", 0, Request::socket_of(id, 10, 1, 0))?;
    }
    let v4: SocketAddrV4 = "192.0.2.1:5000".parse().expect("an address");
    let bind = Request::bind(listener, v4).bytes(16, &bytes).u32(44, 28);
    device.expect_error("BIND of 16 bytes", bind.clone().u32(44, 16))?;
    device.expect("BIND", 0, bind)?;
    device.expect("LISTEN", 0, Request::listen(listener, 1))?;
    let ring = Ring::new(device.peer(), 1)?;
    let connect = Request::connect(client, v4, &ring);
    device.expect_error("CONNECT to IPv4", connect.clone())?;
    let connected = device.call(connect.bytes(16, &bytes).u32(44, 28))?;
    ensure!(connected.ret() == 0, "CONNECT: {}", connected.ret());
    ensure!(
        connected.peer_name() == Name::v6(at),
        "{:?}",
        connected.peer_name()
    );
    let other = Ring::new(device.peer(), 1)?;
    let accepted = device.call(Request::accept(listener, server, &other))?;
    ensure!(accepted.ret() == 0, "ACCEPT: {}", accepted.ret());
    ensure!(
        accepted.peer_name() == connected.local_name(),
        "ACCEPT's peer"
    );
    let mut one = Stream { id: client, ring };
    let mut two = Stream {
        id: server,
        ring: other,
    };
    one.ring.write_all(&pattern::bytes(0, 5000))?;
    ensure!(
        two.ring.read_exact(5000)? == pattern::bytes(0, 5000),
        "bytes"
    );
    one.release(&mut device)?;
    two.release(&mut device)?;
    device.expect("RELEASE", 0, Request::release(listener))?;
    println!("IPv6 works");
    device.finish()
}

/// A name that the host knows, some that it does not, and some that cannot be.
pub(crate) fn resolve(name: &str, address: SocketAddrV4) -> Result<()> {
    let mut device = open("resolve")?;
    let ask = |device: &mut Device, name: &[u8], family: u32| -> Result<(i32, Vec<Name>)> {
        let page = Shared::new(device.peer(), 1)?;
        page.write(0, name);
        let length = u32::try_from(name.len()).map_err(|_| failure("length"))?;
        let request = Request::new(cmd::RESOLVE, 0)
            .u32(16, page.references()[0])
            .u32(20, length)
            .u32(24, family);
        let request_id = device.send(request)?;
        let answer = device.answer_in(request_id, 60_000)?;
        ensure!(page.still_mapped() == 0, "the page is mapped");
        let count = match answer.ret() {
            0 => answer.extra_u32(24) as usize,
            _ => 0,
        };
        let mut bytes = vec![0; 20 * count];
        page.read(0, &mut bytes);
        Ok((answer.ret(), bytes.chunks(20).map(Name::read).collect()))
    };
    for family in [0, 2] {
        let (ret, names) = ask(&mut device, name.as_bytes(), family)?;
        println!("{name}, family {family}: {ret}, {names:?}");
        let expected = Name::v4(SocketAddrV4::new(*address.ip(), 0));
        ensure!(ret == 0 && names.contains(&expected), "not {expected:?}");
    }
    let (ret, _) = ask(&mut device, b"no-such-host.invalid", 0)?;
    println!("no-such-host.invalid: {ret}");
    ensure!(ret == errno::ENOENT || ret == errno::EAGAIN, "ret {ret}");
    let long = [b'a'; 254];
    for bad in [&b""[..], &long, b"a b", b"a/../etc", b"n\0ul", b"\xff"] {
        let (ret, _) = ask(&mut device, bad, 0)?;
        ensure!(ret == errno::EINVAL, "a bad name: {ret}");
    }
    let (ret, _) = ask(&mut device, name.as_bytes(), 7)?;
    ensure!(ret < 0, "family 7: {ret}");
    let request = Request::new(cmd::RESOLVE, 0).u32(16, 450).u32(20, 5);
    device.expect("a bad grant", errno::EFAULT, request)?;
    println!("names were resolved");
    device.finish()
}
