//! SOCKET and CONNECT: what is sent, what each answer does, and callers who give up.

use super::{assert_clean, begin, nothing_asked, rig};
use crate::test_utils::{Call, CountingWaker, Rig};
use crate::{
    Blame, Config, ConnectError, ConnectOptions, Errno, Interest, NoPort, ResourceError, RingOrder,
    ShareError, SocketError, TryError,
};

const SECOND: u64 = 1_000_000_000;

#[test]
fn connect_sends_socket_and_then_connect() {
    let mut rig = rig();
    let (woken, waker) = CountingWaker::pair();
    let id = begin(&mut rig);
    rig.frontend
        .register(id, Interest::Connect, &waker)
        .expect("the handle is good");
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));

    let request = expect!(
        &mut rig,
        Call::Socket {
            domain: 2,
            kind: 1,
            protocol: 0
        }
    );
    assert_eq!(request.id, id.get());
    nothing_asked(&mut rig);
    answer!(&mut rig, request, 0);

    let request = expect!(
        &mut rig,
        Call::Connect {
            to: Rig::PEER,
            len: 16,
            flags: 0,
            ..
        }
    );
    assert_eq!(request.id, id.get());
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    rig.frontend
        .register(id, Interest::Connect, &waker)
        .expect("the handle is good");
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.try_connect(id), Ok(()));
    assert!(woken.count() >= 1);
}

#[test]
fn the_ids_on_the_wire_are_positive_in_their_low_half_and_never_repeat() {
    let mut rig = rig();
    let mut seen = alloc::collections::BTreeSet::new();
    for _ in 0..100 {
        let id = begin(&mut rig);
        let low = u32::try_from(id.get() & 0xffff_ffff).expect("masked");
        assert!(low.cast_signed() > 0);
        assert!(seen.insert(id.get()));
        rig.settle();
        rig.frontend.close(id, None, rig.now_ns).expect("good");
        rig.settle();
    }
    assert_clean(&rig);
}

/// One answer to CONNECT and what becomes of it.
#[track_caller]
fn connect_answered(ret: i32) -> SocketError {
    let mut rig = rig();
    let id = begin(&mut rig);
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    let connect = expect!(&mut rig, Call::Connect { .. });
    answer!(&mut rig, connect, ret);
    let Err(TryError::Failed(error)) = rig.frontend.try_connect(id) else {
        panic!("{ret} is a failure");
    };
    // The error is there at once; the id is given back in the background.
    let release = expect!(&mut rig, Call::Release { reuse: 0 });
    answer!(&mut rig, release, 0);
    assert_eq!(rig.platform.shared_pages(), 1, "the ring is gone");
    assert_eq!(rig.frontend.try_connect(id), Err(error.into()), "it stays");
    assert_eq!(rig.frontend.try_read(id, &mut [0; 8]), Err(error.into()));
    rig.frontend.close(id, None, 0).expect("the handle is good");
    assert_clean(&rig);
    assert_eq!(error.blame(), Blame::Remote);
    error
}

#[test]
fn every_errno_of_connect_reaches_the_caller() {
    for errno in [
        Errno::ECONNREFUSED,
        Errno::ETIMEDOUT,
        Errno::ENETUNREACH,
        Errno::EHOSTUNREACH,
        Errno::ECONNRESET,
        Errno::EACCES,
        Errno::EINVAL,
        Errno::EADDRNOTAVAIL,
        Errno::ENOTSUPP,
        Errno::EAFNOSUPPORT,
    ] {
        assert_eq!(connect_answered(-errno.number()).errno(), errno);
    }
}

#[test]
fn an_errno_out_of_range_is_an_io_error() {
    for ret in [-4096, i32::MIN] {
        assert_eq!(connect_answered(ret), SocketError::Remote(Errno::EIO));
    }
}

#[test]
fn a_failing_socket_needs_no_release() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, -97);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::Remote(Errno::EAFNOSUPPORT).into())
    );
    nothing_asked(&mut rig);
    rig.frontend.close(id, None, 0).expect("the handle is good");
    assert_clean(&rig);
}

#[test]
fn a_ring_beyond_the_backends_limit_is_refused_before_anything_is_sent() {
    let mut rig = rig();
    let options = ConnectOptions {
        ring_order: RingOrder::new(5),
        deadline_ns: None,
    };
    let error = rig.frontend.connect(Rig::PEER, options, 0);
    assert!(matches!(error, Err(ConnectError::RingOrder { .. })));
    nothing_asked(&mut rig);
    assert_clean(&rig);
}

#[test]
fn shortages_of_the_guest_fail_the_connect_alone() {
    let mut rig = rig();
    rig.platform.set_share_error(Some(ShareError::OutOfMemory));
    let error = rig
        .frontend
        .connect(Rig::PEER, ConnectOptions::default(), 0);
    let expected = ResourceError::Share(ShareError::OutOfMemory);
    assert_eq!(error, Err(ConnectError::Resources(expected)));
    assert_eq!(expected.errno(), Errno::ENOMEM);
    rig.platform.set_share_error(None);
    rig.platform.set_no_port(true);
    let error = rig
        .frontend
        .connect(Rig::PEER, ConnectOptions::default(), 0);
    let expected = ResourceError::Port(NoPort);
    assert_eq!(error, Err(ConnectError::Resources(expected)));
    assert_clean(&rig);
    rig.platform.set_no_port(false);
    rig.connect(RingOrder::MIN);
}

#[test]
fn a_caller_whose_deadline_passes_has_its_error_at_once_and_the_ring_stays() {
    let mut rig = rig();
    let options = ConnectOptions {
        ring_order: Some(RingOrder::MIN),
        deadline_ns: Some(SECOND),
    };
    let id = rig
        .frontend
        .connect(Rig::PEER, options, 0)
        .expect("there are resources");
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Connect { .. });
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Connect, &waker)
        .expect("the handle is good");
    rig.advance(SECOND - 1);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    rig.advance(1);
    assert_eq!(woken.count(), 1);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::TimedOut.into())
    );
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_eq!(rig.platform.shared_pages(), 4, "the backend may map it yet");

    // Minutes later the connection comes about: nobody wants it.
    rig.advance(120 * SECOND);
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.stats().late_answers, 1);
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, id.get());
    assert_eq!(rig.platform.shared_pages(), 4, "it is mapped");
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn a_late_failure_gives_the_ring_back() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Connect { .. });
    rig.frontend.close(id, None, 0).expect("the handle is good");
    answer!(&mut rig, request, -110);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn a_connect_given_up_while_socket_is_out_never_connects() {
    let mut rig = rig();
    let id = begin(&mut rig);
    rig.frontend.close(id, None, 0).expect("the handle is good");
    assert_eq!(
        rig.frontend.close(id, None, 0),
        Err(SocketError::NoSuchSocket),
        "the handle is gone"
    );
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn a_connect_without_a_deadline_ends_all_the_same() {
    let mut rig = rig();
    let id = begin(&mut rig);
    rig.advance(149 * SECOND);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    rig.advance(SECOND);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::TimedOut.into())
    );
}

#[test]
fn connects_beyond_the_limit_wait_on_our_side_and_vanish_without_a_trace() {
    let mut rig = Rig::new(Config {
        connects_in_flight: 1,
        ..Config::default()
    });
    let first = begin(&mut rig);
    let second = begin(&mut rig);
    let third = begin(&mut rig);
    for _ in 0..3 {
        let request = expect!(&mut rig, Call::Socket { .. });
        answer!(&mut rig, request, 0);
    }
    let connect = expect!(&mut rig, Call::Connect { .. });
    assert_eq!(connect.id, first.get());
    nothing_asked(&mut rig);
    // The second gives up: it was never sent, so it needs only a RELEASE.
    rig.frontend.close(second, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, second.get());
    answer!(&mut rig, release, 0);
    answer!(&mut rig, connect, 0);
    let connect = expect!(&mut rig, Call::Connect { .. });
    assert_eq!(connect.id, third.get());
    answer!(&mut rig, connect, 0);
    assert_eq!(rig.frontend.try_connect(third), Ok(()));
}

#[test]
fn a_handle_kept_too_long_names_nobody() {
    let mut rig = rig();
    let old = begin(&mut rig);
    rig.settle();
    rig.frontend
        .close(old, None, 0)
        .expect("the handle is good");
    rig.settle();
    let new = begin(&mut rig);
    rig.settle();
    assert_ne!(old, new);
    assert_eq!(
        rig.frontend.try_read(old, &mut [0; 4]),
        Err(SocketError::NoSuchSocket.into())
    );
    assert_eq!(
        rig.frontend.try_write(old, b"x", 0),
        Err(SocketError::NoSuchSocket.into())
    );
    assert_eq!(rig.frontend.try_connect(new), Ok(()));
}

#[test]
fn reading_and_writing_before_the_connection_is_the_callers_mistake() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let expected = Err(SocketError::NotConnected.into());
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4]), expected);
    assert_eq!(rig.frontend.try_write(id, b"x", 0), expected);
    assert_eq!(SocketError::NotConnected.blame(), Blame::Caller);
}
