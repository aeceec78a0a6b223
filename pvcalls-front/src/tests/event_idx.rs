//! Both sides say when they want to be told: `feature-event-idx`. The rules are argued in `notify.rs`
//! and tried in `model/wishes.rs`; here they are seen at work.

use super::{assert_clean, connected};
use crate::test_utils::{CountingWaker, FakeStore, Rig, Word};
use crate::{Config, Interest, RingOrder, SocketId, TryError};

const SECOND: u64 = 1_000_000_000;

/// A rig with a connected socket of 4096 bytes each way.
fn rig() -> (Rig, SocketId) {
    let mut rig = Rig::with_store(Config::default(), FakeStore::with_features());
    let id = connected(&mut rig);
    (rig, id)
}

/// How often the backend was told through the socket's port.
fn told(rig: &Rig, id: SocketId) -> u64 {
    let stream = rig.backend.stream(id).expect("connected");
    rig.platform.notifications(stream.port())
}

#[track_caller]
fn write(rig: &mut Rig, id: SocketId, bytes: &[u8]) {
    let count = rig.frontend.try_write(id, bytes, rig.now_ns);
    assert_eq!(count, Ok(bytes.len()));
    rig.frontend.flush(rig.now_ns);
}

#[test]
fn a_backend_that_wished_for_nothing_is_not_told() {
    let (mut rig, id) = rig();
    let before = told(&rig, id);
    write(&mut rig, id, b"first");
    assert_eq!(told(&rig, id), before + 1, "it waited for that");
    for _ in 0..10 {
        write(&mut rig, id, b"more");
    }
    assert_eq!(told(&rig, id), before + 1, "it is awake");
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(99).len(), 45);
    write(&mut rig, id, b"still awake");
    assert_eq!(told(&rig, id), before + 1, "it has not said that it sleeps");
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(99).len(), 11);
    stream.wait_for_bytes();
    write(&mut rig, id, b"wake up");
    assert_eq!(told(&rig, id), before + 2);
}

#[test]
fn an_event_comes_only_to_a_reader_who_waits() {
    let (mut rig, id) = rig();
    rig.backend.stream(id).expect("connected").send(b"one");
    assert_eq!(rig.platform.next_event(), None);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(3));
    let nothing = rig.frontend.try_read(id, &mut [0; 9]);
    assert_eq!(nothing, Err(TryError::WouldBlock));
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    assert_eq!(woken.count(), 0);
    rig.backend.stream(id).expect("connected").send(b"two");
    rig.deliver();
    assert_eq!(woken.count(), 1);
    // It was told of that, and has not asked again.
    rig.backend.stream(id).expect("connected").send(b"three");
    assert_eq!(rig.platform.next_event(), None);
}

#[test]
fn what_comes_between_the_attempt_and_the_wish_is_seen() {
    let (mut rig, id) = rig();
    let nothing = rig.frontend.try_read(id, &mut [0; 9]);
    assert_eq!(nothing, Err(TryError::WouldBlock));
    rig.backend.stream(id).expect("connected").send(b"now");
    assert_eq!(rig.platform.next_event(), None, "nobody waits yet");
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    assert_eq!(woken.count(), 1);
}

#[test]
fn a_writer_who_waits_is_told_of_half_a_ring() {
    let (mut rig, id) = rig();
    write(&mut rig, id, &[1; 4096]);
    let full = rig.frontend.try_write(id, b"x", 0);
    assert_eq!(full, Err(TryError::WouldBlock));
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Write, &waker)
        .expect("good");
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(2047).len(), 2047);
    assert_eq!(rig.platform.next_event(), None);
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(1).len(), 1);
    rig.deliver();
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.try_write(id, &[1; 4096], 0), Ok(2048));
}

#[test]
fn a_backend_that_waits_for_room_is_told_where_it_wished() {
    let (mut rig, id) = rig();
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.send(&[1; 5000]), 4096);
    stream.wait_for_room(1000);
    let before = told(&rig, id);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 999]), Ok(999));
    rig.idle();
    assert_eq!(told(&rig, id), before);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 1]), Ok(1));
    assert_eq!(told(&rig, id), before + 1);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 3000]), Ok(3000));
    rig.idle();
    assert_eq!(told(&rig, id), before + 1);
}

#[test]
fn the_end_of_a_drain_is_told_and_input_is_thrown_away_meanwhile() {
    let (mut rig, id) = rig();
    write(&mut rig, id, &[1; 3000]);
    rig.frontend.close(id, None, 0).expect("good");
    let stream = rig.backend.stream(id).expect("connected");
    for _ in 0..5 {
        assert_eq!(stream.send(&[2; 4096]), 4096, "there is room each time");
        while let Some(port) = rig.platform.next_event() {
            rig.frontend.on_event(port, 0);
        }
    }
    assert_eq!(stream.receive(2999).len(), 2999);
    assert_eq!(rig.platform.next_event(), None);
    assert_eq!(stream.receive(1).len(), 1);
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn the_end_of_the_stream_is_always_told() {
    let (mut rig, id) = rig();
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    rig.backend.stream(id).expect("connected").close();
    rig.deliver();
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(0));
}

#[test]
fn the_timer_is_a_net_and_a_slow_one() {
    let (mut rig, id) = rig();
    write(&mut rig, id, b"first");
    let before = told(&rig, id);
    write(&mut rig, id, b"second"); // It sleeps, against the rules, without a wish.
    rig.advance(SECOND);
    assert_eq!(told(&rig, id), before);
    rig.advance(SECOND);
    assert_eq!(told(&rig, id), before + 1);
}

#[test]
fn any_wish_costs_an_event_at_most() {
    for word in [
        0,
        1,
        4095,
        4096,
        4097,
        u32::MAX,
        u32::MAX / 2,
        u32::MAX / 2 + 1,
    ] {
        let (mut rig, id) = rig();
        rig.backend.stream(id).expect("connected").set_wishes(word);
        let before = told(&rig, id);
        write(&mut rig, id, b"bytes");
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.receive(9), b"bytes");
        stream.send(b"back");
        assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(4));
        rig.idle();
        assert!(told(&rig, id) <= before + 2);
    }
}

#[test]
fn a_ring_used_again_wishes_for_nothing_at_first() {
    let mut rig = Rig::with_store(Config::default(), FakeStore::with_features());
    rig.backend.keep_rings();
    let order = RingOrder::new(4).expect("in range");
    let id = rig.connect(order);
    rig.backend.stream(id).expect("connected").send(&[1; 5000]);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 5000]), Ok(5000));
    let (_, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    rig.frontend.close(id, Some(0), 0).expect("good");
    rig.settle();
    let id = rig.connect(order);
    assert_eq!(rig.frontend.stats().pooled_rings, 0, "it is that ring");
    rig.backend.stream(id).expect("connected").send(&[1; 9000]);
    assert_eq!(rig.platform.next_event(), None);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9000]), Ok(9000));
}

#[test]
fn a_backend_that_delivers_faster_than_it_is_thrown_away_is_looked_at_again_soon() {
    let (mut rig, id) = rig();
    write(&mut rig, id, &[1; 100]);
    rig.frontend.close(id, None, 0).expect("good");
    let stream = rig.backend.stream(id).expect("connected");
    // Whenever all is thrown away there is another byte before the next wish is stored. (It is
    // loaded twice for each.)
    stream.send(b"x");
    for prod in 2..100 {
        stream.strike_after_load(Word::InProd, &[]);
        stream.strike_after_load(Word::InProd, &[(Word::InProd, prod)]);
    }
    rig.deliver();
    let again_ns = rig.frontend.next_deadline_ns().expect("it drains");
    assert!(again_ns <= 1_000_000, "{again_ns}");
    rig.settle();
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(100).len(), 100);
    rig.settle();
    assert_clean(&rig);
}
