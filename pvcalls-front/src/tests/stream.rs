//! Reading and writing on one connection, and who is woken.

use alloc::vec;
use alloc::vec::Vec;

use super::{connected, rig};
use crate::test_utils::{CountingWaker, FakeStream, Rig};
use crate::{Errno, Interest, Readiness, RingOrder, SocketError, SocketId, TryError};

/// The backend's end of a socket.
#[track_caller]
fn stream(rig: &Rig, id: SocketId) -> &FakeStream {
    rig.backend.stream(id).expect("connected")
}

#[test]
fn bytes_arrive_in_both_directions() {
    let mut rig = rig();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.try_write(id, b"GET /", 0), Ok(5));
    rig.idle();
    assert_eq!(stream(&rig, id).receive(100), b"GET /");
    stream(&rig, id).send(b"200 OK");
    rig.deliver();
    let mut into = [0; 4];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(4));
    assert_eq!(&into, b"200 ");
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(2));
    assert_eq!(&into[..2], b"OK");
    assert_eq!(
        rig.frontend.try_read(id, &mut into),
        Err(TryError::WouldBlock)
    );
}

#[test]
fn empty_buffers_move_nothing_and_never_block() {
    let mut rig = rig();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.try_read(id, &mut []), Ok(0));
    assert_eq!(rig.frontend.try_write(id, &[], 0), Ok(0));
    while rig.frontend.try_write(id, &[7; 100], 0).is_ok() {}
    assert_eq!(rig.frontend.try_write(id, &[], 0), Ok(0));
    stream(&rig, id).close();
    assert_eq!(rig.frontend.try_read(id, &mut []), Ok(0));
}

#[test]
fn peek_leaves_the_bytes() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let mut into = [0; 8];
    assert_eq!(rig.frontend.peek(id, &mut into), Err(TryError::WouldBlock));
    stream(&rig, id).send(b"abc");
    assert_eq!(rig.frontend.peek(id, &mut into), Ok(3));
    assert_eq!(rig.frontend.peek(id, &mut into[..2]), Ok(2));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(3));
    assert_eq!(&into[..3], b"abc");
    stream(&rig, id).close();
    assert_eq!(rig.frontend.peek(id, &mut into), Ok(0));
}

#[test]
fn a_full_ring_blocks_the_writer_and_room_wakes_it() {
    let mut rig = rig();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.try_write(id, &[1; 5000], 0), Ok(4096));
    assert_eq!(
        rig.frontend.try_write(id, &[2], 0),
        Err(TryError::WouldBlock)
    );
    let (read, waker) = CountingWaker::pair();
    let (written, write_waker) = CountingWaker::pair();
    for (interest, waker) in [(Interest::Read, &waker), (Interest::Write, &write_waker)] {
        rig.frontend.register(id, interest, waker).expect("good");
    }
    assert_eq!(stream(&rig, id).receive(10).len(), 10);
    rig.deliver();
    assert_eq!((read.count(), written.count()), (0, 1));
    assert_eq!(rig.frontend.try_write(id, &[2; 100], 0), Ok(10));
}

#[test]
fn several_waiters_are_all_woken_and_one_task_only_once() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let (first, waker) = CountingWaker::pair();
    let (second, other) = CountingWaker::pair();
    for waker in [&waker, &waker, &other] {
        rig.frontend
            .register(id, Interest::Read, waker)
            .expect("good");
    }
    stream(&rig, id).send(b"x");
    rig.deliver();
    assert_eq!((first.count(), second.count()), (1, 1));
    stream(&rig, id).send(b"y");
    rig.deliver();
    assert_eq!(
        (first.count(), second.count()),
        (1, 1),
        "once and forgotten"
    );
}

#[test]
fn a_waiter_is_woken_for_bytes_that_another_task_saw_first() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    stream(&rig, id).send(b"for two");
    // Before the event is handled somebody else takes some, and asks what is left.
    assert_eq!(rig.frontend.try_read(id, &mut [0; 3]), Ok(3));
    assert!(rig.frontend.readiness(id).is_ok());
    rig.deliver();
    assert_eq!(woken.count(), 1);
    // Taken altogether: nothing to be woken for.
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    stream(&rig, id).send(b"x");
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(5));
    rig.deliver();
    assert_eq!(woken.count(), 1);
}

#[test]
fn data_comes_before_the_end_and_the_end_stays() {
    let mut rig = rig();
    let id = connected(&mut rig);
    stream(&rig, id).send(b"last words");
    stream(&rig, id).close();
    rig.deliver();
    assert_eq!(rig.frontend.peer_closed(id), Ok(true));
    let mut into = [0; 64];
    assert_eq!(rig.frontend.try_read(id, &mut into[..4]), Ok(4));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(6));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(0));
    // The word is cleared and data follows: the end was the end.
    stream(&rig, id).set_in_error(0);
    stream(&rig, id).send(b"more");
    rig.deliver();
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(0));
}

#[test]
fn writing_goes_on_after_the_peers_end() {
    let mut rig = rig();
    let id = connected(&mut rig);
    stream(&rig, id).close();
    rig.deliver();
    assert_eq!(rig.frontend.try_read(id, &mut [0; 8]), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"still here", 0), Ok(10));
    rig.idle();
    assert_eq!(stream(&rig, id).receive(100), b"still here");
}

#[test]
fn an_end_in_disorder_is_an_error_after_the_data() {
    for (word, errno) in [
        (-104, Errno::ECONNRESET),
        (-110, Errno::ETIMEDOUT),
        (5, Errno::EIO),
        (i32::MIN, Errno::EIO),
        (-4096, Errno::EIO),
    ] {
        let mut rig = rig();
        let id = connected(&mut rig);
        stream(&rig, id).send(b"data");
        stream(&rig, id).set_in_error(word);
        rig.deliver();
        // A second word does not change the first.
        stream(&rig, id).set_in_error(-13);
        rig.deliver();
        assert_eq!(rig.frontend.try_read(id, &mut [0; 8]), Ok(4));
        for _ in 0..2 {
            assert_eq!(
                rig.frontend.try_read(id, &mut [0; 8]),
                Err(SocketError::Remote(errno).into())
            );
        }
    }
}

#[test]
fn readiness_tells_what_would_not_block() {
    let mut rig = rig();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.readiness(id), Ok(Readiness::WRITABLE));
    while rig.frontend.try_write(id, &[0; 4096], 0).is_ok() {}
    assert_eq!(rig.frontend.readiness(id), Ok(Readiness::empty()));
    stream(&rig, id).send(b"x");
    assert_eq!(rig.frontend.readiness(id), Ok(Readiness::READABLE));
    stream(&rig, id).close();
    assert_eq!(
        rig.frontend.readiness(id),
        Ok(Readiness::READABLE | Readiness::PEER_CLOSED)
    );
    stream(&rig, id).set_out_error(-32);
    rig.deliver();
    assert!(
        rig.frontend
            .readiness(id)
            .expect("good")
            .contains(Readiness::ERROR | Readiness::WRITABLE | Readiness::PEER_CLOSED)
    );
}

#[test]
fn large_rings_carry_large_amounts() {
    let mut rig = rig();
    let id = rig.connect(RingOrder::new(4).expect("valid"));
    let bytes: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[1] ^ 0x5a).collect();
    let mut sent = 0;
    let mut received = Vec::new();
    while received.len() < bytes.len() {
        if let Ok(count) = rig.frontend.try_write(id, &bytes[sent..], 0) {
            sent += count;
        }
        rig.idle();
        received.extend(stream(&rig, id).receive(7001));
    }
    assert!(received == bytes);

    let mut sent = 0;
    let mut received = Vec::new();
    let mut into = vec![0; 9001];
    while received.len() < bytes.len() {
        sent += stream(&rig, id).send(&bytes[sent..]);
        rig.deliver();
        if let Ok(count) = rig.frontend.try_read(id, &mut into) {
            received.extend_from_slice(&into[..count]);
        }
    }
    assert!(received == bytes);
}

#[test]
fn connections_do_not_mix() {
    let mut rig = rig();
    let ids: Vec<SocketId> = (0..20).map(|_| connected(&mut rig)).collect();
    for (n, id) in (0u8..).zip(&ids) {
        rig.frontend
            .try_write(*id, &[n; 3], 0)
            .expect("there is room");
        stream(&rig, *id).send(&[!n; 2]);
    }
    rig.idle();
    for (n, id) in (0u8..).zip(&ids) {
        assert_eq!(stream(&rig, *id).receive(9), [n; 3]);
        let mut into = [0; 9];
        assert_eq!(rig.frontend.try_read(*id, &mut into), Ok(2));
        assert_eq!(into[..2], [!n; 2]);
    }
}
