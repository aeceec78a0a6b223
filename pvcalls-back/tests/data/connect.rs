//! SOCKET, CONNECT and what may be wrong with them.

use std::net::SocketAddr;

use pvcalls_back::config::{DomainSettings, Limits};
use pvcalls_back::features::Features;
use pvcalls_back::policy::Policy;
use pvcalls_back::sessions::Ending;
use pvcalls_back::testbed::{Bed, open_settings, request, settings};

use crate::{PLAIN, bed, pair, read_some, ret, server};

/// An address that nobody listens on.
fn nobody() -> SocketAddr {
    server().1
}

#[test]
fn a_connection_refused_can_be_tried_again_with_the_same_id() {
    let (mut bed, mut front) = bed(PLAIN);
    bed.ok(&mut front, request::socket(5));
    let stream = front.stream(1);
    let to = |at| request::connect(5, at, stream.indexes(), stream.port());
    let refused = bed.ask(&mut front, to(nobody()));
    assert_eq!(refused.ret(), ret::ECONNREFUSED);
    assert_eq!((refused.cmd(), refused.id()), (1, 5));
    let refused = bed.ask(&mut front, to(nobody()));
    assert_eq!(refused.ret(), ret::ECONNREFUSED);
    let (_server, at) = server();
    bed.ok(&mut front, to(at));
    let again = bed.ask(&mut front, to(at));
    assert_eq!(again.ret(), ret::EISCONN);
    bed.end(&front, Ending::Linger);
}

#[test]
fn what_the_policy_forbids_reaches_nobody() {
    let mut bed = Bed::new();
    let (server, at) = server();
    server.set_nonblocking(true).unwrap();
    let deny = DomainSettings {
        policy: Policy::parse(&["deny 127.0.0.0/8", "allow any"], &["deny any"]).unwrap(),
        ..open_settings()
    };
    let mut front = bed.serve(1, PLAIN, deny);
    bed.ok(&mut front, request::socket(1));
    let stream = front.stream(1);
    let connect = request::connect(1, at, stream.indexes(), stream.port());
    assert_eq!(bed.ask(&mut front, connect).ret(), ret::EACCES);
    assert!(server.accept().is_err());
    assert_eq!(bed.ask(&mut front, request::bind(1, at)).ret(), ret::EACCES);
    assert_eq!(bed.counters(front.device()).denied.get(), 2);
    // Without rules of its own, loopback is guarded.
    let mut other = bed.serve(2, PLAIN, DomainSettings::default());
    bed.ok(&mut other, request::socket(1));
    let stream = other.stream(1);
    let connect = request::connect(1, at, stream.indexes(), stream.port());
    assert_eq!(bed.ask(&mut other, connect).ret(), ret::EACCES);
    assert!(server.accept().is_err());
}

#[test]
fn families_kinds_and_protocols_that_are_not_spoken() {
    let (mut bed, mut front) = bed(PLAIN);
    let cases = [
        ((10, 1, 0), ret::EAFNOSUPPORT),
        ((1, 1, 0), ret::EAFNOSUPPORT),
        ((0, 1, 0), ret::EAFNOSUPPORT),
        ((2, 2, 0), ret::ESOCKTNOSUPPORT),
        ((2, 3, 0), ret::ESOCKTNOSUPPORT),
        ((2, 1, 17), ret::EPROTONOSUPPORT),
        ((2, 1, 6), 0),
    ];
    for (id, ((domain, kind, protocol), expected)) in (0..).zip(cases) {
        let answer = bed.ask(&mut front, request::socket_of(id, domain, kind, protocol));
        assert_eq!(answer.ret(), expected, "{domain} {kind} {protocol}");
    }
    let mut all = bed.serve(2, Features::all(), open_settings());
    let cases = [
        ((10, 1, 0), 0),
        ((10, 1, 17), ret::EPROTONOSUPPORT),
        ((2, 2, 6), ret::EPROTONOSUPPORT),
        ((2, 2, 17), 0),
        ((10, 2, 0), 0),
        ((2, 3, 0), ret::ESOCKTNOSUPPORT),
    ];
    for (id, ((domain, kind, protocol), expected)) in (0..).zip(cases) {
        let answer = bed.ask(&mut all, request::socket_of(id, domain, kind, protocol));
        assert_eq!(answer.ret(), expected, "{domain} {kind} {protocol}");
    }
}

#[test]
fn ids_are_unique_and_known() {
    let (mut bed, mut front) = bed(PLAIN);
    let (_server, at) = server();
    bed.ok(&mut front, request::socket(1));
    let again = bed.ask(&mut front, request::socket(1));
    assert_eq!(again.ret(), ret::EEXIST);
    let stream = front.stream(1);
    let unknown = [
        request::connect(2, at, stream.indexes(), stream.port()),
        request::release(2, false),
        request::bind(2, at),
        request::listen(2, 1),
        request::accept(2, 3, stream.indexes(), stream.port()),
        request::poll(2),
    ];
    for request in unknown {
        let answer = bed.ask(&mut front, request);
        assert_eq!((answer.ret(), answer.id()), (ret::EBADF, 2));
    }
    bed.ok(&mut front, request::release(1, false));
    bed.ok(&mut front, request::socket(1));
    for id in [0, u64::MAX, 1 << 63] {
        bed.ok(&mut front, request::socket(id));
    }
    bed.end(&front, Ending::Now);
}

#[test]
fn an_unknown_command_is_answered() {
    let (mut bed, mut front) = bed(PLAIN);
    for cmd in [7, 8, 9, 10, 11, 12, 13, 1000, u32::MAX] {
        let answer = bed.ask(&mut front, request::raw(cmd, 77, [1, 2, 3]));
        assert_eq!(answer.ret(), ret::ENOTSUPP);
        assert_eq!((answer.cmd(), answer.id()), (cmd, 77));
    }
}

#[test]
fn addresses_that_are_none() {
    let (mut bed, mut front) = bed(PLAIN);
    let (_server, at) = server();
    bed.ok(&mut front, request::socket(1));
    let stream = front.stream(1);
    let good = request::connect(1, at, stream.indexes(), stream.port());
    let wrong = |change: &dyn Fn(&mut request::Slot)| {
        let mut slot = good;
        change(&mut slot);
        slot
    };
    let cases = [
        wrong(&|slot| slot[16] = 10),
        wrong(&|slot| slot[16] = 0),
        wrong(&|slot| slot[17] = 1),
        wrong(&|slot| slot[44] = 15),
        wrong(&|slot| slot[44] = 29),
        wrong(&|slot| slot[47] = 0x80),
    ];
    for slot in cases {
        assert_eq!(bed.ask(&mut front, slot).ret(), ret::EINVAL);
    }
    // Up to 28 bytes are allowed.
    bed.ok(&mut front, wrong(&|slot| slot[44] = 28));
}

#[test]
fn rings_that_are_none_bother_no_peer() {
    let (mut bed, mut front) = bed(PLAIN);
    let (server, at) = server();
    server.set_nonblocking(true).unwrap();
    bed.ok(&mut front, request::socket(1));
    let stream = front.stream(1);
    let mut connect = |bed: &mut Bed, indexes, port| {
        let answer = bed.ask(&mut front, request::connect(1, at, indexes, port));
        answer.ret()
    };
    let (indexes, port) = (stream.indexes(), stream.port());
    assert_eq!(connect(&mut bed, 999_999, port), ret::EFAULT);
    assert_eq!(connect(&mut bed, 0, 0), ret::EFAULT);
    assert_eq!(connect(&mut bed, indexes, 999_999), ret::EFAULT);
    for order in [0, 10, 32, u32::MAX] {
        stream.poke(128, order);
        assert_eq!(connect(&mut bed, indexes, port), ret::EINVAL, "{order}");
    }
    stream.poke(128, 1);
    let reference = stream.peek(136);
    stream.poke(136, 999_999);
    assert_eq!(connect(&mut bed, indexes, port), ret::EFAULT);
    stream.poke(136, reference);
    assert!(server.accept().is_err(), "somebody connected");
    let counters = bed.counters(front.device());
    assert_eq!(counters.mapped_pages.get(), 1);
    assert_eq!(bed.host().in_use(), (1, 1));
    let answer = bed.ask(&mut front, request::connect(1, at, indexes, port));
    assert_eq!(answer.ret(), 0);
    // The same port for a second socket.
    bed.ok(&mut front, request::socket(2));
    let answer = bed.ask(&mut front, request::connect(2, at, indexes, port));
    assert_eq!(answer.ret(), ret::EFAULT);
    bed.end(&front, Ending::Linger);
}

/// A ring whose data pages are its own indexes page: the guest harms itself only.
#[test]
fn a_ring_in_its_own_indexes_harms_nobody() {
    let (mut bed, mut front) = bed(PLAIN);
    let (_server, at) = server();
    bed.ok(&mut front, request::socket(1));
    let stream = front.stream(1);
    stream.poke(132, stream.indexes());
    stream.poke(136, front.ring_ref());
    let connect = request::connect(1, at, stream.indexes(), stream.port());
    let req = front.submit(connect);
    for _ in 0..20 {
        bed.turn();
    }
    assert!(front.answer_to(req).is_some());
    bed.end(&front, Ending::Now);
}

#[test]
fn limits_hold() {
    let mut bed = Bed::new();
    let limits = Limits {
        sockets: 3,
        listeners: 1,
        mapped_pages: 1 + 2 * 3 + 2,
        ..Limits::default()
    };
    let mut front = bed.serve(1, PLAIN, settings(limits));
    let (server, at) = server();
    for id in 0..3 {
        bed.ok(&mut front, request::socket(id));
    }
    let more = bed.ask(&mut front, request::socket(3));
    assert_eq!(more.ret(), ret::EMFILE);
    let streams: Vec<_> = (0..3).map(|_| front.stream(1)).collect();
    for (id, expected) in [(0, 0), (1, 0), (2, ret::ENOBUFS)] {
        let stream = &streams[id as usize];
        let connect = request::connect(id, at, stream.indexes(), stream.port());
        assert_eq!(bed.ask(&mut front, connect).ret(), expected);
    }
    assert_eq!(bed.counters(front.device()).limited.get(), 2);
    let peers: Vec<_> = (0..2).map(|_| server.accept().unwrap()).collect();
    drop(peers);
    // What is released makes room, also if its ring is kept.
    bed.ok(&mut front, request::release(0, true));
    let stream = &streams[2];
    let connect = request::connect(2, at, stream.indexes(), stream.port());
    bed.ok(&mut front, connect);
    bed.ok(&mut front, request::release(1, false));
    for id in [10, 11] {
        bed.ask(&mut front, request::socket(id));
    }
    let free = "127.0.0.1:0".parse().unwrap();
    bed.ok(&mut front, request::bind(10, free));
    bed.ok(&mut front, request::listen(10, 5));
    bed.ok(&mut front, request::bind(11, free));
    let second = bed.ask(&mut front, request::listen(11, 5));
    assert_eq!(second.ret(), ret::ENOBUFS);
    bed.ok(&mut front, request::release(10, false));
    bed.ok(&mut front, request::listen(11, 5));
    bed.end(&front, Ending::Linger);
}

#[test]
fn connects_under_way_are_limited_and_cancelled() {
    let mut bed = Bed::new();
    let limits = Limits {
        pending_connects: 2,
        ..Limits::default()
    };
    let mut front = bed.serve(1, PLAIN, settings(limits));
    let (_server, at) = silent();
    let mut calls = Vec::new();
    for id in 0..3 {
        bed.ok(&mut front, request::socket(id));
        let stream = front.stream(1);
        calls.push(front.submit(request::connect(id, at, stream.indexes(), stream.port())));
    }
    let third = bed.answer(&mut front, calls[2]);
    assert_eq!(third.ret(), ret::ENOBUFS);
    bed.settle();
    assert_eq!(bed.counters(front.device()).connecting.get(), 2);
    let stream = front.stream(1);
    let again = bed.ask(
        &mut front,
        request::connect(0, at, stream.indexes(), stream.port()),
    );
    assert_eq!(again.ret(), ret::EALREADY);
    let release = front.submit(request::release(0, false));
    bed.settle();
    let (first, second) = (front.next_answer().unwrap(), front.next_answer().unwrap());
    assert_eq!((first.req_id(), first.ret()), (calls[0], ret::ECANCELED));
    assert_eq!((second.req_id(), second.ret()), (release, 0));
    assert_eq!(bed.counters(front.device()).connecting.get(), 1);
    // The end of the session cancels the other.
    bed.close_and_wait(front.device(), Ending::Linger);
    assert_eq!(front.answer_to(calls[1]).unwrap().ret(), ret::ECANCELED);
    bed.assert_nothing_left(front.device());
}

/// A listener that takes no connection: its backlog is full.
fn silent() -> (Vec<std::net::TcpStream>, SocketAddr) {
    use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, listen, socket};
    let server = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&server, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&server, 0).unwrap();
    let at: SocketAddr = getsockname(&server).unwrap().try_into().unwrap();
    let mut held = vec![std::net::TcpStream::from(server)];
    for _ in 0..8 {
        let filler = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::io::ioctl_fionbio(&filler, true).unwrap();
        let _ = connect(&filler, &at);
        held.push(filler.into());
    }
    (held, at)
}

/// A connect that waits holds up nothing else.
#[test]
fn a_connect_that_waits_is_waited_for_by_nobody_else() {
    let (mut bed, mut front) = bed(PLAIN);
    let (_server, at) = silent();
    bed.ok(&mut front, request::socket(1));
    let stream = front.stream(1);
    let waiting = front.submit(request::connect(1, at, stream.indexes(), stream.port()));
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 2, 1);
    stream.write(b"hello");
    bed.settle();
    assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), b"hello");
    assert!(front.answer_to(waiting).is_none());
    bed.end(&front, Ending::Now);
}

/// The same pages for one socket after the other.
#[test]
fn rings_are_used_again() {
    let (mut bed, mut front) = bed(PLAIN);
    let (server, at) = server();
    let mut stream = front.stream(2);
    for id in 0..50 {
        bed.ok(&mut front, request::socket(id));
        let connect = request::connect(id, at, stream.indexes(), stream.port());
        bed.ok(&mut front, connect);
        let (mut peer, _) = server.accept().unwrap();
        peer.set_nonblocking(true).unwrap();
        stream.write(b"again");
        bed.settle();
        assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), b"again");
        bed.ok(&mut front, request::release(id, id % 3 != 0));
        let kept = if id % 3 == 0 { 1 } else { 1 + 5 };
        assert_eq!(bed.counters(front.device()).mapped_pages.get(), kept);
        stream.reset(id as u32 * 1_000_000);
    }
    // Other pages under the same name: mapped anew.
    bed.ok(&mut front, request::socket(100));
    let connect = request::connect(100, at, stream.indexes(), stream.port());
    bed.ok(&mut front, connect);
    bed.ok(&mut front, request::release(100, true));
    drop(server.accept());
    let other = front.stream(1);
    stream.reset(0);
    stream.poke(128, 1);
    for word in [132, 136] {
        stream.poke(word, other.peek(word));
    }
    bed.ok(&mut front, request::socket(101));
    bed.ok(
        &mut front,
        request::connect(101, at, stream.indexes(), stream.port()),
    );
    assert_eq!(bed.counters(front.device()).mapped_pages.get(), 1 + 3);
    bed.ok(&mut front, request::release(101, true));
    assert_eq!(bed.host().in_use(), (1 + 3, 2));
    bed.end(&front, Ending::Linger);
}
