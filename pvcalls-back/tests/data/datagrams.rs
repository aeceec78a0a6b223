//! Datagram sockets: frames in the ring, datagrams outside.

use std::net::{SocketAddr, UdpSocket};

use pvcalls_back::config::DomainSettings;
use pvcalls_back::features::{Feature, Features};
use pvcalls_back::policy::Policy;
use pvcalls_back::sessions::Ending;
use pvcalls_back::testbed::{Bed, RawFront, RawStream, frame, open_settings, request};

use crate::{bed, patterned, ret, with};

fn udp() -> Features {
    with(&[Feature::Udp, Feature::Names, Feature::Options])
}

fn host() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let at = socket.local_addr().unwrap();
    (socket, at)
}

/// A bound datagram socket with a ring, and where it is.
fn attached(bed: &mut Bed, front: &mut RawFront, id: u64, order: u32) -> (RawStream, SocketAddr) {
    let stream = front.stream(order);
    bed.ok(front, request::socket_of(id, 2, 2, 0));
    let bound = bed.ok(front, request::bind(id, "127.0.0.1:0".parse().unwrap()));
    bed.ok(front, request::attach(id, stream.indexes(), stream.port()));
    (stream, bound.local().unwrap())
}

fn error_of(bed: &mut Bed, front: &mut RawFront, id: u64) -> i64 {
    bed.ok(front, request::get_option(id, 7)).value()
}

#[test]
fn datagrams_go_and_come() {
    for features in [udp(), Features::all()] {
        let (mut bed, mut front) = bed(features);
        let (mut stream, here) = attached(&mut bed, &mut front, 1, 6);
        let (host, at) = host();
        for len in [0, 1, 7, 8, 9, 1472, 10_000, 60_000, 65_507] {
            let data = patterned(len, len);
            let bytes = frame(&data, Some(at));
            assert_eq!(stream.write(&bytes), bytes.len());
            bed.settle();
            let mut buffer = vec![0; 70_000];
            let (count, from) = host.recv_from(&mut buffer).unwrap();
            assert_eq!(from, here);
            assert!(buffer[..count] == data);
            host.send_to(&buffer[..count], here).unwrap();
            bed.until(|_| stream.unread() > 0);
            assert_eq!(stream.read_frame(), Some((data, false, Some(at))));
        }
        assert_eq!(error_of_any(&mut bed, &mut front), 0);
        bed.end(&front, Ending::Linger);
    }
}

fn error_of_any(bed: &mut Bed, front: &mut RawFront) -> i64 {
    error_of(bed, front, 1)
}

#[test]
fn many_datagrams_in_odd_sizes() {
    for features in [udp(), Features::all()] {
        let (mut bed, mut front) = bed(features);
        let (mut stream, here) = attached(&mut bed, &mut front, 1, 3);
        let (host, at) = host();
        let (mut sent, mut back) = (0, 0);
        let size = |number: usize| number * 37 % 1500;
        let mut buffer = vec![0; 2000];
        let mut due = None;
        // No more than a few on their way: datagrams may be dropped, and these must not be.
        bed.until(|_| {
            while sent < 3000 && sent < back + 4 {
                let bytes = frame(&patterned(sent, size(sent)), Some(at));
                if stream.size() - stream.unsent() < bytes.len() as u32 {
                    break;
                }
                assert_eq!(stream.write(&bytes), bytes.len());
                sent += 1;
            }
            while let Ok((count, _)) = host.recv_from(&mut buffer) {
                host.send_to(&buffer[..count], here).unwrap();
            }
            while let Some((payload, cut, from)) = stream.read_frame() {
                assert!(!cut && from == Some(at));
                assert!(payload == patterned(back, size(back)), "{back}");
                back += 1;
            }
            due = Some(back);
            back == 3000
        });
        assert_eq!(due, Some(3000));
    }
}

/// With event-idx a guest that read all there was is told of the one that did not fit before.
#[test]
fn a_datagram_waits_for_room() {
    for features in [udp(), Features::all()] {
        let (mut bed, mut front) = bed(features);
        let (mut stream, here) = attached(&mut bed, &mut front, 1, 1);
        let (host, _) = host();
        for first in [10, 500, 1000, 2000, 3000] {
            host.send_to(&patterned(1, first), here).unwrap();
            bed.until(|_| stream.unread() > 0);
            host.send_to(&patterned(2, 4000), here).unwrap();
            bed.settle();
            let (payload, ..) = stream.read_frame().unwrap();
            assert_eq!(payload.len(), first);
            bed.settle();
            let (payload, cut, _) = stream.read_frame().expect("it had room now");
            assert!(payload == patterned(2, 4000) && !cut);
        }
    }
}

#[test]
fn a_datagram_larger_than_the_ring_is_cut() {
    let (mut bed, mut front) = bed(udp());
    let (mut stream, here) = attached(&mut bed, &mut front, 1, 1);
    let (host, at) = host();
    host.send_to(&patterned(0, 5000), here).unwrap();
    host.send_to(b"next", here).unwrap();
    bed.settle();
    let (payload, cut, from) = stream.read_frame().unwrap();
    assert!(cut && from == Some(at));
    assert!(payload == patterned(0, 4096 - 32));
    bed.settle();
    assert_eq!(
        stream.read_frame(),
        Some((b"next".to_vec(), false, Some(at)))
    );
}

#[test]
fn a_default_peer() {
    let (mut bed, mut front) = bed(udp());
    let (host, at) = host();
    let (other, elsewhere) = self::host();
    bed.ok(&mut front, request::socket_of(1, 2, 2, 17));
    let mut stream = front.stream(1);
    let connect = request::connect(1, at, stream.indexes(), stream.port());
    let names = bed.ok(&mut front, connect);
    assert_eq!(names.peer(), Some(at));
    let here = names.local().unwrap();
    stream.write(&frame(b"default", None));
    bed.settle();
    let mut buffer = [0; 100];
    assert_eq!(host.recv_from(&mut buffer).unwrap(), (7, here));
    // Only the peer's come in.
    other.send_to(b"stranger", here).unwrap();
    host.send_to(b"friend", here).unwrap();
    bed.settle();
    assert_eq!(stream.read_frame().unwrap().0, b"friend");
    assert_eq!(stream.read_frame(), None);
    // Another peer; the ring is known already.
    let named = request::connect(1, elsewhere, stream.indexes(), stream.port());
    assert_eq!(bed.ask(&mut front, named).ret(), ret::EINVAL);
    bed.ok(&mut front, request::connect(1, elsewhere, 0, 0));
    stream.write(&frame(b"other", None));
    bed.settle();
    assert_eq!(other.recv_from(&mut buffer).unwrap().0, 5);
    bed.end(&front, Ending::Linger);
}

#[test]
fn errors_of_datagrams_are_kept() {
    let (mut bed, mut front) = bed(udp());
    let (mut stream, _) = attached(&mut bed, &mut front, 1, 6);
    stream.write(&frame(b"nobody", None));
    bed.settle();
    let errno = |ret: i32| i64::from(-ret);
    assert_eq!(error_of(&mut bed, &mut front, 1), errno(ret::EDESTADDRREQ));
    assert_eq!(error_of(&mut bed, &mut front, 1), 0);
    // Nobody listens: the host's answer to a datagram of a connected socket.
    let nobody = host().1;
    bed.ok(&mut front, request::connect(1, nobody, 0, 0));
    stream.write(&frame(b"anybody?", None));
    bed.settle();
    assert_eq!(error_of(&mut bed, &mut front, 1), errno(ret::ECONNREFUSED));
    let counters = bed.counters(front.device());
    assert_eq!(counters.datagrams_dropped.get(), 1);
    // The socket still works.
    let (host, at) = host();
    stream.write(&frame(b"works", Some(at)));
    bed.settle();
    assert_eq!(host.recv(&mut [0; 10]).unwrap(), 5);
    assert_eq!(stream.out_error(), 0);
}

#[test]
fn the_policy_is_asked_for_each_datagram() {
    let mut bed = Bed::new();
    let (allowed, at) = host();
    let (forbidden, elsewhere) = host();
    let rule = format!("deny udp 127.0.0.1:{}", elsewhere.port());
    let rules = [rule.as_str(), "allow 127.0.0.0/8", "allow any"];
    let settings = DomainSettings {
        policy: Policy::parse(&rules, &["allow 127.0.0.0/8", "allow any"]).unwrap(),
        ..open_settings()
    };
    let mut front = bed.serve(1, udp(), settings);
    let (mut stream, _) = attached(&mut bed, &mut front, 1, 2);
    for to in [at, elsewhere, at, elsewhere, at] {
        stream.write(&frame(b"?", Some(to)));
    }
    bed.settle();
    for _ in 0..3 {
        assert_eq!(allowed.recv(&mut [0; 10]).unwrap(), 1);
    }
    assert!(forbidden.recv(&mut [0; 10]).is_err());
    let counters = bed.counters(front.device());
    assert_eq!(counters.denied.get(), 2);
    assert_eq!(counters.datagrams_dropped.get(), 2);
    assert_eq!(error_of(&mut bed, &mut front, 1), i64::from(-ret::EACCES));
    let refused = bed.ask(&mut front, request::connect(1, elsewhere, 0, 0));
    assert_eq!(refused.ret(), ret::EACCES);
}

/// A guest that may send and may not bind.
#[test]
fn who_may_not_bind_sends_all_the_same_and_is_answered() {
    let mut bed = Bed::new();
    let settings = DomainSettings {
        policy: Policy::parse(&["allow 127.0.0.0/8", "deny any"], &["deny any"]).unwrap(),
        ..open_settings()
    };
    let mut front = bed.serve(1, udp(), settings);
    let mut stream = front.stream(2);
    bed.ok(&mut front, request::socket_of(1, 2, 2, 0));
    let any = "0.0.0.0:0".parse().unwrap();
    assert_eq!(
        bed.ask(&mut front, request::bind(1, any)).ret(),
        ret::EACCES
    );
    let attach = request::attach(1, stream.indexes(), stream.port());
    bed.ok(&mut front, attach);
    let (host, at) = host();
    stream.write(&frame(b"?", Some(at)));
    bed.settle();
    let (count, from) = host.recv_from(&mut [0; 10]).unwrap();
    assert_eq!(count, 1);
    host.send_to(b"!", from).unwrap();
    bed.until(|_| stream.unread() > 0);
    assert_eq!(stream.read_frame(), Some((b"!".to_vec(), false, Some(at))));
}

#[test]
fn bad_frames_end_the_sending() {
    let (mut bed, mut front) = bed(udp());
    let (host, at) = host();
    let good = frame(b"good", Some(at));
    let too_long = {
        let mut bytes = frame(b"", Some(at));
        bytes[0..4].copy_from_slice(&65_508_u32.to_le_bytes());
        bytes
    };
    let beyond = {
        let mut bytes = frame(b"", Some(at));
        bytes[0] = 1;
        bytes
    };
    let huge = {
        let mut bytes = frame(b"", Some(at));
        bytes[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes
    };
    let mut family = good.clone();
    family[8] = 3;
    let short = vec![0; 31];
    for (id, bad) in (1..).zip([too_long, beyond, huge, family, short]) {
        let (mut stream, here) = attached(&mut bed, &mut front, id, 6);
        let mut bytes = good.clone();
        bytes.extend(&bad);
        stream.write(&bytes);
        bed.settle();
        assert_eq!(stream.out_error(), ret::EINVAL, "{id}");
        assert_eq!(host.recv(&mut [0; 10]).unwrap(), 4);
        // Nothing more is sent.
        stream.poke(68, stream.out_prod() + 1000);
        stream.notify();
        bed.settle();
        assert!(host.recv(&mut [0; 10]).is_err());
        let _ = here;
        bed.ok(&mut front, request::release(id, false));
    }
    bed.end(&front, Ending::Linger);
}

#[test]
fn frames_that_are_complete_are_sent_at_release() {
    let (mut bed, mut front) = bed(udp());
    let (host, at) = host();
    let (mut stream, _) = attached(&mut bed, &mut front, 1, 6);
    let mut bytes = Vec::new();
    for number in 0..100 {
        bytes.extend(frame(&[number; 10], Some(at)));
    }
    bytes.extend([0; 16]);
    assert_eq!(stream.put(&bytes), bytes.len());
    stream.poke(68, bytes.len() as u32);
    bed.ok(&mut front, request::release(1, false));
    for number in 0..100 {
        let mut buffer = [0; 20];
        assert_eq!(host.recv(&mut buffer).unwrap(), 10);
        assert_eq!(buffer[0], number);
    }
    assert_eq!(bed.counters(front.device()).bytes_out.get(), 1000);
    bed.end(&front, Ending::Linger);
}

#[test]
fn what_datagram_sockets_do_not_do() {
    let (mut bed, mut front) = bed(with(&[Feature::Udp, Feature::Shutdown]));
    let (_, at) = host();
    bed.ok(&mut front, request::socket_of(1, 2, 2, 0));
    let stream = front.stream(1);
    let (indexes, port) = (stream.indexes(), stream.port());
    for slot in [
        request::listen(1, 1),
        request::accept(1, 2, indexes, port),
        request::poll(1),
    ] {
        assert_eq!(bed.ask(&mut front, slot).ret(), ret::EOPNOTSUPP);
    }
    bed.ok(&mut front, request::attach(1, indexes, port));
    for (slot, expected) in [
        (request::attach(1, indexes, port), ret::EINVAL),
        (request::bind(1, at), ret::EINVAL),
        (request::shutdown(1, 1, 0), ret::ENOTCONN),
        (request::attach(7, indexes, port), ret::EBADF),
    ] {
        assert_eq!(bed.ask(&mut front, slot).ret(), expected);
    }
    bed.ok(&mut front, request::socket(3));
    let tcp = bed.ask(&mut front, request::attach(3, indexes, port));
    assert_eq!(tcp.ret(), ret::EOPNOTSUPP);
}

#[test]
fn datagrams_over_ipv6() {
    let Ok(host) = UdpSocket::bind("[::1]:0") else {
        return println!("skipped: this machine has no IPv6");
    };
    host.set_nonblocking(true).unwrap();
    let at = host.local_addr().unwrap();
    let (mut bed, mut front) = bed(Features::all());
    bed.ok(&mut front, request::socket_of(1, 10, 2, 0));
    let bound = bed.ok(&mut front, request::bind(1, "[::1]:0".parse().unwrap()));
    let mut stream = front.stream(2);
    bed.ok(
        &mut front,
        request::attach(1, stream.indexes(), stream.port()),
    );
    stream.write(&frame(b"six", Some(at)));
    bed.settle();
    let mut buffer = [0; 10];
    let (count, from) = host.recv_from(&mut buffer).unwrap();
    assert_eq!((count, Some(from)), (3, bound.local()));
    host.send_to(b"back", from).unwrap();
    bed.until(|_| stream.unread() > 0);
    assert_eq!(
        stream.read_frame(),
        Some((b"back".to_vec(), false, Some(at)))
    );
}
