//! A backend that writes nonsense into a data ring: the socket fails, nothing else does.

use super::{assert_clean, connected, nothing_asked, rig};
use crate::test_utils::{Call, CountingWaker, FakeStream, Word};
use crate::{Blame, Errno, Interest, RingFault, SocketError, TryError};

/// Does something bad to one of two sockets, and expects that one to fail with `fault`.
#[track_caller]
fn violates(fault: RingFault, bad: impl Fn(&FakeStream)) {
    for by_event in [true, false] {
        let mut rig = rig();
        let id = connected(&mut rig);
        let other = connected(&mut rig);
        // Some history, so that there is a window to leave.
        rig.frontend.try_write(id, &[1; 100], 0).expect("room");
        rig.idle();
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.receive(50).len(), 50);
        stream.send(&[2; 100]);
        rig.deliver();
        assert_eq!(rig.frontend.try_read(id, &mut [0; 50]), Ok(50));

        let (woken, waker) = CountingWaker::pair();
        for interest in [Interest::Read, Interest::Write] {
            rig.frontend.register(id, interest, &waker).expect("good");
        }
        bad(rig.backend.stream(id).expect("connected"));
        let error = SocketError::Ring(fault);
        if by_event {
            rig.deliver();
            assert_eq!(woken.count(), 2, "reader and writer");
        } else if fault == RingFault::InProd {
            let read = rig.frontend.try_read(id, &mut [0; 9999]);
            assert_eq!(read, Err(error.into()));
        } else {
            let written = rig.frontend.try_write(id, b"x", 0);
            assert_eq!(written, Err(error.into()));
        }
        assert_eq!(
            rig.frontend.try_read(id, &mut [0; 8]),
            Err(TryError::Failed(error))
        );
        assert_eq!(error.errno(), Errno::EIO);
        assert_eq!(error.blame(), Blame::Backend);

        // It is released at once, and the other socket does not notice.
        let release = expect!(&mut rig, Call::Release { .. });
        assert_eq!(release.id, id.get());
        answer!(&mut rig, release, 0);
        rig.frontend.try_write(other, b"fine", 0).expect("room");
        rig.idle();
        let stream = rig.backend.stream(other).expect("connected");
        assert_eq!(stream.receive(9), b"fine");
        rig.frontend.close(id, None, 0).expect("good");
        rig.deliver();
        rig.frontend.close(other, None, 0).expect("good");
        rig.settle();
        assert_clean(&rig);
    }
}

#[test]
fn in_prod_backwards() {
    violates(RingFault::InProd, |stream| stream.shift_in_prod(-1));
    violates(RingFault::InProd, |stream| stream.shift_in_prod(-100));
}

#[test]
fn in_prod_beyond_the_array() {
    violates(RingFault::InProd, |stream| stream.shift_in_prod(4047));
    violates(RingFault::InProd, |stream| stream.shift_in_prod(i32::MAX));
    violates(RingFault::InProd, |stream| stream.shift_in_prod(i32::MIN));
}

#[test]
fn out_cons_backwards() {
    violates(RingFault::OutCons, |stream| stream.shift_out_cons(-1));
    violates(RingFault::OutCons, |stream| stream.shift_out_cons(-50));
}

#[test]
fn out_cons_beyond_out_prod() {
    violates(RingFault::OutCons, |stream| stream.shift_out_cons(51));
    violates(RingFault::OutCons, |stream| stream.shift_out_cons(i32::MAX));
    violates(RingFault::OutCons, |stream| stream.shift_out_cons(i32::MIN));
}

#[test]
fn a_fault_while_draining_ends_the_socket_too() {
    for bad in [FakeStream::shift_in_prod, FakeStream::shift_out_cons] {
        let mut rig = rig();
        let id = connected(&mut rig);
        rig.frontend.try_write(id, b"bye", 0).expect("room");
        rig.frontend.close(id, None, 0).expect("good");
        bad(rig.backend.stream(id).expect("connected"), -9);
        rig.deliver();
        let release = expect!(&mut rig, Call::Release { .. });
        answer!(&mut rig, release, 0);
        assert_clean(&rig);
    }
}

#[test]
fn our_own_words_in_the_page_are_never_read_back() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"abc", 0).expect("room");
    rig.backend.stream(id).expect("connected").scribble();
    rig.deliver();
    // The next store puts the true index back; nothing in between was believed.
    rig.frontend.try_write(id, b"def", 0).expect("room");
    rig.idle();
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(9), b"abcdef");
    nothing_asked(&mut rig);
}

#[test]
fn any_word_may_stand_in_the_error_fields() {
    for word in [1, 4096, -5000, i32::MAX, i32::MIN] {
        let mut rig = rig();
        let id = connected(&mut rig);
        rig.backend
            .stream(id)
            .expect("connected")
            .set_out_error(word);
        rig.deliver();
        assert_eq!(
            rig.frontend.try_write(id, b"x", 0),
            Err(SocketError::Remote(Errno::EIO).into())
        );
    }
}

#[test]
fn an_index_that_changes_after_it_was_checked_has_no_effect() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.send(b"good");
    // The value that is checked is the value that is used: this one comes too late, and the next
    // look finds the fault.
    stream.strike_after_load(Word::InProd, &[(Word::InProd, 0x8000_0000)]);
    let mut into = [0; 9999];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(4));
    assert_eq!(&into[..4], b"good");
    assert_eq!(
        rig.frontend.try_read(id, &mut into),
        Err(SocketError::Ring(RingFault::InProd).into())
    );

    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.strike_after_load(Word::OutCons, &[(Word::OutCons, 77)]);
    assert_eq!(rig.frontend.try_write(id, &[0; 9999], 0), Ok(4096));
    let room = rig.frontend.try_write(id, &[0; 9999], 0);
    assert_eq!(room, Ok(77), "it is inside the window by now");
}

#[test]
fn data_and_end_that_arrive_between_two_loads_come_in_order() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    // A reader that loaded in_prod first would now see the end, and not the data before it.
    let end = (-Errno::ENOTCONN.number()).cast_unsigned();
    let arrival = [(Word::InProd, 4), (Word::InError, end)];
    stream.strike_after_load(Word::InProd, &arrival);
    assert_eq!(
        rig.frontend.try_read(id, &mut [0; 9]),
        Err(TryError::WouldBlock)
    );
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(4));
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(0));

    // The same with an arrival between the error and the index.
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.strike_after_load(Word::InError, &arrival);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(4));
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(0));
}
