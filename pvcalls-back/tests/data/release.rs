//! RELEASE: what was written before it arrives, or the peer learns that it did not.

use std::io::Write;
use std::time::Duration;

use pvcalls_back::config::Limits;
use pvcalls_back::features::{Feature, Features};
use pvcalls_back::sessions::Ending;
use pvcalls_back::testbed::{Bed, RawFront, RawStream, request, settings};

use crate::{PLAIN, bed, drain, pair, patterned, read_some, ret, with};

/// Fills the socket's buffers and the ring: all that was written.
fn fill(bed: &mut Bed, stream: &mut RawStream) -> Vec<u8> {
    let mut data = Vec::new();
    let mut full = 0;
    // The kernel may find some more room a moment later.
    while full < 5 {
        let more = patterned(data.len(), stream.size() as usize);
        let count = stream.write(&more);
        data.extend_from_slice(&more[..count]);
        bed.settle();
        full = if count == 0 { full + 1 } else { 0 };
        bed.turn_for(Duration::from_millis(1));
    }
    data
}

/// A frontend with little in the host's buffers.
fn small(bed: &mut Bed, domain: u16, linger: Duration, features: Features) -> RawFront {
    let limits = Limits {
        linger,
        socket_buffer_bytes: Some(65536),
        ..Limits::default()
    };
    bed.serve(domain, features, settings(limits))
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn what_was_written_right_before_arrives() {
    let (mut bed, mut front) = bed(PLAIN);
    for order in 1..=9 {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, order);
        let data = patterned(0, stream.size() as usize);
        assert_eq!(stream.put(&data), data.len());
        // Nobody was told of it.
        let size = stream.size();
        stream.poke(68, size);
        bed.ok(&mut front, request::release(1, false));
        let (got, end) = drain(&mut bed, &mut peer);
        assert!(got == data && end.is_ok(), "order {order}: {}", got.len());
    }
    bed.end(&front, Ending::Linger);
}

#[test]
fn a_slow_reader_gets_all_and_the_guest_does_not_wait() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 6);
    let data = fill(&mut bed, &mut stream);
    assert!(stream.unsent() > 0);
    bed.ok(&mut front, request::release(1, false));
    let counters = bed.counters(front.device());
    assert_eq!(counters.mapped_pages.get(), 1);
    assert_eq!(counters.sockets.get(), 0);
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got == data && end.is_ok());
    assert_eq!(counters.bytes_out.get(), data.len() as u64);
    drop(peer);
    bed.settle();
    bed.end(&front, Ending::Linger);
}

/// The peer goes on sending, into a socket that nobody reads any more: no reset destroys what is
/// on its way.
#[test]
fn a_peer_that_sends_meanwhile_gets_all() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    for unread in [0, 1, 5000, 100_000] {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 6);
        let data = fill(&mut bed, &mut stream);
        peer.write_all(&vec![7; unread]).unwrap();
        if unread % 2 == 0 {
            bed.settle();
        }
        bed.ok(&mut front, request::release(1, false));
        let (got, end) = drain(&mut bed, &mut peer);
        assert!(got == data && end.is_ok(), "{unread}: {}", got.len());
        drop(peer);
        bed.settle();
    }
}

/// More than the host keeps for a guest stays in the guest's ring.
#[test]
fn more_than_the_host_keeps_waits_in_the_ring() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    let mut all = Vec::new();
    for id in 0..12 {
        let (mut stream, peer) = pair(&mut bed, &mut front, id, 9);
        let data = fill(&mut bed, &mut stream);
        all.push((stream, peer, data));
    }
    let calls: Vec<_> = (0..12)
        .map(|id| front.submit(request::release(id, false)))
        .collect();
    bed.settle();
    let waits: Vec<bool> = calls
        .iter()
        .map(|&one| front.answer_to(one).is_none())
        .collect();
    let waiting = waits.iter().filter(|&&waits| waits).count();
    assert!((1..=4).contains(&waiting), "{waiting}");
    let counters = bed.counters(front.device());
    assert_eq!(counters.mapped_pages.get(), 1 + 513 * waiting as u64);
    // Their ids are free, and a release of them is one of nobody.
    let again = bed.ask(&mut front, request::release(11, false));
    assert_eq!(again.ret(), ret::EBADF);
    bed.ok(&mut front, request::socket(11));
    for (id, (stream, peer, data)) in all.iter_mut().enumerate().rev() {
        if waits[id] {
            // What the guest writes now is not sent, and does not keep the socket. An answer of
            // the peer's that nobody reads harms nothing.
            stream.write(b"too late");
            let _ = peer.write(b"nobody reads this");
        }
        let (got, end) = drain(&mut bed, peer);
        assert!(
            got == *data && end.is_ok(),
            "{id}: {} of {}",
            got.len(),
            data.len()
        );
        if waits[id] {
            assert_eq!(bed.answer(&mut front, calls[id]).ret(), 0);
        }
    }
    drop(all);
    assert_eq!(counters.mapped_pages.get(), 1);
    bed.end(&front, Ending::Linger);
}

#[test]
fn when_the_time_is_over_the_peer_sees_a_reset() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, Duration::from_millis(50), PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 6);
    let data = fill(&mut bed, &mut stream);
    bed.ok(&mut front, request::release(1, false));
    let end = std::time::Instant::now() + Duration::from_millis(150);
    while std::time::Instant::now() < end {
        bed.turn_for(Duration::from_millis(10));
    }
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got.len() < data.len());
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    bed.end(&front, Ending::Linger);
}

#[test]
fn the_guest_can_choose_a_shorter_time() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, with(&[Feature::Options]));
    // At once.
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    bed.ok(&mut front, request::set_option(1, 4, 0));
    stream.write(b"x");
    bed.settle();
    bed.ok(&mut front, request::release(1, false));
    let (_, end) = drain(&mut bed, &mut peer);
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    // Soon.
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 2, 6);
    bed.ok(&mut front, request::set_option(2, 4, 30));
    assert_eq!(bed.ok(&mut front, request::get_option(2, 4)).value(), 30);
    fill(&mut bed, &mut stream);
    bed.ok(&mut front, request::release(2, false));
    let end = std::time::Instant::now() + Duration::from_millis(100);
    while std::time::Instant::now() < end {
        bed.turn_for(Duration::from_millis(10));
    }
    let (_, end) = drain(&mut bed, &mut peer);
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// A peer must not take a part for the whole.
#[test]
fn a_broken_ring_ends_in_a_reset() {
    let (mut bed, mut front) = bed(PLAIN);
    for told in [true, false] {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
        stream.write(b"part");
        bed.settle();
        stream.poke(68, 1 << 20);
        if told {
            stream.notify();
            bed.settle();
        }
        bed.ok(&mut front, request::release(1, false));
        let (got, end) = drain(&mut bed, &mut peer);
        assert!(got.len() <= 4);
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

/// The end of a session is a release of everything.
#[test]
fn the_end_of_a_session_sends_what_was_written() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    let mut all = Vec::new();
    for id in 0..12 {
        let (mut stream, peer) = pair(&mut bed, &mut front, id, 9);
        let data = fill(&mut bed, &mut stream);
        all.push((peer, data));
    }
    bed.close(front.device(), Ending::Linger);
    bed.settle();
    assert!(bed.news().is_none(), "some rings are still being sent");
    for (peer, data) in &mut all {
        let (got, end) = drain(&mut bed, peer);
        assert!(got == *data && end.is_ok());
    }
    drop(all);
    let news = bed.next_news();
    assert_eq!(
        news,
        pvcalls_back::sessions::SessionEvent::Closed(front.device())
    );
    bed.assert_nothing_left(front.device());
}

#[test]
fn the_end_of_a_domain_waits_for_nobody() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 9);
    let data = fill(&mut bed, &mut stream);
    // One that is being released, too.
    let mut others = Vec::new();
    for id in 10..20 {
        let (mut stream, peer) = pair(&mut bed, &mut front, id, 9);
        fill(&mut bed, &mut stream);
        front.submit(request::release(id, false));
        others.push(peer);
    }
    bed.settle();
    bed.end(&front, Ending::Now);
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got.len() < data.len());
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// Sockets that still send count as the domain's.
#[test]
fn released_sockets_count_until_they_are_done() {
    let mut bed = Bed::new();
    let limits = Limits {
        sockets: 2,
        socket_buffer_bytes: Some(65536),
        ..Limits::default()
    };
    let mut front = bed.serve(1, PLAIN, settings(limits));
    let mut peers = Vec::new();
    for id in 0..2 {
        let (mut stream, peer) = pair(&mut bed, &mut front, id, 6);
        fill(&mut bed, &mut stream);
        bed.ok(&mut front, request::release(id, false));
        peers.push(peer);
    }
    let full = bed.ask(&mut front, request::socket(5));
    assert_eq!(full.ret(), ret::EMFILE);
    // Nor does a new session help.
    bed.close_and_wait(front.device(), Ending::Linger);
    let limits = Limits {
        sockets: 2,
        ..Limits::default()
    };
    front.start_at(77);
    bed.open(&front, settings(limits));
    let full = bed.ask(&mut front, request::socket(5));
    assert_eq!(full.ret(), ret::EMFILE);
    drain(&mut bed, &mut peers.remove(0)).1.unwrap();
    bed.until(|bed| bed.ask(&mut front, request::socket(5)).ret() == 0);
}

/// What the kernel holds for peers that do not take it counts, too, and not for ever.
#[test]
fn released_sockets_count_while_the_kernel_holds_their_bytes() {
    let mut bed = Bed::new();
    let limits = Limits {
        sockets: 2,
        socket_buffer_bytes: Some(212_992),
        linger: Duration::from_secs(1),
        ..Limits::default()
    };
    let mut front = bed.serve(1, PLAIN, settings(limits));
    let mut peers = Vec::new();
    for id in 0..2 {
        let (mut stream, peer) = pair(&mut bed, &mut front, id, 9);
        // The second peer has closed its side, and does not read either.
        if id == 1 {
            peer.shutdown(std::net::Shutdown::Write).unwrap();
        }
        // More than the peer's buffer takes, and not more than the kernel.
        let data = patterned(0, 180_000);
        assert_eq!(stream.write(&data), data.len());
        bed.until(|_| stream.unsent() == 0);
        bed.ok(&mut front, request::release(id, false));
        peers.push(peer);
    }
    let full = bed.ask(&mut front, request::socket(5));
    assert_eq!(full.ret(), ret::EMFILE);
    for id in 5..7 {
        bed.until(|bed| bed.ask(&mut front, request::socket(id)).ret() == 0);
    }
    for mut peer in peers {
        assert!(
            drain(&mut bed, &mut peer).1.is_err(),
            "a part, taken for the whole"
        );
    }
}

/// A connection that is over holds nothing: the peer's reset, or its acknowledgement of all.
#[test]
fn released_sockets_whose_peers_are_done_do_not_count() {
    let mut bed = Bed::new();
    let limits = Limits {
        sockets: 1,
        ..Limits::default()
    };
    let mut front = bed.serve(1, PLAIN, settings(limits));
    for id in 0..20 {
        let (mut stream, mut peer) = pair(&mut bed, &mut front, id, 6);
        let data = patterned(0, 10_000);
        assert_eq!(stream.write(&data), data.len());
        bed.until(|_| stream.unsent() == 0);
        if id % 2 == 0 {
            // A close with unread bytes is a reset.
            drop(peer);
            bed.ok(&mut front, request::release(id, false));
        } else {
            bed.ok(&mut front, request::release(id, false));
            let (got, end) = drain(&mut bed, &mut peer);
            assert_eq!((got == data, end.is_ok()), (true, true));
        }
        bed.until(|bed| bed.ask(&mut front, request::socket(99)).ret() == 0);
        bed.ok(&mut front, request::release(99, false));
    }
}

#[test]
fn a_ring_can_be_used_again_while_the_host_still_sends() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 6);
    let data = fill(&mut bed, &mut stream);
    bed.ok(&mut front, request::release(1, true));
    stream.reset(12_345);
    let (server, at) = crate::server();
    bed.ok(&mut front, request::socket(1));
    bed.ok(
        &mut front,
        request::connect(1, at, stream.indexes(), stream.port()),
    );
    let (mut second, _) = server.accept().unwrap();
    second.set_nonblocking(true).unwrap();
    stream.write(b"second");
    bed.settle();
    assert_eq!(read_some(&mut second, 100).unwrap().unwrap(), b"second");
    let (got, end) = drain(&mut bed, &mut peer);
    assert!(got == data && end.is_ok());
    bed.end(&front, Ending::Now);
}

/// A peer that neither reads nor closes costs nothing while it is waited for.
#[test]
fn waiting_for_a_peer_is_quiet() {
    let mut bed = Bed::new();
    let mut front = small(&mut bed, 1, LONG, PLAIN);
    let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
    // More than the ring holds, so that some stays unread in the host's socket.
    peer.write_all(&patterned(0, 20_000)).unwrap();
    bed.until(|_| stream.unread() == stream.size());
    bed.ok(&mut front, request::release(1, false));
    bed.settle();
    let busy = bed.busy_turns;
    for _ in 0..100 {
        bed.turn();
    }
    assert_eq!(bed.busy_turns, busy);
    drop(peer);
    bed.settle();
}
