//! The command ring, and the beginning and end of sessions.

use std::time::Duration;

use pvcalls_back::config::Limits;
use pvcalls_back::features::{Feature, Features};
use pvcalls_back::sessions::{Ending, SessionEvent};
use pvcalls_back::testbed::{Bed, open_settings, request, settings};

use crate::{PLAIN, bed, pair, read_some, ret, with};

#[test]
fn a_frontend_that_claims_too_much_is_cut_off_alone() {
    let claims: [u32; 5] = [33, 1000, u32::MAX, 1 << 31, 0x8000_0001];
    for claim in claims {
        let (mut bed, mut front) = bed(PLAIN);
        let (_stream, _peer) = pair(&mut bed, &mut front, 1, 1);
        let mut other = bed.serve(2, PLAIN, open_settings());
        let (mut theirs, mut their_peer) = pair(&mut bed, &mut other, 1, 1);
        bed.settle();
        // Two requests were answered, so both indices stand at 2.
        front.poke(0, 2_u32.wrapping_add(claim));
        front.notify();
        let news = bed.next_news();
        assert!(
            matches!(&news, SessionEvent::Broken(device, _) if *device == front.device()),
            "{news:?}"
        );
        // Told once, and nothing of it is left but the command ring.
        front.notify();
        bed.settle();
        assert_eq!(bed.news(), None);
        let counters = bed.counters(front.device());
        assert_eq!(
            (counters.sockets.get(), counters.mapped_pages.get()),
            (0, 1)
        );
        theirs.write(b"still served");
        bed.settle();
        assert_eq!(
            read_some(&mut their_peer, 100).unwrap().unwrap(),
            b"still served"
        );
        bed.close_and_wait(front.device(), Ending::Linger);
        bed.end(&other, Ending::Now);
    }
}

#[test]
fn requests_taken_back_are_an_offence() {
    let (mut bed, mut front) = bed(PLAIN);
    bed.listen(&mut front, 1);
    front.submit(request::poll(1));
    bed.settle();
    front.poke(0, 3);
    front.notify();
    assert!(matches!(bed.next_news(), SessionEvent::Broken(..)));
    bed.end(&front, Ending::Now);
}

#[test]
fn a_ring_counts_from_anywhere() {
    let mut bed = Bed::new();
    for start in [u32::MAX - 3, 31, 1 << 31] {
        let mut front = bed.front(start as u16, PLAIN);
        front.start_at(start);
        bed.open(&front, open_settings());
        for id in 0..100 {
            bed.ok(&mut front, request::socket(id));
        }
        bed.end(&front, Ending::Now);
    }
}

#[test]
fn a_session_that_cannot_begin_leaves_nothing() {
    let mut bed = Bed::new();
    let front = bed.front(1, Features::all());
    let mut connection = pvcalls_back::sessions::Connection {
        ring_ref: 999_999,
        port: front.port(),
        features: front.features(),
        settings: std::sync::Arc::new(open_settings()),
    };
    let mut open = |connection: &pvcalls_back::sessions::Connection| {
        bed.open_as(front.device(), connection.clone());
        let news = bed.next_news();
        assert!(matches!(news, SessionEvent::Failed(..)), "{news:?}");
        bed.assert_nothing_left(front.device());
    };
    open(&connection);
    connection.ring_ref = front.ring_ref();
    connection.port = 999_999;
    open(&connection);
    bed.open(&front, open_settings());
    bed.end(&front, Ending::Linger);
}

/// Requests that were in the ring before the session began are served.
#[test]
fn an_early_frontend_is_heard() {
    let mut bed = Bed::new();
    let mut front = bed.front(1, PLAIN);
    let call = front.put(request::socket(1));
    bed.open(&front, open_settings());
    assert_eq!(bed.answer(&mut front, call).ret(), 0);
}

#[test]
fn the_rate_is_kept() {
    let mut bed = Bed::new();
    let limits = Limits {
        commands_per_second: 200,
        ..Limits::default()
    };
    let mut front = bed.serve(1, PLAIN, settings(limits));
    let start = std::time::Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_millis(500) {
        while front.outstanding() < 32 {
            front.submit(request::poll(1));
        }
        bed.turn_for(Duration::from_millis(1));
        while front.next_answer().is_some() {
            count += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let most = 400.0 + 200.0 * seconds + 1.0;
    assert!(
        (400.0..=most).contains(&f64::from(count)),
        "{count} in {seconds} s"
    );
    assert!(bed.counters(front.device()).throttled.get() > 0);
    // A session that ends does not wait for that.
    bed.end(&front, Ending::Linger);
}

/// A guest that fills its ring while it is being emptied gets no more than its turn.
#[test]
fn a_turn_takes_a_ring_full_at_most() {
    let (mut bed, mut front) = bed(PLAIN);
    for _ in 0..32 {
        front.put(request::poll(1));
    }
    front.notify();
    bed.settle();
    assert_eq!(bed.counters(front.device()).commands.get(), 32);
    for _ in 0..32 {
        assert_eq!(front.next_answer().unwrap().ret(), ret::EBADF);
    }
}

#[test]
fn answers_are_announced_when_they_are_wanted() {
    let (mut bed, mut front) = bed(PLAIN);
    bed.settle();
    front.take_events(front.port());
    for _ in 0..10 {
        front.put(request::poll(1));
    }
    front.notify();
    bed.settle();
    assert_eq!(bed.counters(front.device()).notifications_sent.get(), 1);
    assert_eq!(front.take_events(front.port()), 1);
    // Not before the third.
    front.put(request::poll(1));
    front.poke(12, 13);
    front.notify();
    bed.settle();
    assert_eq!(bed.counters(front.device()).notifications_sent.get(), 1);
}

#[test]
fn the_alive_byte_tells_the_end() {
    let (mut bed, front) = bed(with(&[Feature::Alive]));
    assert_eq!(front.alive(), 1);
    bed.end(&front, Ending::Linger);
    assert_eq!(front.alive(), 0);
    let plain = bed.serve(2, PLAIN, open_settings());
    assert_eq!(plain.alive(), 0);
    // However the worker ends.
    let (bed, mut front) = crate::bed(with(&[Feature::Alive]));
    front.take_events(front.port());
    drop(bed);
    assert_eq!(front.alive(), 0);
    assert_eq!(front.take_events(front.port()), 1);
}

#[test]
fn closing_what_is_not_open_is_answered() {
    let (mut bed, front) = bed(PLAIN);
    bed.end(&front, Ending::Linger);
    bed.end(&front, Ending::Now);
}

#[test]
fn waiting_requests_are_answered_before_the_session_ends() {
    let (mut bed, mut front) = bed(PLAIN);
    bed.listen(&mut front, 1);
    let poll = front.submit(request::poll(1));
    let stream = front.stream(1);
    let accept = front.submit(request::accept(1, 2, stream.indexes(), stream.port()));
    bed.settle();
    bed.end(&front, Ending::Linger);
    for call in [poll, accept] {
        assert_eq!(front.answer_to(call).unwrap().ret(), ret::ECANCELED);
    }
}

/// A session again and again, in the same pages.
#[test]
fn a_device_comes_back() {
    let mut bed = Bed::new();
    let mut front = bed.front(1, Features::all());
    for round in 0..20 {
        front.start_at(round * 1_000_000);
        bed.open(&front, open_settings());
        let (mut stream, mut peer) = pair(&mut bed, &mut front, 1, 1);
        stream.write(b"hello");
        bed.settle();
        assert_eq!(read_some(&mut peer, 10).unwrap().unwrap(), b"hello");
        let ending = [Ending::Linger, Ending::Now][round as usize % 2];
        bed.end(&front, ending);
    }
}

/// A guest with many sockets, all of them busy, does not make a turn last.
#[test]
fn a_turn_carries_a_bounded_number_of_bytes() {
    const SOCKETS: usize = 40;
    let (mut bed, mut front) = bed(PLAIN);
    let mut other = bed.serve(2, PLAIN, open_settings());
    let (mut theirs, mut their_peer) = pair(&mut bed, &mut other, 1, 1);
    let mut busy: Vec<_> = (0..SOCKETS)
        .map(|id| pair(&mut bed, &mut front, id as u64, 9))
        .collect();
    bed.settle();
    let data = vec![1; 1 << 20];
    for (stream, _) in &mut busy {
        assert_eq!(stream.write(&data), data.len());
    }
    theirs.write(b"small");
    let counters = bed.counters(front.device());
    let before = counters.bytes_out.get();
    bed.turn();
    let carried = counters.bytes_out.get() - before;
    // What a raised port gets at once, and then pieces in turn.
    assert!(
        carried <= (SOCKETS as u64 * 32 + 16 * 256) << 10,
        "{carried}"
    );
    bed.until(|_| theirs.unsent() == 0);
    assert_eq!(read_some(&mut their_peer, 10).unwrap().unwrap(), b"small");
    // The others are still far from done.
    assert!(counters.bytes_out.get() - before < (SOCKETS as u64) << 20);
    bed.close_and_wait(front.device(), Ending::Now);
    bed.end(&other, Ending::Now);
}
