//! The commands of `docs/extensions.md`, and what happens without them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use pvcalls_back::features::{Feature, Features};
use pvcalls_back::policy::{NameRule, NameRules};
use pvcalls_back::sessions::Ending;
use pvcalls_back::testbed::{Bed, RawFront, open_settings, request};

use crate::{PLAIN, bed, drain, pair, patterned, read_some, ret, server, with};

#[test]
fn half_close_sends_everything_first() {
    let (mut bed, mut front) = bed(with(&[Feature::Shutdown]));
    for len in [0, 1, 4096, 50_000] {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 5);
        let data = patterned(0, len);
        assert_eq!(stream.put(&data), len);
        stream.poke(68, len as u32);
        bed.ok(&mut front, request::shutdown(1, 1, len as u32));
        let (got, end) = drain(&mut bed, &mut peer);
        assert!(got == data && end.is_ok());
        assert_eq!(stream.out_error(), 0);
        // The other way still works.
        peer.write_all(b"answer").unwrap();
        bed.until(|_| stream.unread() == 6);
        drop(peer);
        bed.until(|_| stream.in_error() == ret::ENOTCONN);
        assert_eq!(stream.read(100), b"answer");
        bed.ok(&mut front, request::release(1, false));
    }
    bed.end(&front, Ending::Linger);
}

#[test]
fn writing_after_the_end_is_a_broken_pipe() {
    let (mut bed, mut front) = bed(with(&[Feature::Shutdown]));
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    stream.write(b"before");
    bed.ok(&mut front, request::shutdown(1, 1, 6));
    stream.write(b"after");
    bed.until(|_| stream.out_error() != 0);
    assert_eq!(stream.out_error(), ret::EPIPE);
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got == b"before" && end.is_ok());
    // Also what was there when the end was named.
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 2, 1);
    // Nothing may happen to the socket between the next two lines.
    bed.settle();
    stream.put(b"before and after");
    stream.poke(68, 16);
    bed.ok(&mut front, request::shutdown(2, 1, 6));
    bed.until(|_| stream.out_error() == ret::EPIPE);
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got == b"before" && end.is_ok());
}

/// A peer that stalls, more written after the announced end, then RELEASE.
#[test]
fn release_keeps_to_the_announced_end() {
    let (mut bed, mut front) = bed(with(&[Feature::Shutdown]));
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 5);
    let mut data = Vec::new();
    loop {
        let more = patterned(data.len(), 40_000);
        let count = stream.write(&more);
        data.extend_from_slice(&more[..count]);
        bed.settle();
        if stream.unsent() > 30_000 {
            break;
        }
    }
    bed.ok(&mut front, request::shutdown(1, 1, stream.out_prod()));
    stream.write(b"too late");
    bed.ok(&mut front, request::release(1, false));
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got == data && end.is_ok());
}

#[test]
fn ending_the_reading_side() {
    let (mut bed, mut front) = bed(with(&[Feature::Shutdown]));
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    peer.write_all(b"kept").unwrap();
    bed.settle();
    bed.ok(&mut front, request::shutdown(1, 0, 0));
    assert_eq!(stream.in_error(), ret::ENOTCONN);
    peer.write_all(b"not wanted").unwrap();
    bed.settle();
    assert_eq!(stream.read(100), b"kept");
    assert_eq!(stream.unread(), 0);
    // What nobody reads does not destroy what is written.
    let data = patterned(0, 4000);
    stream.write(&data);
    bed.ok(&mut front, request::release(1, false));
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got == data && end.is_ok());
    drop(peer);
    bed.settle();
    bed.end(&front, Ending::Linger);
}

#[test]
fn half_close_in_the_wrong_place() {
    let (mut bed, mut front) = bed(with(&[Feature::Shutdown]));
    let (mut stream, _peer) = pair(&mut bed, &mut front, 1, 1);
    bed.ok(&mut front, request::socket(2));
    bed.listen(&mut front, 3);
    stream.write(b"12345");
    bed.settle();
    for (id, how, out_prod, expected) in [
        (9, 1, 0, ret::EBADF),
        (2, 1, 0, ret::ENOTCONN),
        (3, 1, 0, ret::ENOTCONN),
        (1, 3, 5, ret::EINVAL),
        (1, u32::MAX, 5, ret::EINVAL),
        (1, 1, 4, ret::EINVAL),
        (1, 1, 6, ret::EINVAL),
        (1, 2, 1 << 31, ret::EINVAL),
        (1, 2, 5, 0),
        (1, 2, 5, 0),
    ] {
        let answer = bed.ask(&mut front, request::shutdown(id, how, out_prod));
        assert_eq!(answer.ret(), expected, "{id} {how} {out_prod}");
    }
}

#[test]
fn names_of_both_ends() {
    let (mut bed, mut front) = bed(with(&[Feature::Names]));
    let (server, at) = server();
    let stream = front.stream(1);
    bed.ok(&mut front, request::socket(1));
    let none = bed.ok(&mut front, request::names(1));
    assert_eq!(none.peer(), None);
    let connect = request::connect(1, at, stream.indexes(), stream.port());
    let answer = bed.ok(&mut front, connect);
    let (_, guest) = server.accept().unwrap();
    assert_eq!((answer.local(), answer.peer()), (Some(guest), Some(at)));
    let again = bed.ok(&mut front, request::names(1));
    assert_eq!((again.local(), again.peer()), (Some(guest), Some(at)));
    bed.ok(&mut front, request::socket(2));
    let bound = bed.ok(&mut front, request::bind(2, "127.0.0.1:0".parse().unwrap()));
    let here = bound.local().unwrap();
    assert_ne!(here.port(), 0);
    assert_eq!(bound.peer(), None);
    bed.ok(&mut front, request::listen(2, 1));
    let listener = bed.ok(&mut front, request::names(2));
    assert_eq!((listener.local(), listener.peer()), (Some(here), None));
    let stream = front.stream(1);
    let accept = front.submit(request::accept(2, 3, stream.indexes(), stream.port()));
    let peer = std::net::TcpStream::connect(here).unwrap();
    let accepted = bed.answer(&mut front, accept);
    assert_eq!(accepted.local(), Some(here));
    assert_eq!(accepted.peer(), Some(peer.local_addr().unwrap()));
    let unknown = bed.ask(&mut front, request::names(77));
    assert_eq!(unknown.ret(), ret::EBADF);
}

/// Version 1's answers have no names: the bytes after them stay as the request left them.
#[test]
fn without_names_the_slot_stays_as_it_was() {
    let (mut bed, mut front) = bed(PLAIN);
    let (_server, at) = server();
    let stream = front.stream(1);
    bed.ok(&mut front, request::socket(1));
    let connect = request::connect(1, at, stream.indexes(), stream.port());
    let answer = bed.ok(&mut front, connect);
    assert_eq!(answer.rest(), &connect[24..]);
}

#[test]
fn options_are_set_and_told() {
    let (mut bed, mut front) = bed(with(&[Feature::Options, Feature::Ipv6, Feature::Udp]));
    bed.ok(&mut front, request::socket(1));
    bed.ok(&mut front, request::socket_of(2, 2, 2, 0));
    bed.ok(&mut front, request::socket_of(3, 10, 1, 0));
    let good = [
        (1, 1, 0, &[1, 0][..]),
        (1, 2, 0, &[1, 32767, 0]),
        (1, 3, 64, &[1, 255]),
        (3, 3, 64, &[1, 255]),
        (1, 4, -1, &[0, 5000, -1]),
        (2, 8, 0, &[1, 0]),
        (3, 9, 0, &[1, 0]),
    ];
    for (id, option, first, values) in good {
        let told = bed.ok(&mut front, request::get_option(id, option)).value();
        assert_eq!(told, first, "{id} {option}");
        for &value in values {
            bed.ok(&mut front, request::set_option(id, option, value));
            let told = bed.ok(&mut front, request::get_option(id, option)).value();
            assert_eq!(told, value, "{id} {option}");
        }
    }
    let bad = [
        (9, 1, 1, ret::EBADF),
        (1, 0, 1, ret::ENOPROTOOPT),
        (1, 10, 1, ret::ENOPROTOOPT),
        (1, u32::MAX, 1, ret::ENOPROTOOPT),
        (1, 7, 1, ret::ENOPROTOOPT),
        (1, 8, 1, ret::ENOPROTOOPT),
        (1, 9, 1, ret::ENOPROTOOPT),
        (2, 1, 1, ret::ENOPROTOOPT),
        (2, 2, 1, ret::ENOPROTOOPT),
        (2, 4, 1, ret::ENOPROTOOPT),
        (1, 1, 2, ret::EINVAL),
        (1, 1, -1, ret::EINVAL),
        (1, 1, i64::MAX, ret::EINVAL),
        (1, 2, 32768, ret::EINVAL),
        (1, 2, -1, ret::EINVAL),
        (1, 3, 0, ret::EINVAL),
        (1, 3, 256, ret::EINVAL),
        (1, 4, -2, ret::EINVAL),
        (1, 4, i64::MIN, ret::EINVAL),
        // The host fixed them.
        (1, 5, 1000, ret::EPERM),
        (1, 6, 1000, ret::EPERM),
    ];
    for (id, option, value, expected) in bad {
        let answer = bed.ask(&mut front, request::set_option(id, option, value));
        assert_eq!(answer.ret(), expected, "{id} {option} {value}");
    }
    for (id, option) in [(1, 8), (1, 9), (2, 1), (2, 4), (1, 0), (1, 11)] {
        let answer = bed.ask(&mut front, request::get_option(id, option));
        assert_eq!(answer.ret(), ret::ENOPROTOOPT, "{id} {option}");
    }
    assert!(bed.ok(&mut front, request::get_option(1, 5)).value() > 0);
    assert_eq!(bed.ok(&mut front, request::get_option(1, 7)).value(), 0);
}

#[test]
fn buffers_are_the_guests_where_the_host_did_not_fix_them() {
    let mut bed = Bed::new();
    let limits = pvcalls_back::config::Limits {
        socket_buffer_bytes: None,
        ..Default::default()
    };
    let settings = pvcalls_back::testbed::settings(limits);
    let mut front = bed.serve(1, with(&[Feature::Options]), settings);
    bed.ok(&mut front, request::socket(1));
    for option in [5, 6] {
        bed.ok(&mut front, request::set_option(1, option, 50_000));
        let told = bed.ok(&mut front, request::get_option(1, option)).value();
        assert!((50_000..=200_000).contains(&told), "{told}");
        bed.ok(
            &mut front,
            request::set_option(1, option, i64::from(i32::MAX)),
        );
        for value in [0, -1, 1 << 31] {
            let answer = bed.ask(&mut front, request::set_option(1, option, value));
            assert_eq!(answer.ret(), ret::EINVAL);
        }
    }
}

#[test]
fn connections_over_ipv6() {
    let Ok(server) = TcpListener::bind("[::1]:0") else {
        return println!("skipped: this machine has no IPv6");
    };
    let (mut bed, mut front) = bed(with(&[Feature::Ipv6, Feature::Names]));
    let at = server.local_addr().unwrap();
    let mut stream = bed.connect(&mut front, 1, at, 1);
    let (mut peer, guest) = server.accept().unwrap();
    peer.set_nonblocking(true).unwrap();
    stream.write(b"six");
    bed.settle();
    assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), b"six");
    let names = bed.ok(&mut front, request::names(1));
    assert_eq!((names.local(), names.peer()), (Some(guest), Some(at)));
    // An address of the other family.
    bed.ok(&mut front, request::socket_of(2, 10, 1, 0));
    let v4: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let wrong = bed.ask(&mut front, request::bind(2, v4));
    assert_eq!(wrong.ret(), ret::EINVAL);
    let mut short = request::bind(2, "[::1]:0".parse().unwrap());
    short[44] = 24;
    assert_eq!(bed.ask(&mut front, short).ret(), ret::EINVAL);
    let bound = bed.ok(&mut front, request::bind(2, "[::1]:0".parse().unwrap()));
    bed.ok(&mut front, request::listen(2, 3));
    let stream = front.stream(1);
    let accept = front.submit(request::accept(2, 3, stream.indexes(), stream.port()));
    let mut peer = std::net::TcpStream::connect(bound.local().unwrap()).unwrap();
    assert_eq!(bed.answer(&mut front, accept).ret(), 0);
    bed.ok(&mut front, request::release(3, false));
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
}

/// What was not agreed on is never read or written.
#[test]
fn words_of_extensions_stay_alone_without_them() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    for word in [12, 16, 76, 80] {
        stream.poke(word, 0xABCD_EF01);
    }
    stream.write(b"there");
    peer.write_all(b"back").unwrap();
    bed.settle();
    assert_eq!(stream.read(10), b"back");
    for word in [12, 16, 76, 80] {
        assert_eq!(stream.peek(word), 0xABCD_EF01);
    }
}

/// Fewer events, and nothing hangs: a guest that writes in small pieces while the backend has
/// not caught up tells once.
#[test]
fn event_idx_saves_events() {
    let run = |features| {
        let (mut bed, mut front) = bed(features);
        let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 4);
        bed.settle();
        let counters = bed.counters(front.device());
        let before = (counters.notifications_sent.get(), stream.notified);
        let data = patterned(0, 1 << 20);
        let (mut written, mut got, mut back) = (0, 0, 0);
        bed.until(|_| {
            for _ in 0..16 {
                written += stream.write(&data[written..data.len().min(written + 100)]);
            }
            while let Some(bytes) = read_some(&mut peer, 1000).unwrap() {
                if bytes.is_empty() {
                    break;
                }
                got += bytes.len();
                back += crate::write_some(&mut peer, &bytes);
            }
            let read = stream.read(700).len() + stream.read(700).len() + stream.read(700).len();
            back -= read;
            got == data.len() && back == 0
        });
        let sent = counters.notifications_sent.get() - before.0;
        (sent, stream.notified - before.1)
    };
    let plain = run(PLAIN);
    let fewer = run(with(&[Feature::EventIdx]));
    assert!(fewer.0 * 3 < plain.0 * 2, "backend: {fewer:?} {plain:?}");
    assert!(fewer.1 * 3 < plain.1, "frontend: {fewer:?} {plain:?}");
}

/// The smallest thing there is, after everything came to rest: one byte, one answer.
#[test]
fn event_idx_tells_of_a_single_byte() {
    let (mut bed, mut front) = bed(with(&[Feature::EventIdx]));
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    for round in 0..200 {
        bed.settle();
        assert_eq!(stream.write(&[round]), 1);
        bed.settle();
        assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), [round]);
        peer.write_all(&[round]).unwrap();
        front.take_events(stream.port());
        bed.settle();
        assert_eq!(front.take_events(stream.port()), 1);
        assert_eq!(stream.read(10), [round]);
    }
}

/// A full ring: the backend is told when it is worth it, by one event.
#[test]
fn event_idx_tells_of_room() {
    let (mut bed, mut front) = bed(with(&[Feature::EventIdx]));
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    let data = patterned(0, 3 * 4096);
    peer.write_all(&data).unwrap();
    bed.settle();
    let mut got = Vec::new();
    let before = stream.notified;
    while got.len() < data.len() {
        let piece = stream.read(10);
        assert!(!piece.is_empty(), "stuck at {}", got.len());
        got.extend(piece);
        bed.settle();
    }
    assert!(got == data);
    let events = stream.notified - before;
    assert!((2..=12).contains(&events), "{events}");
}

fn resolve(bed: &mut Bed, front: &mut RawFront, name: &str, family: u32) -> (i32, Vec<SocketAddr>) {
    let (pages, first) = front.share(1);
    pages.write(first * 4096, name.as_bytes());
    let page = pages.mapping().refs()[first];
    let answer = bed.ask(front, request::resolve(page, name.len() as u32, family));
    let mut addresses = Vec::new();
    if answer.ret() == 0 {
        for index in 0..answer.count() as usize {
            let mut bytes = [0; 20];
            pages.read(first * 4096 + 20 * index, &mut bytes);
            let octets: [u8; 4] = bytes[4..8].try_into().unwrap();
            let six: [u8; 16] = bytes[4..20].try_into().unwrap();
            addresses.push(match bytes[0] {
                2 => SocketAddr::from((octets, 0)),
                _ => SocketAddr::from((six, 0)),
            });
        }
    }
    assert_eq!(bed.host().in_use().0, 1, "the page is given back");
    (answer.ret(), addresses)
}

#[test]
fn names_of_hosts_are_resolved() {
    let mut bed = Bed::with_resolver();
    let mut front = bed.serve(1, with(&[Feature::Resolve]), open_settings());
    let (ret, addresses) = resolve(&mut bed, &mut front, "localhost", 2);
    assert_eq!(ret, 0);
    assert_eq!(addresses, ["127.0.0.1:0".parse().unwrap()]);
    let (ret, addresses) = resolve(&mut bed, &mut front, "192.0.2.77", 0);
    assert_eq!((ret, addresses), (0, vec!["192.0.2.77:0".parse().unwrap()]));
    // One of the other family only.
    let (ret, _) = resolve(&mut bed, &mut front, "192.0.2.77", 10);
    assert_eq!(ret, ret::ENOENT);
    for name in ["a b", "", "x..y", "nul\0", "caf\u{e9}"] {
        let (ret, _) = resolve(&mut bed, &mut front, name, 0);
        assert_eq!(ret, ret::EINVAL, "{name:?}");
    }
    let long = "a".repeat(254);
    assert_eq!(resolve(&mut bed, &mut front, &long, 0).0, ret::EINVAL);
    assert_eq!(resolve(&mut bed, &mut front, "localhost", 3).0, ret::EINVAL);
    let bad = bed.ask(&mut front, request::resolve(999_999, 4, 0));
    assert_eq!(bad.ret(), ret::EFAULT);
    // The session's end does not wait for the answer.
    let (pages, first) = front.share(1);
    pages.write(first * 4096, b"localhost");
    let page = pages.mapping().refs()[first];
    front.submit(request::resolve(page, 9, 0));
    bed.end(&front, Ending::Now);
    bed.settle();
}

#[test]
fn the_policy_says_which_names() {
    let mut bed = Bed::with_resolver();
    let mut settings = open_settings();
    settings.policy.resolve = {
        let rules = ["deny localhost", "allow any"].map(|rule| NameRule::parse(rule).unwrap());
        NameRules::new(rules.to_vec()).unwrap()
    };
    let mut front = bed.serve(1, with(&[Feature::Resolve]), settings);
    let (ret, _) = resolve(&mut bed, &mut front, "localhost", 0);
    assert_eq!(ret, ret::EACCES);
    assert_eq!(bed.counters(front.device()).denied.get(), 1);
    assert_eq!(resolve(&mut bed, &mut front, "192.0.2.1", 0).0, 0);
}

#[test]
fn everything_agreed_on_at_once() {
    let (mut bed, mut front) = bed(Features::all());
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 9);
    stream.write(b"all");
    bed.settle();
    assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), b"all");
    bed.end(&front, Ending::Linger);
}
