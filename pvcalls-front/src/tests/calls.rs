//! Calls: who waits for which answer, and what becomes of those that do not come.

use alloc::vec::Vec;
use core::task::Waker;

use super::{assert_clean, connected, extended, nothing_asked, rig};
use crate::platform::XenbusState;
use crate::test_utils::{Call as Wire, CountingWaker, FakeStore, Rig};
use crate::{
    Blame, Call, CallId, Config, DeviceFault, Errno, Features, How, SocketError, SocketId,
    SocketOption, TryError,
};

const SECOND: u64 = 1_000_000_000;

/// Something that is harmless to ask.
const ASK: Call = Call::GetOption(SocketOption::Ttl);

fn value(value: i64) -> [u8; 8] {
    value.to_le_bytes()
}

#[track_caller]
fn ask(rig: &mut Rig, id: SocketId) -> CallId {
    rig.frontend
        .call(id, ASK, rig.now_ns)
        .expect("there is room")
}

fn outcome(rig: &mut Rig, call: CallId) -> Result<i64, TryError> {
    rig.frontend.try_call(call, Waker::noop())
}

fn failed<T>(error: SocketError) -> Result<T, TryError> {
    Err(error.into())
}

#[test]
fn the_answer_reaches_whoever_waits_for_it_and_is_taken_once() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let call = ask(&mut rig, id);
    let (woken, waker) = CountingWaker::pair();
    assert_eq!(
        rig.frontend.try_call(call, &waker),
        Err(TryError::WouldBlock)
    );
    let request = expect!(&mut rig, Wire::GetOption { option: 3 });
    assert_eq!(request.id, id.get());
    rig.backend.answer_with(&request, 0, &value(64));
    rig.deliver();
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.try_call(call, &waker), Ok(64));
    assert_eq!(outcome(&mut rig, call), failed(SocketError::NoSuchCall));
    assert_eq!(rig.frontend.stats().calls, 0);
}

#[test]
fn a_plain_backend_is_not_even_asked() {
    let mut rig = rig();
    let id = connected(&mut rig);
    for (call, feature) in [
        (ASK, Features::OPTIONS),
        (Call::SetOption(SocketOption::NoDelay, 1), Features::OPTIONS),
        (Call::Shutdown(How::Write), Features::SHUTDOWN),
    ] {
        let error = SocketError::Unsupported(feature);
        assert_eq!(rig.frontend.call(id, call, 0), Err(error));
        assert_eq!(error.errno(), Errno::EOPNOTSUPP);
        assert_eq!(error.blame(), Blame::Backend);
    }
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.try_write(id, b"x", 0), Ok(1));
}

#[test]
fn every_error_number_reaches_the_caller() {
    let mut rig = extended();
    let id = connected(&mut rig);
    for errno in [
        Errno::ENOTSUPP,
        Errno::ENOPROTOOPT,
        Errno::EINVAL,
        Errno::EPERM,
        Errno::EBADF,
    ] {
        let call = ask(&mut rig, id);
        let request = expect!(&mut rig, Wire::GetOption { .. });
        answer!(&mut rig, request, -errno.number());
        assert_eq!(outcome(&mut rig, call), failed(SocketError::Remote(errno)));
    }
    assert_eq!(rig.frontend.stats().calls, 0);
}

#[test]
fn only_sockets_that_are_open_can_be_asked() {
    let mut rig = extended();
    let id = super::begin(&mut rig);
    let not_yet = Err(SocketError::NotConnected);
    assert_eq!(rig.frontend.call(id, ASK, 0), not_yet);
    assert_eq!(rig.frontend.call(id, Call::Shutdown(How::Both), 0), not_yet);
    rig.settle();
    rig.backend
        .stream(id)
        .expect("connected")
        .set_out_error(-104);
    rig.deliver();
    let gone = Err(SocketError::Remote(Errno::ECONNRESET));
    assert_eq!(rig.frontend.call(id, ASK, 0), gone);
    assert_eq!(rig.frontend.call(id, Call::Shutdown(How::Both), 0), not_yet);
    rig.frontend.close(id, None, 0).expect("good");
    let closed = Err(SocketError::NoSuchSocket);
    assert_eq!(rig.frontend.call(id, ASK, 0), closed);
}

#[test]
fn a_call_that_takes_too_long_fails_and_its_place_stays_until_the_answer() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let call = ask(&mut rig, id);
    let (woken, waker) = CountingWaker::pair();
    let _ = rig.frontend.try_call(call, &waker);
    let request = expect!(&mut rig, Wire::GetOption { .. });
    rig.advance(10 * SECOND - 1);
    assert_eq!(woken.count(), 0);
    rig.advance(1);
    assert_eq!(woken.count(), 1);
    assert_eq!(outcome(&mut rig, call), failed(SocketError::TimedOut));
    let stats = rig.frontend.stats();
    assert_eq!((stats.calls, stats.calls_given_up), (1, 1));
    // The stream is none the worse for it.
    assert_eq!(rig.frontend.try_write(id, b"x", rig.now_ns), Ok(1));
    let other = ask(&mut rig, id);
    rig.backend.answer_with(&request, 0, &value(1));
    rig.deliver();
    assert_eq!(rig.frontend.stats().late_answers, 1);
    assert_eq!(outcome(&mut rig, other), Err(TryError::WouldBlock));
    let request = expect!(&mut rig, Wire::GetOption { .. });
    rig.backend.answer_with(&request, 0, &value(2));
    rig.deliver();
    assert_eq!(outcome(&mut rig, other), Ok(2));
    assert_eq!(rig.frontend.stats().calls, 0);
}

#[test]
fn a_call_given_up_before_it_was_sent_is_never_sent() {
    let mut rig = extended();
    let id = connected(&mut rig);
    // All slots that there are for such commands.
    let sent: Vec<_> = (0..24).map(|_| ask(&mut rig, id)).collect();
    let queued = ask(&mut rig, id);
    rig.frontend.drop_call(queued);
    assert_eq!(rig.frontend.stats().calls, 24);
    rig.frontend.drop_call(sent[0]);
    assert_eq!(rig.frontend.stats().calls_given_up, 1);
    for _ in 0..24 {
        let request = expect!(&mut rig, Wire::GetOption { .. });
        rig.backend.answer_with(&request, 0, &value(9));
        rig.deliver();
    }
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.stats().late_answers, 1);
    assert_eq!(outcome(&mut rig, sent[0]), failed(SocketError::NoSuchCall));
    for call in &sent[1..] {
        assert_eq!(outcome(&mut rig, *call), Ok(9));
    }
    assert_eq!(rig.frontend.stats().calls, 0);
}

#[test]
fn calls_and_connects_take_turns_when_slots_are_short() {
    let mut rig = Rig::with_store(Config::default(), {
        // Without this one a connect is one command at a time.
        let mut store = FakeStore::with_features();
        store.remove("/local/domain/0/backend/pvcalls/7/0/feature-cancel");
        store
    });
    let id = connected(&mut rig);
    for _ in 0..40 {
        ask(&mut rig, id);
        super::begin(&mut rig);
    }
    let mut first = Vec::new();
    while let Some(request) = rig.backend.next_request() {
        first.push(request);
    }
    // From now on there is one slot at a time.
    let (mut calls, mut sockets) = (0, 0);
    for request in first.into_iter().take(12) {
        rig.backend.answer_with(&request, 0, &value(1));
        rig.deliver();
        while let Some(next) = rig.backend.next_request() {
            match next.call {
                Wire::GetOption { .. } => calls += 1,
                Wire::Socket { .. } => sockets += 1,
                other => assert!(matches!(other, Wire::Connect { .. }), "{other:?}"),
            }
        }
    }
    assert!(
        calls >= 4 && sockets >= 4,
        "{calls} calls, {sockets} sockets"
    );
}

#[test]
fn connects_that_wait_hold_no_call_up() {
    let mut rig = extended();
    let id = connected(&mut rig);
    for _ in 0..40 {
        super::begin(&mut rig);
    }
    let mut connects = 0;
    while let Some(request) = rig.backend.next_request() {
        match request.call {
            Wire::Socket { .. } => answer!(&mut rig, request, 0),
            _ => connects += 1,
        }
    }
    assert_eq!(connects, 20);
    ask(&mut rig, id);
    expect!(&mut rig, Wire::GetOption { .. });
}

#[test]
fn there_is_a_limit_and_it_counts_those_given_up() {
    let mut rig = Rig::with_store(
        Config {
            calls: 3,
            ..Config::default()
        },
        FakeStore::with_features(),
    );
    let id = connected(&mut rig);
    let calls: Vec<_> = (0..3).map(|_| ask(&mut rig, id)).collect();
    rig.frontend.drop_call(calls[1]);
    let error = SocketError::TooManyCalls;
    assert_eq!(rig.frontend.call(id, ASK, 0), Err(error));
    assert_eq!(error.errno(), Errno::ENOBUFS);
    // A refused shutdown has ended nothing.
    let shutdown = Call::Shutdown(How::Both);
    assert_eq!(rig.frontend.call(id, shutdown, 0), Err(error));
    assert_eq!(rig.frontend.try_write(id, b"x", 0), Ok(1));
    let _first = expect!(&mut rig, Wire::GetOption { .. });
    let second = expect!(&mut rig, Wire::GetOption { .. });
    answer!(&mut rig, second, 0);
    ask(&mut rig, id);
}

#[test]
fn closing_the_socket_fails_calls_that_are_not_sent_and_the_others_have_their_answer() {
    let mut rig = extended();
    let (id, other) = (connected(&mut rig), connected(&mut rig));
    let sent = ask(&mut rig, id);
    // One of them waits for a slot, too, and is before it.
    for _ in 0..24 {
        ask(&mut rig, other);
    }
    let (woken, waker) = CountingWaker::pair();
    let queued = ask(&mut rig, id);
    let _ = rig.frontend.try_call(queued, &waker);
    rig.frontend.close(id, None, 0).expect("good");
    assert_eq!(woken.count(), 1);
    assert_eq!(outcome(&mut rig, queued), failed(SocketError::NoSuchSocket));
    let request = expect!(&mut rig, Wire::GetOption { .. });
    rig.backend.answer_with(&request, 0, &value(5));
    rig.deliver();
    assert_eq!(outcome(&mut rig, sent), Ok(5));
}

#[test]
fn a_device_that_breaks_fails_them_all_at_once() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let calls: Vec<_> = (0..30).map(|_| ask(&mut rig, id)).collect();
    rig.frontend.drop_call(calls[3]);
    let (woken, waker) = CountingWaker::pair();
    let _ = rig.frontend.try_call(calls[0], &waker);
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    assert_eq!(woken.count(), 1);
    let error = SocketError::Device(DeviceFault::BackendGone);
    assert_eq!(error.errno(), Errno::ECONNRESET);
    assert_eq!(rig.frontend.call(id, ASK, 0), Err(error));
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    for (number, call) in calls.into_iter().enumerate() {
        if number != 3 {
            assert_eq!(outcome(&mut rig, call), failed(error));
        }
    }
    assert_eq!(rig.frontend.stats().calls, 0);
    rig.frontend.close(id, None, 0).expect("good");
    rig.advance(SECOND);
    assert_clean(&rig);
    // Their places serve again.
    let id = connected(&mut rig);
    let call = ask(&mut rig, id);
    let request = expect!(&mut rig, Wire::GetOption { .. });
    rig.backend.answer_with(&request, 0, &value(7));
    rig.deliver();
    assert_eq!(outcome(&mut rig, call), Ok(7));
}

#[test]
fn answers_that_answer_nothing_end_no_call() {
    let mut rig = extended();
    let socket = connected(&mut rig);
    let call = ask(&mut rig, socket);
    let request = expect!(&mut rig, Wire::GetOption { .. });
    let id = request.id;
    for (req_id, cmd, ret, id) in [
        (request.req_id ^ 0x40, request.cmd, 0, id), // never asked
        (request.req_id, 9, 0, id),                  // another command
        (request.req_id, request.cmd, 1, id),        // no such result
        (request.req_id, request.cmd, 0, id + 1),    // another socket
    ] {
        rig.backend.respond(req_id, cmd, ret, id);
        // Each takes a slot of the ring, which only a request gives.
        ask(&mut rig, socket);
        rig.deliver();
        assert_eq!(outcome(&mut rig, call), Err(TryError::WouldBlock));
    }
    assert_eq!(rig.frontend.stats().bad_responses, 4);
    ask(&mut rig, socket);
    rig.backend.answer_with(&request, 0, &value(1));
    // Twice: the second one answers nothing.
    rig.backend.answer_with(&request, 0, &value(2));
    rig.deliver();
    assert_eq!(outcome(&mut rig, call), Ok(1));
    assert_eq!(rig.frontend.stats().bad_responses, 5);
}

#[test]
fn a_waker_that_comes_later_takes_the_place_of_the_one_before() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let call = ask(&mut rig, id);
    let (first, waker) = CountingWaker::pair();
    let _ = rig.frontend.try_call(call, &waker);
    let (second, waker) = CountingWaker::pair();
    let _ = rig.frontend.try_call(call, &waker);
    rig.settle();
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[test]
fn a_socket_that_waits_for_the_device_says_that_it_is_away() {
    let mut rig = extended();
    let at = "0.0.0.0:7".parse().expect("an address");
    let id = rig.frontend.listen(at, Default::default(), 0);
    let id = id.expect("there is room");
    rig.settle();
    ask(&mut rig, id);
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    assert_eq!(rig.frontend.call(id, ASK, 0), Err(SocketError::Away));
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    rig.settle();
    ask(&mut rig, id);
}
