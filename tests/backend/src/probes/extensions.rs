//! The extensions of docs/extensions.md for streams, each with nothing else negotiated.

use core::net::SocketAddrV4;

use rt::io::Result;
use rt::println;

use crate::channel::{self, pause};
use crate::device::{CLOSED, CLOSING, Device, INITIALISING, Keys, STEP_MS};
use crate::ensure;
use crate::pattern;
use crate::ring::ALIVE;
use crate::socket::{Stream, listen, new_id};
use crate::stream::{
    IN_CONS_EVENT, IN_PROD, IN_PROD_EVENT, OUT_CONS_EVENT, OUT_PROD_EVENT, PATIENCE_MS, Ring, Tell,
};
use crate::wire::{Name, Request, cmd, errno};

/// A device with one extension, which must be offered.
pub(crate) fn open(feature: &str) -> Result<Device> {
    let device = Device::open_with(Keys::with_features(&[feature]))?;
    let offered = device.offered(&alloc::format!("feature-{feature}"));
    ensure!(
        offered.as_deref() == Some("1"),
        "feature-{feature} is {offered:?}"
    );
    Ok(device)
}

/// Both ends of a connection know each other's name, and a listener its own.
pub(crate) fn names(at: SocketAddrV4) -> Result<()> {
    let mut device = open("names")?;
    let id = new_id();
    device.expect("SOCKET", 0, Request::socket(id))?;
    let bound = device.call(Request::bind(id, at))?;
    ensure!(bound.ret() == 0, "BIND: answered {}", bound.ret());
    let names = (bound.local_name(), bound.peer_name());
    ensure!(names == (Name::v4(at), Name::NONE), "BIND: {names:?}");
    device.expect("LISTEN", 0, Request::listen(id, 1))?;

    let client = Ring::new(device.peer(), 1)?;
    let client_id = new_id();
    device.expect("SOCKET", 0, Request::socket(client_id))?;
    let connected = device.call(Request::connect(client_id, at, &client))?;
    ensure!(connected.ret() == 0, "CONNECT: {}", connected.ret());
    let server = Ring::new(device.peer(), 1)?;
    let server_id = new_id();
    let accepted = device.call(Request::accept(id, server_id, &server))?;
    ensure!(accepted.ret() == 0, "ACCEPT: {}", accepted.ret());

    println!("connected: {:?}", connected.local_name());
    ensure!(connected.local_name().port() != 0, "no local port");
    ensure!(connected.peer_name() == Name::v4(at), "CONNECT's peer");
    ensure!(accepted.local_name() == Name::v4(at), "ACCEPT's local name");
    ensure!(
        accepted.peer_name() == connected.local_name(),
        "ACCEPT's peer is {:?}",
        accepted.peer_name()
    );
    for (id, answer) in [
        (id, &bound),
        (client_id, &connected),
        (server_id, &accepted),
    ] {
        let names = device.call(Request::new(cmd::NAMES, id))?;
        ensure!(names.ret() == 0, "NAMES: {}", names.ret());
        ensure!(
            (names.local_name(), names.peer_name()) == (answer.local_name(), answer.peer_name()),
            "NAMES: {:?}, {:?}",
            names.local_name(),
            names.peer_name()
        );
    }
    device.expect(
        "NAMES of nothing",
        errno::EBADF,
        Request::new(cmd::NAMES, 9),
    )?;

    // The host chooses, and tells what.
    let any = new_id();
    device.expect("SOCKET", 0, Request::socket(any))?;
    let request = Request::bind(any, SocketAddrV4::new(*at.ip(), 0));
    let bound = device.call(request)?;
    ensure!(bound.ret() == 0, "BIND to port 0: {}", bound.ret());
    println!("chosen: {:?}", bound.local_name());
    ensure!(bound.local_name().port() >= 1024, "the chosen port");
    for id in [client_id, server_id, id, any] {
        device.expect("RELEASE", 0, Request::release(id))?;
    }
    println!("names are known");
    device.finish()
}

fn shut(stream: &Stream, how: u32, out_prod: u32) -> Request {
    Request::new(cmd::SHUTDOWN, stream.id)
        .u32(16, how)
        .u32(20, out_prod)
}

/// Half-close: the peer (`drain,send:50`) sees the end after all bytes, and answers.
pub(crate) fn shutdown(answering: SocketAddrV4, echo: SocketAddrV4) -> Result<()> {
    let mut device = open("shutdown")?;
    for announced in [true, false] {
        let mut stream = Stream::connect(&mut device, answering, 1)?;
        let bytes = pattern::bytes(0, 3000);
        ensure!(stream.ring.write(&bytes) == 3000, "room");
        if announced {
            stream.ring.channel().notify();
        }
        let request = shut(&stream, 1, 3000);
        device.expect("SHUTDOWN write", 0, request.clone())?;
        let end = stream.ring.read_pattern_to_end(Tell::WhenFull)?;
        ensure!(end == (50, errno::ENOTCONN), "{end:?}");
        ensure!(
            stream.ring.out_error() == 0,
            "out_error before more is written"
        );
        device.expect("SHUTDOWN again", 0, request)?;
        stream.ring.write(b"more");
        stream.ring.channel().notify();
        let error = channel::wait(PATIENCE_MS, || {
            Some(stream.ring.out_error()).filter(|error| *error != 0)
        });
        ensure!(error == Some(errno::EPIPE), "out_error {error:?}");
        stream.release(&mut device)?;
    }

    let mut stream = Stream::connect(&mut device, echo, 1)?;
    stream.ring.echo(b"before")?;
    for (what, request) in [
        ("how 3", shut(&stream, 3, 6)),
        ("out_prod too large", shut(&stream, 1, 7)),
        ("out_prod too small", shut(&stream, 1, 5)),
        ("out_prod far off", shut(&stream, 1, 0x8000_0000)),
    ] {
        device.expect(what, errno::EINVAL, request)?;
    }
    stream.ring.echo(b"nothing was shut")?;
    device.expect("SHUTDOWN read", 0, shut(&stream, 0, 0))?;
    let end = stream.ring.read_pattern_to_end(Tell::WhenFull)?;
    ensure!(end == (0, errno::ENOTCONN), "{end:?}");
    let before = stream.ring.page().load(IN_PROD);
    stream.ring.write_all(b"this echo is not wanted")?;
    stream.ring.wait_until_sent()?;
    pause(300);
    ensure!(
        stream.ring.page().load(IN_PROD) == before,
        "bytes after SHUTDOWN"
    );
    stream.release(&mut device)?;

    let id = new_id();
    let request = Request::new(cmd::SHUTDOWN, id).u32(16, 2);
    device.expect("SHUTDOWN of nothing", errno::EBADF, request.clone())?;
    device.expect("SOCKET", 0, Request::socket(id))?;
    device.expect("SHUTDOWN of a new socket", errno::ENOTCONN, request)?;
    device.expect("RELEASE", 0, Request::release(id))?;
    println!("halves were closed");
    device.finish()
}

fn set(id: u64, option: u32, value: i64) -> Request {
    Request::new(cmd::SETOPT, id)
        .u32(16, option)
        .u64(24, value.cast_unsigned())
}

fn get(device: &mut Device, id: u64, option: u32) -> Result<i64> {
    let answer = device.call(Request::new(cmd::GETOPT, id).u32(16, option))?;
    ensure!(answer.ret() == 0, "GETOPT {option}: {}", answer.ret());
    Ok(answer.extra_u64(24).cast_signed())
}

/// Each option of the table, in and out of range. The peer of `sink` sees a reset at last.
pub(crate) fn options(sink: SocketAddrV4) -> Result<()> {
    let mut device = open("options")?;
    let stream = Stream::connect(&mut device, sink, 1)?;
    let id = stream.id;
    let good: [(u32, &[i64]); 4] = [
        (1, &[1, 0]),
        (2, &[60, 32767, 0]),
        (3, &[1, 255, 64]),
        (4, &[1000, -1]),
    ];
    ensure!(get(&mut device, id, 1)? == 0, "NODELAY at first");
    ensure!(get(&mut device, id, 4)? == -1, "LINGER at first");
    for (option, values) in good {
        for value in values {
            let what = alloc::format!("option {option} = {value}");
            device.expect(&what, 0, set(id, option, *value))?;
            let now = get(&mut device, id, option)?;
            ensure!(now == *value, "{what}: it is {now}");
        }
    }
    for option in [5, 6] {
        // Where the host fixed it, the guest may not.
        let ret = device.call(set(id, option, 100_000))?.ret();
        ensure!(ret == 0 || ret == errno::EPERM, "a buffer: answered {ret}");
        let bytes = get(&mut device, id, option)?;
        println!("option {option}: {bytes} bytes");
        ensure!(bytes > 0, "a buffer of {bytes}");
    }
    let bad: [(u32, &[i64]); 4] = [
        (1, &[2, -1, i64::MAX]),
        (2, &[-1, 32768]),
        (3, &[0, 256, -1]),
        (4, &[-2]),
    ];
    for (option, values) in bad {
        for value in values {
            let what = alloc::format!("option {option} = {value}");
            device.expect(&what, errno::EINVAL, set(id, option, *value))?;
        }
    }
    for (option, value) in [(5, 0), (5, -1), (5, i64::MIN), (6, 0), (6, 1 << 40)] {
        let ret = device.expect_error("a bad buffer", set(id, option, value))?;
        ensure!(ret == errno::EPERM || ret == errno::EINVAL, "{ret}");
    }
    ensure!(get(&mut device, id, 7)? == 0, "ERROR without an error");
    for option in [0, 7, 8, 9, 10, 99, u32::MAX] {
        let what = alloc::format!("SETOPT {option}");
        device.expect(&what, errno::ENOPROTOOPT, set(id, option, 1))?;
    }
    for option in [0, 8, 9, 10, u32::MAX] {
        let request = Request::new(cmd::GETOPT, id).u32(16, option);
        device.expect("GETOPT", errno::ENOPROTOOPT, request)?;
    }
    let ret = device.expect_error("SETOPT of nothing", set(new_id(), 1, 1))?;
    println!("SETOPT of nothing: {ret}");
    // On a socket that is not connected yet, too.
    let new = new_id();
    device.expect("SOCKET", 0, Request::socket(new))?;
    device.expect("SETOPT of a new socket", 0, set(new, 1, 1))?;
    ensure!(get(&mut device, new, 1)? == 1, "NODELAY of a new socket");
    device.expect("RELEASE", 0, Request::release(new))?;

    device.expect("LINGER 0", 0, set(id, 4, 0))?;
    stream.release(&mut device)?;
    println!("options were set");
    device.finish()
}

/// Whether the backend, idle, asked to be told of the next byte.
fn asks_for_the_next(ring: &Ring) -> bool {
    let event = ring.page().load(OUT_PROD_EVENT);
    let (old, new) = (ring.out_prod(), ring.out_prod().wrapping_add(1));
    new.wrapping_sub(event) < new.wrapping_sub(old)
}

/// Events come when our words ask for them, and only then.
pub(crate) fn event_idx(echo: SocketAddrV4, closing: SocketAddrV4) -> Result<()> {
    let mut device = open("event-idx")?;
    let ring = Ring::new(device.peer(), 1)?;
    // Behind the indexes: do not tell.
    ring.page().store(IN_PROD_EVENT, 0);
    ring.page().store(OUT_CONS_EVENT, 0);
    let mut stream = Stream::connect_with(&mut device, echo, ring)?;
    ensure!(
        asks_for_the_next(&stream.ring),
        "no wish for the first byte"
    );
    pause(100);
    let before = stream.ring.channel().events();
    let mut total = 0;
    for round in 0..10 {
        ensure!(stream.ring.write(&pattern::bytes(round, 50)) == 50, "room");
        stream.ring.channel().notify();
        total += 50;
        let mut patience = PATIENCE_MS / 5;
        while stream.ring.page().load(IN_PROD) != total && patience > 0 {
            pause(5);
            patience -= 1;
        }
        ensure!(stream.ring.page().load(IN_PROD) == total, "the echo");
    }
    let events = stream.ring.channel().events() - before;
    ensure!(events == 0, "{events} events that nobody asked for");
    ensure!(stream.ring.unsent() == 0, "unsent");
    pause(100);
    ensure!(asks_for_the_next(&stream.ring), "no wish for the next byte");
    println!(
        "its words: {} {}",
        stream.ring.page().load(IN_CONS_EVENT),
        stream.ring.page().load(OUT_PROD_EVENT)
    );

    // Tell at 100 bytes more.
    stream.ring.page().store(IN_PROD_EVENT, total + 100);
    stream.ring.write(&pattern::bytes(0, 60));
    stream.ring.channel().notify();
    pause(500);
    let events = stream.ring.channel().events() - before;
    ensure!(events == 0, "{events} events too early");
    stream.ring.write(&pattern::bytes(60, 60));
    stream.ring.channel().notify();
    let told = channel::wait(PATIENCE_MS, || {
        (stream.ring.channel().events() > before).then_some(())
    });
    ensure!(told.is_some(), "no event at the index that was asked for");
    // And of room in the out array.
    pause(200);
    let before = stream.ring.channel().events();
    stream
        .ring
        .page()
        .store(OUT_CONS_EVENT, stream.ring.out_prod() + 1);
    stream.ring.write(b"x");
    stream.ring.channel().notify();
    let told = channel::wait(PATIENCE_MS, || {
        (stream.ring.channel().events() > before).then_some(())
    });
    ensure!(told.is_some(), "no event for room");
    stream.release(&mut device)?;

    // An error is told although nothing is asked for.
    let ring = Ring::new(device.peer(), 1)?;
    let mut stream = Stream::connect_with(&mut device, closing, ring)?;
    let end = channel::wait(PATIENCE_MS, || {
        Some(stream.ring.in_error()).filter(|error| *error != 0)
    });
    ensure!(end == Some(errno::ENOTCONN), "in_error {end:?}");
    ensure!(
        stream.ring.read_exact(10)? == pattern::bytes(0, 10),
        "bytes"
    );
    stream.release(&mut device)?;
    println!("events came as asked");
    device.finish()
}

/// Sees the daemon die (the case kills it) by the byte and the event, and finds its pages given
/// back; then connects to the next one.
pub(crate) fn outlive(echo: SocketAddrV4, at: SocketAddrV4) -> Result<()> {
    let mut device = open("alive")?;
    ensure!(device.ring().page().byte(ALIVE) == 1, "not alive at first");
    let mut stream = Stream::connect(&mut device, echo, 2)?;
    stream.ring.echo(b"alive")?;
    let id = listen(&mut device, at, 1)?;
    let ring = Ring::new(device.peer(), 1)?;
    device.send(Request::accept(id, new_id(), &ring))?;
    pause(200);
    println!("waiting for its death");
    let dead = channel::wait(120_000, || {
        (device.ring().page().byte(ALIVE) == 0).then_some(())
    });
    ensure!(dead.is_some(), "it does not die, or dies in silence");
    let given_back = || stream.ring.still_mapped() + ring.still_mapped();
    ensure!(
        given_back() == 0,
        "{} pages are mapped by nobody",
        given_back()
    );
    println!("dead, and nothing is mapped");

    let state = device.wait_for_state(&[CLOSING, CLOSED], 120_000)?;
    println!("the next one says {state}");
    device.set_state(CLOSED)?;
    device.wait_for_state(&[CLOSED], STEP_MS)?;
    device.renew()?;
    device.set_state(INITIALISING)?;
    device.bring_up()?;
    ensure!(device.ring().page().byte(ALIVE) == 1, "not alive again");
    let mut stream = Stream::connect(&mut device, echo, 2)?;
    stream.ring.echo(b"alive again")?;
    stream.release(&mut device)?;
    // The address is free, although nobody closed the old listener.
    let id = listen(&mut device, at, 1)?;
    device.expect("RELEASE", 0, Request::release(id))?;
    println!("outlived");
    device.finish()
}

/// Everything is offered and nothing taken: then nothing is in force.
pub(crate) fn none(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    for feature in [
        "names",
        "shutdown",
        "options",
        "ipv6",
        "udp",
        "resolve",
        "multi-accept",
        "cancel",
        "event-idx",
        "alive",
    ] {
        let offered = device.offered(&alloc::format!("feature-{feature}"));
        println!("feature-{feature}: {offered:?}");
        ensure!(offered.as_deref() == Some("1"), "{feature} is not offered");
    }
    ensure!(device.ring().page().byte(ALIVE) == 0, "ALIVE was written");
    for command in cmd::SHUTDOWN..=cmd::RESOLVE {
        let request = Request::new(command, 1);
        device.expect("a command that is not in force", errno::ENOTSUP, request)?;
    }
    let request = Request::socket_of(new_id(), 10, 1, 0);
    device.expect("IPv6", errno::EAFNOSUPPORT, request)?;
    let request = Request::socket_of(new_id(), 2, 2, 0);
    device.expect("datagrams", errno::ESOCKTNOSUPPORT, request)?;
    let mut stream = Stream::connect(&mut device, echo, 1)?;
    for word in [IN_PROD_EVENT, IN_CONS_EVENT, OUT_CONS_EVENT, OUT_PROD_EVENT] {
        stream.ring.page().store(word, 0x7777_7777);
    }
    for _ in 0..3 {
        stream.ring.echo(b"told as ever")?;
    }
    for word in [IN_CONS_EVENT, OUT_PROD_EVENT] {
        let value = stream.ring.page().load(word);
        ensure!(value == 0x7777_7777, "the word at {word} was written");
    }
    stream.release(&mut device)?;
    println!("nothing is in force");
    device.finish()
}
