//! SOCKET, BIND and LISTEN: what succeeds, what fails, and how each failure looks to the caller.

use alloc::vec::Vec;

use super::passive::{
    SECOND, at, begin, close, establish, listening, next_accept, rig_with, small,
};
use super::{assert_clean, next, nothing_asked, rig};
use crate::features::Features;
use crate::test_utils::{Call, CountingWaker, FakeRequest, Rig};
use crate::{ConnectError, Errno, Interest, ListenOptions, RingOrder, SocketError, TryError};

#[test]
fn a_listener_is_made_bound_and_listens_before_it_accepts() {
    let mut rig = rig();
    let id = begin(&mut rig, 8080);
    let (woken, waker) = CountingWaker::pair();
    let registered = rig.frontend.register(id, Interest::Connect, &waker);
    assert_eq!(registered, Ok(()));
    let request = expect!(&mut rig, Call::Socket { domain: 2, .. });
    assert_eq!(request.id, id.get());
    nothing_asked(&mut rig);
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Bind { .. });
    let (at, len) = (at(8080), 16);
    assert_eq!(
        (request.id, request.call),
        (id.get(), Call::Bind { at, len })
    );
    nothing_asked(&mut rig);
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Listen { backlog: 128 });
    assert_eq!(rig.frontend.try_listen(id), Err(TryError::WouldBlock));
    let local = rig.frontend.local_addr(id);
    assert_eq!(local, Err(SocketError::NotConnected));
    nothing_asked(&mut rig);
    let before = woken.count();
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.try_listen(id), Ok(()));
    assert!(woken.count() > before || before > 0);
    assert_eq!(rig.frontend.local_addr(id), Ok(at));
    next_accept(&mut rig, id);
    nothing_asked(&mut rig);
    let error = rig.frontend.try_accept(id, 0);
    assert_eq!(error, Err(TryError::WouldBlock));
    assert_eq!(rig.frontend.stats().listeners, 1);
}

#[test]
fn what_is_no_listener_accepts_nothing_and_a_listener_carries_no_bytes() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
    let stream = super::begin(&mut rig);
    let error = rig.frontend.try_accept(stream, 0);
    assert_eq!(error, Err(SocketError::NotListening.into()));
    assert_eq!(SocketError::NotListening.errno(), Errno::EINVAL);
    let error: Result<usize, TryError> = Err(SocketError::NotConnected.into());
    assert_eq!(rig.frontend.try_read(listener, &mut [0]), error);
    assert_eq!(rig.frontend.try_write(listener, b"x", 0), error);
    let peer = rig.frontend.peer_addr(listener);
    assert!(peer.is_err(), "{peer:?}");
    close(&mut rig, listener);
    let error = rig.frontend.try_accept(listener, 0);
    assert_eq!(error, Err(SocketError::NoSuchSocket.into()));
}

/// Answers commands with success until that one comes, which is left.
#[track_caller]
fn until(rig: &mut Rig, step: u32) -> FakeRequest {
    loop {
        let request = next(rig);
        if request.cmd == step {
            return request;
        }
        answer!(rig, request, 0);
    }
}

const SOCKET: u32 = 0;
const BIND: u32 = 3;
const LISTEN: u32 = 4;

#[test]
fn each_error_of_each_step_reaches_the_caller_and_leaves_nothing() {
    for step in [SOCKET, BIND, LISTEN] {
        for number in [1, 12, 13, 22, 24, 97, 98, 99, 105, 524, 4095] {
            let mut rig = rig();
            let id = begin(&mut rig, 80);
            let (woken, waker) = CountingWaker::pair();
            { rig.frontend.register(id, Interest::Connect, &waker) }.expect("good");
            let request = until(&mut rig, step);
            { rig.frontend.register(id, Interest::Connect, &waker) }.expect("good");
            let before = woken.count();
            answer!(&mut rig, request, -number);
            assert!(woken.count() > before);
            let errno = Errno::new(number).expect("in range");
            let error: TryError = SocketError::Remote(errno).into();
            assert_eq!(rig.frontend.try_listen(id), Err(error));
            assert_eq!(rig.frontend.try_accept(id, 0), Err(error));
            if step != SOCKET {
                let release = expect!(&mut rig, Call::Release { .. });
                assert_eq!(release.id, id.get());
                answer!(&mut rig, release, 0);
            }
            nothing_asked(&mut rig);
            close(&mut rig, id);
            assert_clean(&rig);
            assert_eq!(rig.frontend.stats().listeners, 0);
        }
    }
}

#[test]
fn the_host_chooses_a_port_where_it_can_tell_which() {
    let mut rig = rig_with(&["feature-names"]);
    let id = begin(&mut rig, 0);
    let request = until(&mut rig, BIND);
    let call = Call::Bind { at: at(0), len: 16 };
    assert_eq!(request.call, call);
    rig.backend.answer_named(&request, Some(at(33000)), None);
    rig.deliver();
    let request = expect!(&mut rig, Call::Listen { .. });
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.local_addr(id), Ok(at(33000)));
}

#[test]
fn a_host_that_tells_nonsense_of_the_port_is_not_believed() {
    for nonsense in ["[2001:db8::1]:5000", "192.0.2.7:0"] {
        let mut rig = rig_with(&["feature-names"]);
        let id = begin(&mut rig, 0);
        let request = until(&mut rig, BIND);
        let name = nonsense.parse().ok();
        rig.backend.answer_named(&request, name, None);
        rig.deliver();
        let request = expect!(&mut rig, Call::Listen { .. });
        answer!(&mut rig, request, 0);
        let local = rig.frontend.local_addr(id);
        assert_eq!(local, Err(SocketError::BadAnswer));
    }
}

/// The port of a BIND that is in the ring.
#[track_caller]
fn tried(request: &FakeRequest) -> u16 {
    match request.call {
        Call::Bind { at, .. } => at.port(),
        _ => panic!("{request:?} is no BIND"),
    }
}

#[test]
fn ports_are_tried_where_the_host_cannot_tell() {
    let mut rig = rig();
    let id = begin(&mut rig, 0);
    let mut ports = Vec::new();
    let mut request = until(&mut rig, BIND);
    for _ in 0..20 {
        ports.push(tried(&request));
        answer!(&mut rig, request, -98);
        assert_eq!(rig.frontend.try_listen(id), Err(TryError::WouldBlock));
        request = expect!(&mut rig, Call::Bind { .. });
    }
    let port = tried(&request);
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Listen { .. });
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.local_addr(id), Ok(at(port)));
    assert!(ports.iter().all(|port| (49152..=65535).contains(port)));
    ports.sort_unstable();
    ports.dedup();
    assert!(ports.len() > 15, "they are random: {ports:?}");
}

#[test]
fn ports_are_not_tried_for_ever() {
    let mut rig = rig();
    let id = begin(&mut rig, 0);
    let mut request = until(&mut rig, BIND);
    let mut tries = 0;
    while request.cmd == BIND {
        tries += 1;
        assert!(tries < 1000);
        answer!(&mut rig, request, -98);
        request = next(&mut rig);
    }
    let error: TryError = SocketError::Remote(Errno::EADDRINUSE).into();
    assert_eq!(rig.frontend.try_listen(id), Err(error));
    assert!(matches!(request.call, Call::Release { .. }));
    answer!(&mut rig, request, 0);
    close(&mut rig, id);
    assert_clean(&rig);
}

#[test]
fn a_port_that_is_refused_for_another_reason_ends_the_tries() {
    let mut rig = rig();
    let id = begin(&mut rig, 0);
    let request = until(&mut rig, BIND);
    answer!(&mut rig, request, -13);
    let error: TryError = SocketError::Remote(Errno::EACCES).into();
    assert_eq!(rig.frontend.try_listen(id), Err(error));
}

#[test]
fn a_conflict_that_shows_at_listen_begins_again_with_another_port() {
    let mut rig = rig();
    let id = begin(&mut rig, 0);
    let mut ports = Vec::new();
    for _ in 0..3 {
        let request = until(&mut rig, BIND);
        assert_eq!(request.id, id.get());
        ports.push(tried(&request));
        answer!(&mut rig, request, 0);
        let request = expect!(&mut rig, Call::Listen { .. });
        answer!(&mut rig, request, -98);
        assert_eq!(rig.frontend.try_listen(id), Err(TryError::WouldBlock));
        let request = expect!(&mut rig, Call::Release { .. });
        answer!(&mut rig, request, 0);
        assert_eq!(rig.frontend.try_listen(id), Err(TryError::WouldBlock));
    }
    ports.dedup();
    assert_eq!(ports.len(), 3);
    establish(&mut rig, id);
    next_accept(&mut rig, id);
    // Somebody who gives up in the middle of that is not served any more.
    let id = begin(&mut rig, 0);
    let request = until(&mut rig, LISTEN);
    answer!(&mut rig, request, -98);
    let request = expect!(&mut rig, Call::Release { .. });
    close(&mut rig, id);
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.stats().sockets, 2, "the other and its stream");
}

#[test]
fn what_the_backend_does_not_know_is_refused_at_once() {
    let mut rig = rig();
    let v6 = "[::]:80".parse().expect("an address");
    let error = rig.frontend.listen(v6, small(), 0);
    assert_eq!(error, Err(ConnectError::Unsupported(Features::IPV6)));
    let only = ListenOptions {
        only_v6: Some(true),
        ..small()
    };
    let error = rig.frontend.listen(at(80), only, 0);
    assert_eq!(error, Err(ConnectError::Unsupported(Features::OPTIONS)));
    let large = ListenOptions {
        ring_order: RingOrder::new(9),
        ..small()
    };
    let error = rig.frontend.listen(at(80), large, 0);
    assert!(matches!(error, Err(ConnectError::RingOrder { .. })));
    nothing_asked(&mut rig);
    assert_clean(&rig);
}

#[test]
fn an_option_that_bind_depends_on_is_set_before_it() {
    for (only, number) in [(true, 1), (false, 0)] {
        let mut rig = rig_with(&["feature-ipv6", "feature-options"]);
        let v6 = "[2001:db8::7]:80".parse().expect("an address");
        let options = ListenOptions {
            only_v6: Some(only),
            ..small()
        };
        let id = rig.frontend.listen(v6, options, 0).expect("it is known");
        let request = expect!(&mut rig, Call::Socket { domain: 10, .. });
        answer!(&mut rig, request, 0);
        let request = expect!(&mut rig, Call::SetOption { option: 9, .. });
        let (option, value) = (9, number);
        assert_eq!(request.call, Call::SetOption { option, value });
        nothing_asked(&mut rig);
        answer!(&mut rig, request, 0);
        let request = expect!(&mut rig, Call::Bind { len: 28, .. });
        answer!(&mut rig, request, 0);
        let request = expect!(&mut rig, Call::Listen { .. });
        answer!(&mut rig, request, 0);
        assert_eq!(rig.frontend.local_addr(id), Ok(v6));
    }
    let mut rig = rig_with(&["feature-options"]);
    let options = ListenOptions {
        only_v6: Some(true),
        ..small()
    };
    let id = rig
        .frontend
        .listen(at(80), options, 0)
        .expect("it is known");
    let request = until(&mut rig, 9);
    answer!(&mut rig, request, -92);
    let errno = Errno::new(92).expect("in range");
    let error: TryError = SocketError::Remote(errno).into();
    assert_eq!(rig.frontend.try_listen(id), Err(error));
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    close(&mut rig, id);
    assert_clean(&rig);
}

#[test]
fn there_are_as_many_listeners_as_slots_for_their_accepts() {
    let mut rig = rig();
    let mut all = Vec::new();
    for port in 1..=10 {
        let id = listening(&mut rig, port);
        // Each has its ACCEPT.
        next_accept(&mut rig, id);
        all.push(id);
    }
    let error = rig.frontend.listen(at(99), small(), 0);
    assert_eq!(error, Err(ConnectError::TooManyListeners));
    assert_eq!(ConnectError::TooManyListeners.errno(), Errno::ENOBUFS);
    assert_eq!(rig.frontend.stats().accepts_out, 10);
    // There is room for commands of others.
    let stream = super::begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    assert_eq!(request.id, stream.get());
    answer!(&mut rig, request, 0);
    expect!(&mut rig, Call::Connect { .. });
    close(&mut rig, all[3]);
    begin(&mut rig, 99);
}

#[test]
fn a_caller_that_gives_up_has_its_error_at_once_and_the_backend_is_told() {
    for step in [SOCKET, BIND, LISTEN] {
        let mut rig = rig();
        let options = ListenOptions {
            deadline_ns: Some(SECOND),
            ..small()
        };
        let id = rig
            .frontend
            .listen(at(80), options, 0)
            .expect("no shortage");
        let request = until(&mut rig, step);
        rig.advance(SECOND - 1);
        assert_eq!(rig.frontend.try_listen(id), Err(TryError::WouldBlock));
        rig.advance(1);
        let error: TryError = SocketError::TimedOut.into();
        assert_eq!(rig.frontend.try_listen(id), Err(error));
        // RELEASE does not wait for an answer that may never come.
        let release = expect!(&mut rig, Call::Release { .. });
        answer!(&mut rig, request, 0);
        nothing_asked(&mut rig);
        assert_eq!(rig.frontend.stats().late_answers, 1);
        answer!(&mut rig, release, 0);
        assert_eq!(rig.frontend.try_listen(id), Err(error));
        close(&mut rig, id);
        assert_clean(&rig);
    }
}

#[test]
fn closing_at_every_step_leaves_nothing() {
    for (step, ret) in [SOCKET, BIND, LISTEN].into_iter().zip([0, -98, 0]) {
        let mut rig = rig();
        let id = begin(&mut rig, 80);
        let request = until(&mut rig, step);
        close(&mut rig, id);
        let error = rig.frontend.try_listen(id);
        assert_eq!(error, Err(SocketError::NoSuchSocket.into()));
        answer!(&mut rig, request, ret);
        let release = expect!(&mut rig, Call::Release { .. });
        nothing_asked(&mut rig);
        answer!(&mut rig, release, 0);
        assert_clean(&rig);
    }
    // Before SOCKET has left: nobody has heard of it.
    let mut rig = rig();
    let others: Vec<_> = (0..24).map(|_| super::begin(&mut rig)).collect();
    let id = begin(&mut rig, 80);
    close(&mut rig, id);
    rig.settle();
    for id in others {
        close(&mut rig, id);
    }
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn a_release_that_fails_closes_all_the_same() {
    let mut rig = rig();
    let id = begin(&mut rig, 80);
    let request = until(&mut rig, LISTEN);
    answer!(&mut rig, request, -22);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, -9);
    close(&mut rig, id);
    assert_clean(&rig);
}

#[test]
fn a_caller_who_gives_up_between_two_ports_has_its_error_at_once() {
    let mut rig = rig();
    let options = ListenOptions {
        deadline_ns: Some(SECOND),
        ..small()
    };
    let id = rig.frontend.listen(at(0), options, 0).expect("no shortage");
    let request = until(&mut rig, LISTEN);
    answer!(&mut rig, request, -98);
    let release = expect!(&mut rig, Call::Release { .. });
    rig.advance(SECOND);
    let error: TryError = SocketError::TimedOut.into();
    assert_eq!(rig.frontend.try_listen(id), Err(error));
    answer!(&mut rig, release, 0);
    nothing_asked(&mut rig);
    close(&mut rig, id);
    assert_clean(&rig);
}
