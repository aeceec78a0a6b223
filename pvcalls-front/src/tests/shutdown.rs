//! Half-close.

use core::task::Waker;

use super::{assert_clean, connected, extended, nothing_asked, rig};
use crate::test_utils::{Call as Wire, CountingWaker, FakeRequest, Rig};
use crate::{Call, CallId, Errno, How, Interest, Readiness, SocketError, SocketId, TryError};

#[track_caller]
fn shutdown(rig: &mut Rig, id: SocketId, how: How) -> CallId {
    let call = rig.frontend.call(id, Call::Shutdown(how), rig.now_ns);
    call.expect("it is open")
}

/// Ends a direction; the request that tells the backend so.
#[track_caller]
fn ended(rig: &mut Rig, id: SocketId, how: How) -> (CallId, FakeRequest) {
    let call = shutdown(rig, id, how);
    (call, expect!(rig, Wire::Shutdown { .. }))
}

#[track_caller]
fn succeeds(rig: &mut Rig, call: CallId, request: &FakeRequest) {
    answer!(rig, *request, 0);
    assert_eq!(rig.frontend.try_call(call, Waker::noop()), Ok(0));
}

fn refused() -> Result<usize, TryError> {
    Err(SocketError::WriteEnded.into())
}

#[test]
fn what_was_written_goes_out_and_nothing_after_it() {
    let mut rig = extended();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.try_write(id, b"last words", 0), Ok(10));
    let before = rig.platform.all_notifications();
    let (call, request) = ended(&mut rig, id, How::Write);
    assert_eq!(
        request.call,
        Wire::Shutdown {
            how: 1,
            out_prod: 10
        }
    );
    assert_eq!(
        rig.platform.all_notifications(),
        before + 2,
        "of the bytes, and of the command"
    );
    // At once, not when the answer comes.
    assert_eq!(rig.frontend.try_write(id, b"more", 0), refused());
    assert_eq!(SocketError::WriteEnded.errno(), Errno::EPIPE);
    succeeds(&mut rig, call, &request);
    assert_eq!(rig.frontend.try_write(id, b"more", 0), refused());
    // The other direction lives.
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(99), b"last words");
    stream.send(b"answer");
    rig.deliver();
    let mut into = [0; 9];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(6));
    let again = rig.frontend.try_read(id, &mut into);
    assert_eq!(again, Err(TryError::WouldBlock));
}

#[test]
fn a_writer_that_waits_for_room_is_woken_and_refused() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let full = [7; 4096];
    assert_eq!(rig.frontend.try_write(id, &full, 0), Ok(4096));
    let (woken, waker) = CountingWaker::pair();
    let waits = rig.frontend.register(id, Interest::Write, &waker);
    waits.expect("good");
    let (_, request) = ended(&mut rig, id, How::Write);
    assert!(matches!(
        request.call,
        Wire::Shutdown { out_prod: 4096, .. }
    ));
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
    // One that looked before and waits only now would wait for ever.
    rig.frontend
        .register(id, Interest::Write, &waker)
        .expect("good");
    assert_eq!(woken.count(), 2);
    let readiness = rig.frontend.readiness(id).expect("good");
    assert!(readiness.contains(Readiness::WRITABLE));
}

#[test]
fn closing_after_it_loses_nothing() {
    let mut rig = extended();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.try_write(id, &[3; 3000], 0), Ok(3000));
    let (call, request) = ended(&mut rig, id, How::Write);
    rig.frontend.drop_call(call);
    rig.frontend.close(id, None, 0).expect("good");
    answer!(&mut rig, request, 0);
    nothing_asked(&mut rig);
    let stream = rig.backend.stream(id).expect("still there");
    assert_eq!(stream.receive(5000), [3; 3000]);
    rig.idle();
    let release = expect!(&mut rig, Wire::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn one_that_could_not_be_sent_in_time_does_no_harm_to_the_close() {
    let mut rig = extended();
    let (id, other) = (connected(&mut rig), connected(&mut rig));
    let ask = Call::GetOption(crate::SocketOption::Ttl);
    for _ in 0..24 {
        rig.frontend.call(other, ask, 0).expect("room");
    }
    assert_eq!(rig.frontend.try_write(id, b"bytes", 0), Ok(5));
    let call = shutdown(&mut rig, id, How::Write);
    rig.frontend.close(id, None, 0).expect("good");
    let stream = rig.backend.stream(id).expect("there");
    assert_eq!(stream.receive(99), b"bytes");
    rig.deliver();
    let outcome = rig.frontend.try_call(call, Waker::noop());
    assert_eq!(outcome, Err(SocketError::NoSuchSocket.into()));
    rig.settle();
    assert!(rig.backend.stream(id).is_none(), "released");
}

#[test]
fn an_end_of_reading_gives_what_is_there_and_then_the_end() {
    let mut rig = extended();
    let id = connected(&mut rig);
    rig.backend.stream(id).expect("connected").send(b"abc");
    rig.deliver();
    let (woken, waker) = CountingWaker::pair();
    let (call, request) = ended(&mut rig, id, How::Read);
    assert!(matches!(request.call, Wire::Shutdown { how: 0, .. }));
    let mut into = [0; 2];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(2));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(1));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(0));
    assert_eq!(rig.frontend.peek(id, &mut into), Ok(0));
    succeeds(&mut rig, call, &request);
    rig.backend.stream(id).expect("connected").close();
    rig.deliver();
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), Ok(1));
    let waits = rig.frontend.register(id, Interest::Read, &waker);
    waits.expect("good");
    assert!(woken.count() > 0, "nobody waits for what does not come");
}

#[test]
fn a_reader_that_waits_is_woken_by_the_end_of_reading() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let (woken, waker) = CountingWaker::pair();
    let waits = rig.frontend.register(id, Interest::Read, &waker);
    waits.expect("good");
    ended(&mut rig, id, How::Both);
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4]), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
}

#[test]
fn a_second_one_is_as_good_as_the_first() {
    let mut rig = extended();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"abc", 0).expect("room");
    for how in [How::Write, How::Write, How::Both] {
        let (call, request) = ended(&mut rig, id, how);
        assert!(matches!(request.call, Wire::Shutdown { out_prod: 3, .. }));
        succeeds(&mut rig, call, &request);
    }
}

#[test]
fn one_that_the_backend_refuses_has_ended_nothing() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let (call, request) = ended(&mut rig, id, How::Both);
    answer!(&mut rig, request, -22);
    let outcome = rig.frontend.try_call(call, Waker::noop());
    assert_eq!(outcome, Err(SocketError::Remote(Errno::EINVAL).into()));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), Ok(1));
    let nothing = rig.frontend.try_read(id, &mut [0; 4]);
    assert_eq!(nothing, Err(TryError::WouldBlock));
    // One that succeeded before stays.
    let (call, request) = ended(&mut rig, id, How::Write);
    succeeds(&mut rig, call, &request);
    let (_, request) = ended(&mut rig, id, How::Both);
    answer!(&mut rig, request, -107);
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
    let nothing = rig.frontend.try_read(id, &mut [0; 4]);
    assert_eq!(nothing, Err(TryError::WouldBlock));
}

#[test]
fn an_error_of_the_connection_comes_before_that_of_the_end() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let (call, request) = ended(&mut rig, id, How::Write);
    succeeds(&mut rig, call, &request);
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(-104);
    rig.deliver();
    let reset = Err(SocketError::Remote(Errno::ECONNRESET).into());
    assert_eq!(rig.frontend.try_write(id, b"x", 0), reset);
}

#[test]
fn a_plain_backend_can_end_both() {
    let mut rig = rig();
    let id = connected(&mut rig);
    assert_eq!(rig.frontend.try_write(id, b"last words", 0), Ok(10));
    rig.backend.stream(id).expect("connected").send(b"abc");
    rig.deliver();
    let (woken, waker) = CountingWaker::pair();
    let waits = rig.frontend.register(id, Interest::Read, &waker);
    waits.expect("good");
    let call = shutdown(&mut rig, id, How::Both);
    assert_eq!(rig.frontend.try_call(call, Waker::noop()), Ok(0));
    assert!(woken.count() > 0);
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
    let mut into = [0; 2];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(2));
    assert_eq!(rig.frontend.draining(), 1);
    let stream = rig.backend.stream(id).expect("draining");
    assert_eq!(stream.receive(99), b"last words");
    rig.settle();
    assert!(rig.backend.stream(id).is_none(), "released");
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(1));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
    assert_eq!(rig.frontend.peer_addr(id), Ok(Rig::PEER));
    rig.frontend.close(id, None, 0).expect("the handle is good");
    assert_clean(&rig);
}

#[test]
fn a_plain_backend_can_end_both_at_once_when_nothing_is_to_be_sent() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let call = shutdown(&mut rig, id, How::Both);
    assert_eq!(rig.frontend.try_call(call, Waker::noop()), Ok(0));
    rig.settle();
    assert!(rig.backend.stream(id).is_none(), "released");
    assert_eq!(rig.frontend.try_read(id, &mut [0]), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
    let again = rig.frontend.call(id, Call::Shutdown(How::Both), 0);
    assert_eq!(again, Err(SocketError::NotConnected));
    rig.frontend.close(id, None, 0).expect("the handle is good");
    assert_clean(&rig);
}

#[test]
fn closing_while_a_plain_backend_is_drained_goes_on_with_that_or_stops_it() {
    for (linger_ns, arrives) in [(None, true), (Some(0), false)] {
        let mut rig = rig();
        let id = connected(&mut rig);
        assert_eq!(rig.frontend.try_write(id, b"last words", 0), Ok(10));
        shutdown(&mut rig, id, How::Both);
        rig.frontend.close(id, linger_ns, 0).expect("good");
        if arrives {
            nothing_asked(&mut rig);
            let stream = rig.backend.stream(id).expect("draining");
            assert_eq!(stream.receive(99), b"last words");
            rig.deliver();
        }
        let release = expect!(&mut rig, Wire::Release { .. });
        answer!(&mut rig, release, 0);
        rig.advance(20_000_000_000);
        assert_eq!(rig.frontend.stats().sockets, 0);
        assert_clean(&rig);
    }
}

#[test]
fn an_end_of_reading_needs_no_backend() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let call = shutdown(&mut rig, id, How::Read);
    assert_eq!(rig.frontend.try_call(call, Waker::noop()), Ok(0));
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4]), Ok(0));
    // As on Linux: what comes all the same can be read.
    rig.backend.stream(id).expect("connected").send(b"abc");
    rig.deliver();
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4]), Ok(3));
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4]), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), Ok(1));
}

#[test]
fn the_way_in_and_then_the_way_out_is_both() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let out = Call::Shutdown(How::Write);
    let unsupported = SocketError::Unsupported(crate::Features::SHUTDOWN);
    assert_eq!(rig.frontend.call(id, out, 0), Err(unsupported));
    for how in [How::Read, How::Write] {
        let call = shutdown(&mut rig, id, how);
        assert_eq!(rig.frontend.try_call(call, Waker::noop()), Ok(0));
    }
    let release = expect!(&mut rig, Wire::Release { .. });
    answer!(&mut rig, release, 0);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4]), Ok(0));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), refused());
    rig.frontend.close(id, None, 0).expect("the handle is good");
    assert_clean(&rig);
}
