//! A backend that does not know a command, version 1's included: -524, with or without the id, is
//! an error of the one who asked, and leaves nothing behind.

use core::task::Waker;

use super::{assert_clean, begin, connected, extended, next};
use crate::test_utils::{Call as Wire, FakeRequest, Rig};
use crate::{
    Call, Errno, How, ListenOptions, ResolveFamily, SocketError, SocketId, SocketOption, TryError,
};

/// Answers as Linux does to what it does not know: the id is what lay in the slot.
#[track_caller]
fn unknown(rig: &mut Rig, request: &FakeRequest) {
    let ret = -Errno::ENOTSUPP.number();
    let stale = request.id ^ 0x5555;
    rig.backend.respond(request.req_id, request.cmd, ret, stale);
    rig.deliver();
}

fn error<T>() -> Result<T, TryError> {
    Err(SocketError::Remote(Errno::ENOTSUPP).into())
}

#[track_caller]
fn closes(mut rig: Rig, id: SocketId) {
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    rig.settle();
    assert_eq!(rig.frontend.stats().bad_responses, 0);
    assert_clean(&rig);
    connected(&mut rig);
}

#[test]
fn socket_and_connect() {
    for answered in 1..=2 {
        let mut rig = super::rig();
        let id = begin(&mut rig);
        for number in 1..=answered {
            let request = next(&mut rig);
            match number == answered {
                true => unknown(&mut rig, &request),
                false => answer!(&mut rig, request, 0),
            }
        }
        assert_eq!(rig.frontend.try_connect(id), error());
        closes(rig, id);
    }
}

#[test]
fn socket_when_connect_is_right_behind_it() {
    let mut rig = extended();
    let id = begin(&mut rig);
    let socket = expect!(&mut rig, Wire::Socket { .. });
    let connect = expect!(&mut rig, Wire::Connect { .. });
    unknown(&mut rig, &socket);
    unknown(&mut rig, &connect);
    assert_eq!(rig.frontend.try_connect(id), error());
    closes(rig, id);
}

#[test]
fn release_gives_the_ring_back_all_the_same() {
    let mut rig = super::rig();
    let id = connected(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let request = expect!(&mut rig, Wire::Release { .. });
    // It has not let go of the ring, which waits in quarantine.
    unknown(&mut rig, &request);
    assert_eq!(rig.frontend.stats().sockets, 0);
    assert_eq!(rig.frontend.stats().quarantined_pages, 3);
    rig.backend.unmap(id.get());
    rig.advance(1_000_000_000);
    assert_clean(&rig);
}

#[test]
fn bind_listen_and_accept() {
    for answered in 2..=4 {
        let mut rig = super::rig();
        let at = "0.0.0.0:7".parse().expect("an address");
        let id = rig.frontend.listen(at, ListenOptions::default(), 0);
        let id = id.expect("there is room");
        for number in 1..=answered {
            let request = next(&mut rig);
            match number == answered {
                true => unknown(&mut rig, &request),
                false => answer!(&mut rig, request, 0),
            }
        }
        assert_eq!(rig.frontend.try_accept(id, 0), error(), "{answered}");
        closes(rig, id);
    }
}

#[test]
fn calls() {
    let mut rig = extended();
    let id = connected(&mut rig);
    for call in [
        Call::Shutdown(How::Write),
        Call::SetOption(SocketOption::NoDelay, 1),
        Call::GetOption(SocketOption::NoDelay),
    ] {
        let call = rig.frontend.call(id, call, 0).expect("it is offered");
        let request = next(&mut rig);
        unknown(&mut rig, &request);
        assert_eq!(rig.frontend.try_call(call, Waker::noop()), error());
    }
    assert_eq!(rig.frontend.try_write(id, b"x", 0), Ok(1));
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(9), b"x");
    rig.deliver();
    let call = rig.frontend.resolve("h", ResolveFamily::Any, 0);
    let call = call.expect("it is offered");
    let request = next(&mut rig);
    unknown(&mut rig, &request);
    let outcome = rig.frontend.try_resolve(call, Waker::noop());
    assert_eq!(outcome, error());
    closes(rig, id);
}
