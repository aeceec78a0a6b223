//! Bytes of streams: both ways, their end, their errors, and who is told how often.

use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use pvcalls_back::features::{Feature, Features};
use pvcalls_back::testbed::request;

use crate::{PLAIN, bed, pair, patterned, read_some, reset, ret, server, with, write_some};

/// Ten megabytes each way at the same time, in odd pieces.
fn both_ways(features: Features, order: u32) {
    const ALL: usize = 10 << 20;
    let (mut bed, mut front) = bed(features);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 7, order);
    let data = patterned(0, ALL);
    let (mut written, mut sent) = (0, 0);
    let (mut at_peer, mut at_guest) = (Vec::new(), Vec::new());
    let mut piece = 1;
    bed.until(|_| {
        piece = (piece * 7 + 13) % 100_003;
        let rest = &data[written..];
        written += stream.write(&rest[..rest.len().min(piece)]);
        let rest = &data[sent..];
        sent += write_some(&mut peer, &rest[..rest.len().min(2 * piece + 1)]);
        at_guest.extend(stream.read(piece / 2 + 1));
        at_peer.extend(read_some(&mut peer, piece).unwrap().unwrap());
        at_peer.len() == ALL && at_guest.len() == ALL
    });
    assert!(at_peer == data && at_guest == data);
    assert_eq!((stream.in_error(), stream.out_error()), (0, 0));
    let counters = bed.counters(front.device());
    assert_eq!(counters.bytes_out.get(), ALL as u64);
    assert_eq!(counters.bytes_in.get(), ALL as u64);
    bed.ok(&mut front, request::release(7, false));
    bed.end(&front, pvcalls_back::sessions::Ending::Linger);
}

#[test]
fn ten_megabytes_both_ways_through_the_smallest_ring() {
    both_ways(PLAIN, 1);
}

#[test]
fn ten_megabytes_both_ways_through_the_largest_ring() {
    both_ways(PLAIN, 9);
}

#[test]
fn ten_megabytes_both_ways_with_event_idx() {
    both_ways(with(&[Feature::EventIdx]), 1);
    both_ways(with(&[Feature::EventIdx]), 9);
}

/// A read stops short before an urgent byte, as if there were nothing more.
#[test]
fn what_follows_an_urgent_byte_arrives() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 7, 1);
    bed.turn();
    peer.write_all(b"before").unwrap();
    let sent = rustix::net::send(&peer, b"!", rustix::net::SendFlags::OOB);
    assert_eq!(sent, Ok(1));
    peer.write_all(b"after").unwrap();
    let mut seen = Vec::new();
    bed.until(|_| {
        seen.extend(stream.read(100));
        seen == b"beforeafter"
    });
}

#[test]
fn a_banner_that_was_there_before_the_answer_arrives() {
    let (mut bed, mut front) = bed(PLAIN);
    let (server, at) = server();
    let mut stream = front.stream(1);
    bed.ok(&mut front, request::socket(1));
    front.submit(request::connect(1, at, stream.indexes(), stream.port()));
    bed.turn();
    let (mut peer, _) = server.accept().unwrap();
    peer.write_all(b"220 hello\r\n").unwrap();
    bed.until(|_| stream.unread() == 11);
    assert_eq!(stream.read(100), b"220 hello\r\n");
    assert!(front.next_answer().is_some_and(|one| one.ret() == 0));
}

#[test]
fn a_banner_with_its_end_arrives_before_the_end() {
    let (mut bed, mut front) = bed(PLAIN);
    // The same ring again and again: then no event of a fresh port helps.
    let mut stream = front.stream(1);
    for id in 1..=20 {
        let (server, at) = server();
        bed.ok(&mut front, request::socket(id));
        let req = front.submit(request::connect(id, at, stream.indexes(), stream.port()));
        let turns = 1 + id % 4;
        for _ in 0..turns {
            bed.turn();
        }
        let (mut peer, _) = server.accept().unwrap();
        peer.write_all(b"bye").unwrap();
        drop(peer);
        assert_eq!(bed.answer(&mut front, req).ret(), 0);
        bed.until(|_| stream.in_error() != 0);
        assert_eq!(stream.in_error(), ret::ENOTCONN);
        assert_eq!(stream.read(100), b"bye");
        bed.ok(&mut front, request::release(id, true));
        stream.reset(0);
    }
}

/// The end comes after the last byte, however bytes and end are spread over turns.
#[test]
fn the_end_comes_after_the_last_byte() {
    let (mut bed, mut front) = bed(PLAIN);
    for id in 0..24_u64 {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, id, 1);
        let len = [0, 1, 4095, 4096, 4097, 30_000][id as usize % 6];
        let data = patterned(0, len);
        if id < 12 {
            bed.settle();
        }
        peer.write_all(&data).unwrap();
        if id % 4 < 2 {
            bed.settle();
        }
        if id % 2 == 0 {
            peer.shutdown(Shutdown::Write).unwrap();
        } else {
            drop(peer);
        }
        let mut got = Vec::new();
        let mut ended = false;
        bed.until(|_| {
            // First the error, then the index: what was there before the error is not missed.
            ended = stream.in_error() != 0;
            got.extend(stream.read(1000));
            assert!(!ended || stream.unread() as usize + got.len() == data.len());
            ended && got.len() == data.len()
        });
        assert!(got == data);
        assert_eq!(stream.in_error(), ret::ENOTCONN, "{id}");
        bed.ok(&mut front, request::release(id, false));
    }
    bed.end(&front, pvcalls_back::sessions::Ending::Linger);
}

#[test]
fn after_the_peers_end_the_guest_can_still_write() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 2);
    peer.shutdown(Shutdown::Write).unwrap();
    bed.until(|_| stream.in_error() == ret::ENOTCONN);
    assert_eq!(stream.write(b"still here"), 10);
    bed.settle();
    assert_eq!(read_some(&mut peer, 100).unwrap().unwrap(), b"still here");
    assert_eq!(stream.out_error(), 0);
}

#[test]
fn a_reset_is_told_to_the_reader_after_the_bytes_before_it() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    peer.write_all(b"part").unwrap();
    bed.settle();
    reset(peer);
    bed.until(|_| stream.in_error() != 0);
    assert_eq!(stream.in_error(), ret::ECONNRESET);
    assert_eq!(stream.read(100), b"part");
}

/// Whoever tries to send learns of a reset first, and takes the socket's error with it.
#[test]
fn a_reset_is_told_to_the_reader_when_the_writer_finds_it_first() {
    let (mut bed, mut front) = bed(PLAIN);
    for id in 0..8 {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, id, 1);
        peer.write_all(b"part").unwrap();
        bed.settle();
        // So much that some of it waits in the ring when the reset comes.
        let data = patterned(0, 1 << 20);
        let mut written = 0;
        loop {
            let count = stream.write(&data[written..]);
            bed.settle();
            written += count;
            if count == 0 || written == data.len() {
                break;
            }
        }
        stream.write(b"more");
        reset(peer);
        bed.until(|_| stream.in_error() != 0);
        bed.until(|_| stream.out_error() != 0);
        assert_eq!(stream.in_error(), ret::ECONNRESET, "{id}");
        assert_eq!(stream.read(100), b"part");
        bed.ok(&mut front, request::release(id, false));
    }
}

#[test]
fn writing_to_a_closed_peer_ends_in_one_error_and_few_events() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, peer) = pair(&mut bed, &mut front, 1, 1);
    drop(peer);
    bed.until(|_| stream.in_error() == ret::ENOTCONN);
    let counters = bed.counters(front.device());
    bed.until(|_| {
        stream.write(b"into the void");
        stream.out_error() != 0
    });
    let error = stream.out_error();
    assert!([ret::EPIPE, ret::ECONNRESET].contains(&error), "{error}");
    let (told, turns) = (counters.notifications_sent.get(), bed.busy_turns);
    let end = Instant::now() + Duration::from_millis(200);
    while Instant::now() < end {
        bed.turn_for(Duration::from_millis(5));
    }
    assert_eq!(counters.notifications_sent.get(), told);
    assert!(bed.busy_turns <= turns + 2);
    // More that is written is nobody's.
    stream.write(b"more");
    bed.settle();
    assert_eq!(counters.notifications_sent.get(), told);
    assert!(stream.unsent() > 0);
}

/// A peer that does not read, and a guest that does not: nobody turns in circles.
#[test]
fn full_buffers_do_not_spin() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 4);
    let data = patterned(0, 16 << 20);
    let (mut written, mut sent) = (0, 0);
    loop {
        let now = stream.write(&data[written..]);
        let then = write_some(&mut peer, &data[sent..]);
        bed.settle();
        (written, sent) = (written + now, sent + then);
        if now == 0 && then == 0 {
            break;
        }
    }
    let turns = bed.busy_turns;
    let end = Instant::now() + Duration::from_millis(300);
    while Instant::now() < end {
        bed.turn_for(Duration::from_millis(5));
    }
    assert!(bed.busy_turns <= turns + 3, "{}", bed.busy_turns - turns);
    // And both go on when they read again.
    let (mut at_peer, mut at_guest) = (0, 0);
    bed.until(|_| {
        written += stream.write(&data[written..]);
        sent += write_some(&mut peer, &data[sent..]);
        at_guest += stream.read(50_000).len();
        at_peer += read_some(&mut peer, 50_000).unwrap().unwrap().len();
        at_peer == data.len() && at_guest == data.len()
    });
}

/// Words that must only move forward, moved to where they cannot be: the socket ends, and
/// nothing else.
#[test]
fn indices_that_jump_end_the_socket_only() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut good, mut good_peer) = pair(&mut bed, &mut front, 1000, 1);
    let size = 4096_u32;
    let cases: [(usize, u32); 6] = [
        (68, size + 1),
        (68, u32::MAX),
        (68, 1 << 31),
        (0, 1),
        (0, u32::MAX),
        (0, 1 << 31),
    ];
    for (id, (word, value)) in (0..).zip(cases) {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, id, 1);
        bed.settle();
        stream.poke(word, value);
        if word == 0 {
            // Looked at when bytes arrive.
            peer.write_all(b"x").unwrap();
        }
        stream.notify();
        bed.until(|_| stream.in_error() != 0);
        assert_eq!((stream.in_error(), stream.out_error()), (-22, -22), "{id}");
        bed.settle();
        bed.ok(&mut front, request::release(id, true));
    }
    assert_eq!(good.write(b"fine"), 4);
    bed.settle();
    assert_eq!(read_some(&mut good_peer, 10).unwrap().unwrap(), b"fine");
    bed.end(&front, pvcalls_back::sessions::Ending::Now);
}

#[test]
fn indices_wrap_around() {
    let (mut bed, mut front) = bed(with(&[Feature::EventIdx]));
    for (id, start) in (0..).zip([u32::MAX - 5, 5000, u32::MAX - 5000]) {
        let (server, at) = server();
        let mut stream = front.stream(1);
        stream.reset(start);
        bed.ok(&mut front, request::socket(id));
        let connect = request::connect(id, at, stream.indexes(), stream.port());
        bed.ok(&mut front, connect);
        let (mut peer, _) = server.accept().unwrap();
        peer.set_nonblocking(true).unwrap();
        let data = patterned(0, 20_000);
        let (mut written, mut sent) = (0, 0);
        let (mut at_peer, mut at_guest) = (Vec::new(), Vec::new());
        bed.until(|_| {
            written += stream.write(&data[written..]);
            sent += write_some(&mut peer, &data[sent..]);
            at_guest.extend(stream.read(777));
            at_peer.extend(read_some(&mut peer, 777).unwrap().unwrap());
            at_peer.len() == data.len() && at_guest.len() == data.len()
        });
        assert!(at_peer == data && at_guest == data);
    }
}

/// An event that finds nothing to do is cheap, and after many the port waits a little.
#[test]
fn a_storm_of_events_is_slowed_down() {
    let (mut bed, mut front) = bed(PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    bed.settle();
    let counters = bed.counters(front.device());
    let before = counters.notifications_received.get();
    for _ in 0..2000 {
        stream.notify();
        bed.turn();
    }
    let received = counters.notifications_received.get() - before;
    assert!((200..1900).contains(&received), "{received}");
    // Bytes still go through at once, or after the wait.
    assert_eq!(stream.write(b"ok"), 2);
    bed.until(|_| stream.unsent() == 0);
    assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), b"ok");
}
